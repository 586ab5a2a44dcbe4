// Kernels for chips whose matrix unit is a warp's own (mma.sync): what is generated for them, and one by
// hand.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "generator/emit/headers.hpp"
#include "generator/generate.hpp"

namespace warpfinch {

// Every row of the table with mma.sync.
inline std::vector<Target> mma_sync_targets() {
  std::vector<Target> rows;
  for (const Target& target : targets())
    if (!target.mma.asynchronous) rows.push_back(target);
  return rows;
}

inline Plan plan_of(const std::string& problem, const std::string& config, const Target& target) {
  const Problem parsed = parse_problem(problem);
  const auto plan = generate(parsed, parse_config(config, parsed), target);
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

// c = a b, b as its transpose: producers that issue cp.async, four warps that multiply 16 rows each.
inline Plan hand_written_gemm(const Target& target) {
  const std::string problem = "gemm m=150 n=136 k=200",
                    tiles = "consumer_warpgroups=1 n_tile=64 k_tile=64 stages=3 ";
  Plan plan = plan_of(problem, tiles + "copy=ld", target);
  const std::string program = plan_of(problem, tiles + "copy=cp_async", target).launches[0].program;
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
      mma<accumulate>(c_tile, a_ring.tile(), transposed(b_ring.tile()));
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
