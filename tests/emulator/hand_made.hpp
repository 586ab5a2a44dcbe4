// Kernels written by hand for tests of single leaves and hazards. They take u32 pointers `a`, `b`, … and,
// where the test gives them, tensor maps `map0`, `map1`, …
#pragma once

#include <fmt/format.h>

#include <cstring>

#include "generator/emit/templates.hpp"
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {

using Words = std::vector<uint32_t>;

struct HandMade {
  std::string body;
  int threads = 32;
  int shared_bytes = 1024;
  int64_t grid = 1;
  std::vector<TensorMap> maps = {};  // each over the buffer of the same index
  int read_only = 0;                 // that many buffers from the first on
  uint64_t seed = 0;
  int cluster = 1;
  double most_seconds = 0;
  int host_threads = 1;
  std::string ptx = "sm90", mma = "sm90";           // the folders that they are from
  std::pair<std::string, std::string> change = {};  // of the headers: a text, and what stands there instead
};

inline CudaSource hand_made_source(const HandMade& kernel, size_t buffers) {
  CudaSource source{"by_hand", "sm_90a", "", {}, {}};
  std::vector<std::string> names = {"types.cuh",      "ptx.cuh",       kernel.ptx + "/ptx.cuh", "tiles.cuh",
                                    "arithmetic.cuh", "row_shift.cuh", "softmax.cuh",           "walk.cuh",
                                    "ring.cuh",       "copy.cuh",      kernel.mma + "/mma.cuh"};
  if (kernel.ptx == "sm90") names.push_back("sm90/tma.cuh");
  if (kernel.mma == "sm90") names.push_back("wgmma.cuh");  // its stand-in has all forms
  for (const std::string& name : names) {
    source.headers.push_back({name, std::string(template_text(name))});
    std::string& text = source.headers.back().text;
    if (const auto& [from, to] = kernel.change; !from.empty() && text.find(from) != std::string::npos)
      replace_all(text, from, to);
    source.kernel += fmt::format("#include \"{}\"\n", name);
  }
  source.kernel += "using namespace warpfinch;\n";
  std::string parameters;
  for (size_t i = 0; i < kernel.maps.size(); ++i)
    parameters += fmt::format("const __grid_constant__ TensorMap map{}, ", i);
  for (size_t i = 0; i < buffers; ++i) parameters += fmt::format("u32* {}, ", static_cast<char>('a' + i));
  parameters.resize(parameters.size() - 2);
  source.kernel +=
      fmt::format("extern \"C\" __global__ void by_hand({}) {{\n{}\n}}\n", parameters, kernel.body);
  return source;
}

inline Report run_by_hand(const HandMade& kernel, std::vector<Words*> buffers) {
  Launch launch;
  launch.name = "by_hand";
  launch.source = hand_made_source(kernel, buffers.size());
  launch.threads = kernel.threads;
  launch.shared_bytes = kernel.shared_bytes;
  launch.cluster = kernel.cluster;
  std::vector<std::byte*> addresses;
  std::vector<Allocation> memory;
  const auto place = [&](size_t i) { return reinterpret_cast<std::byte*>(buffers[i]->data()); };
  for (size_t i = 0; i < kernel.maps.size(); ++i) {
    launch.arguments.push_back({Argument::Kind::tensor_map, {}, kernel.maps[i]});
    addresses.push_back(place(i));
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    launch.arguments.push_back({});
    addresses.push_back(place(i));
    memory.push_back({place(i), buffers[i]->size() * 4, std::string(1, static_cast<char>('a' + i)),
                      static_cast<int>(i) >= kernel.read_only});
  }
  const auto built = load(launch.source, build_object(launch.source, test_cache()));
  return run(
      *built, launch, kernel.grid, addresses, memory,
      {.schedule_seed = kernel.seed, .threads = kernel.host_threads, .most_seconds = kernel.most_seconds});
}

// Kinds of the hazards, joined by commas.
inline std::string kinds_of(const Report& report) {
  std::string kinds;
  for (const Hazard& hazard : report.hazards)
    if (kinds.find(hazard.kind) == std::string::npos) kinds += (kinds.empty() ? "" : ", ") + hazard.kind;
  return kinds;
}

// Words that a 16-byte aligned copy may start at; the value of each is its index plus `from`.
inline Words counting(size_t count, uint32_t from = 0) {
  Words words(count);
  for (size_t i = 0; i < count; ++i) words[i] = from + static_cast<uint32_t>(i);
  return words;
}

}  // namespace warpfinch::emulator
