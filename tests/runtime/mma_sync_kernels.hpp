// Kernels for chips whose matrix unit is a warp's own (mma.sync): one written by hand, and kernels of sm_90a
// made over.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "generator/emit/headers.hpp"
#include "generator/generate.hpp"

namespace warpfinch {

// A chip with mma.sync, with Hopper's copy engine or without.
inline Target mma_sync_target(const std::string& name, bool tma) {
  Target target = target_by_name("sm_90a");
  target.name = name;
  target.mma = {.rows = 16,
                .warps = 1,
                .depth = 16,
                .max_columns = 8,
                .column_step = 8,
                .asynchronous = false,
                .reads_shared = false};
  target.tma = target.stmatrix = tma;
  target.register_reallocation = false;
  target.max_cluster = 1;  // ptxas advises against multicast but for sm_90a and the like
  return target;
}
inline std::vector<Target> mma_sync_targets() {
  return {mma_sync_target("sm_80", false), mma_sync_target("sm_86", false), mma_sync_target("sm_89", false),
          mma_sync_target("sm_90", true),  mma_sync_target("sm_100", true), mma_sync_target("sm_120", true)};
}

inline Plan plan_of(const std::string& problem, const std::string& config) {
  const Problem parsed = parse_problem(problem);
  const auto plan = generate(parsed, parse_config(config, parsed), target_by_name("sm_90a"));
  EXPECT_TRUE(plan) << plan.rejection().stage << ": " << plan.rejection().reason;
  return *plan;
}

// `body` with the headers that the program gets on the target.
inline CudaSource with_headers(const std::string& entry, const std::string& program, const Target& target,
                               const std::string& body) {
  CudaSource source{entry, target.name, "", emit::headers(ir::parse(program), target), {}};
  for (const Header& header : source.headers) source.kernel += "#include \"" + header.name + "\"\n";
  source.kernel += "\nusing namespace warpfinch;\n\n" + body;
  return source;
}

// Without its head (comments, includes) and without what only a warpgroup's asynchronous mma has: fences,
// commits, waits and registers that move between warpgroups.
inline std::string synchronous_body(const std::string& kernel, bool tma) {
  std::string body;
  size_t at = kernel.find("using namespace warpfinch;");
  at = kernel.find('\n', at) + 1;
  while (at < kernel.size()) {
    const size_t end = kernel.find('\n', at) + 1;
    const std::string line = kernel.substr(at, end - at);
    const std::string code = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    const auto begins = [&](std::string_view word) { return code.starts_with(word); };
    if (!begins("fence_mma(") && !begins("commit_mma(") && !begins("wait_mma<") &&
        !begins("grow_registers<") && !begins("shrink_registers<") && (tma || !begins("fence_async(")))
      body += line;
    at = end;
  }
  return body;
}

// The plan's kernels made over for the target, which has a copy engine where they use one.
inline Plan made_over(Plan plan, const Target& target) {
  for (Launch& launch : plan.launches) {
    EXPECT_TRUE(target.tma || launch.source.kernel.find("TensorMap") == std::string::npos);
    launch.source = with_headers(launch.source.entry, launch.program, target,
                                 synchronous_body(launch.source.kernel, target.tma));
  }
  return plan;
}

// c = a b, b as its transpose: producers that issue cp.async, four warps that multiply 16 rows each.
inline Plan hand_written_gemm(const Target& target) {
  const std::string problem = "gemm m=150 n=136 k=200", tiles = "consumers=1 n_tile=64 k_tile=64 stages=3 ";
  Plan plan = plan_of(problem, tiles + "copy=ld");
  const std::string program = plan_of(problem, tiles + "copy=cp_async").launches[0].program;
  plan.launches[0].source = with_headers("gemm", program, target, R"(
extern "C" __global__ void __launch_bounds__(256, 1) gemm(bf16* a_data, bf16* b_data, bf16* c_data) {
  const u32 shared = shared_base();
  const GlobalTensor<bf16, 3> a_global{a_data, {1, 150, 200}, {30000, 200, 1}};
  const GlobalTensor<bf16, 3> b_global{b_data, {1, 136, 200}, {27200, 200, 1}};
  const GlobalTensor<bf16, 3> c_global{c_data, {1, 150, 136}, {20400, 136, 1}};
  Ring<SharedTile<bf16, 64, 64, 128>, 3, 8192> a_ring{shared + 0, shared + 49152, 0, 0};
  Ring<SharedTile<bf16, 64, 64, 128>, 3, 8192> b_ring{shared + 24576, shared + 49200, 0, 0};
  if (thread_index() == 0) {
    initialize(a_ring, 128, 4);
    initialize(b_ring, 128, 4);
    mbarrier_init_fence();
  }
  block_sync();

  const int m = block_index() % 3 * 64, n = block_index() / 3 * 64;
  const int warp = warp_index();
  if (warp < 4) {
    RegisterTile<float, 64, 64> c_tile;
    fill(c_tile, 0.0f);
    #pragma unroll 1
    for (int k = 0; k < 200; k += 64) {
      wait(a_ring);
      wait(b_ring);
      mma<true>(c_tile, a_ring.tile(), transposed(b_ring.tile()));
      release(b_ring);
      release(a_ring);
    }
    store(c_global, c_tile, 0, m, n);
  } else {  // producer
    #pragma unroll 1
    for (int k = 0; k < 200; k += 64) {
      acquire(a_ring);
      load<CpAsync>(a_ring, a_global, 0, m, k);
      publish_copies(a_ring);
      advance(a_ring);
      acquire(b_ring);
      load<CpAsync>(b_ring, b_global, 0, n, k);
      publish_copies(b_ring);
      advance(b_ring);
    }
    cp_async_wait();
  }
}
)");
  return plan;
}

}  // namespace warpfinch
