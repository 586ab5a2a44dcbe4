// One digest over sources and launches of a plan.
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

std::string text(const Launch& launch) {
  std::string words = fmt::format("{} tiles={} persistent={} blocks={} threads={} shared={}\n",
                                  digest(launch.source), launch.tiles, launch.persistent,
                                  launch.blocks_per_multiprocessor, launch.threads, launch.shared_bytes);
  for (const Argument& argument : launch.arguments) words += text(argument) + "\n";
  return words;
}

}  // namespace

std::string source_digest(const Plan& plan) {
  std::string words = fmt::format("workspace={}\n", plan.workspace_bytes);
  for (const Launch& launch : plan.launches) words += text(launch);
  const XXH128_hash_t hash = XXH3_128bits(words.data(), words.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace warpfinch
