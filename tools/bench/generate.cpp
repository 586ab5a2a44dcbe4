// What the host pays for a plan before any compiler runs: reading a problem, ranking its configs, generating
// its kernels. build/bin/warpfinch_benchmarks; times are host times per call.
#include <benchmark/benchmark.h>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"

namespace warpfinch {
namespace {

constexpr const char* kAttention =
    "attention_forward batch=1 q_heads=32 kv_heads=8 q_len=4096 kv_len=4096 head_dim=128 dtype=bf16 "
    "mask=causal";

void read_problem(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_problem(kAttention));
}
BENCHMARK(read_problem)->Unit(benchmark::kMicrosecond);

void rank_configs(benchmark::State& state) {
  const ConfigSpace space = config_space(parse_problem(kAttention), targets().front());
  for (auto _ : state) benchmark::DoNotOptimize(rank(space, 8));
}
BENCHMARK(rank_configs)->Unit(benchmark::kMillisecond);

void generate_plan(benchmark::State& state) {
  const Problem problem = parse_problem(kAttention);
  const Config config = rank(config_space(problem, targets().front()), 1).front();
  for (auto _ : state) benchmark::DoNotOptimize(generate(problem, config, targets().front()));
}
BENCHMARK(generate_plan)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace warpfinch
