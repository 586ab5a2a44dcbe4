// One digest over code and launches of a plan.
#include "tuner/source_digest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

namespace warpfinch {

namespace {

std::string text(const Argument& argument) {
  if (argument.kind == Argument::Kind::counter) return "counter";
  const TensorMap& map = argument.map;
  std::string words = fmt::format("{}+{}", argument.buffer.buffer, argument.buffer.offset);
  if (argument.kind == Argument::Kind::tensor_map)
    words += fmt::format(" map {} [{}] [{}] [{}] swizzle={}", to_text(map.type), fmt::join(map.shape, ","),
                         fmt::join(map.byte_strides, ","), fmt::join(map.box, ","), map.swizzle);
  return words;
}

// code: the digest of what is launched.
std::string text(const Launch& launch, const std::string& code) {
  std::string words =
      fmt::format("{} tiles={} persistent={} ctas_per_sm={} threads={} shared={}\n", code, launch.tiles,
                  launch.persistent, launch.blocks_per_multiprocessor, launch.threads, launch.shared_bytes);
  for (const Argument& argument : launch.arguments) words += text(argument) + "\n";
  return words;
}

std::string hash_text(const std::string& bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

template <class CodeOf>
std::string plan_digest(const Plan& plan, CodeOf code_of) {
  std::string words = fmt::format("workspace={}\n", plan.workspace_bytes);
  for (size_t i = 0; i < plan.launches.size(); ++i) words += text(plan.launches[i], code_of(i));
  return hash_text(words);
}

}  // namespace

std::string source_digest(const Plan& plan) {
  return plan_digest(plan, [&](size_t i) { return digest(plan.launches[i].source); });
}

std::string cubin_digest(const Plan& plan, const std::vector<CompiledKernel>& kernels) {
  return plan_digest(plan, [&](size_t i) { return hash_text(kernels.at(i).cubin); });
}

}  // namespace warpfinch
