// Attention on scores that a reference taken too early does not fit: wide ones, such that rise or fall along
// the keys, and such that all lie far below 0, where a row that saw no key yet must not take 0 for its
// maximum.
#include <fmt/format.h>

#include <cmath>
#include <span>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

struct Data {
  double spread;  // of the scores; 1 with standard normal Q and K
  enum { even, rising, falling, low } trend;
  double values = 1;  // times standard normal V
};
constexpr Data kData[] = {{1, Data::even},     {6, Data::even},    {40, Data::even},   {1, Data::rising},
                          {6, Data::rising},   {40, Data::rising}, {1, Data::falling}, {6, Data::falling},
                          {40, Data::falling}, {1, Data::low}};

// Scores get their trend from the first column: height^2 / sqrt(head_dim) from end to end.
std::vector<HostTensor> peaked(const Plan& plan, const Data& data) {
  std::vector<HostTensor> tensors = workload(plan.buffers, 7);
  const double height = data.trend == Data::low ? 100 : std::sqrt(80 * data.spread);
  const double last = static_cast<double>(plan.buffers[1].shape[2] - 1);
  const bool trend = data.trend != Data::even;
  map_elements(tensors[0], [&](double q, int64_t, int64_t, int64_t column) {
    return trend && column == 0 ? height : data.spread * q;
  });
  map_elements(tensors[1], [&](double k, int64_t, int64_t key, int64_t column) {
    if (!trend || column > 0) return k;
    const double place = static_cast<double>(key) / last;
    return height * (data.trend == Data::low ? -1 : data.trend == Data::rising ? place : 1 - place);
  });
  map_elements(tensors[2], [&](double v, int64_t, int64_t, int64_t) { return data.values * v; });
  return tensors;
}

void expect_exact(const std::string& problem, const std::string& config, std::span<const Data> all = kData) {
  SCOPED_TRACE(problem + " / " + config);
  const Plan plan = plan_for(problem, config);
  const auto kernels = kernels_of(plan);
  for (const Data& data : all) {
    std::vector<HostTensor> tensors = peaked(plan, data);
    SCOPED_TRACE(fmt::format("spread {}, trend {}, values {}", data.spread, static_cast<int>(data.trend),
                             data.values));
    expect_clean_and_right(kernels, plan, tensors, {.threads = machine_threads()});
  }
}

// Is the result right without that call: if no tile is done again, or no row computed once more?
bool is_right_at_once(const std::string& problem, const std::string& config, const Data& data,
                      const char* call = "redo(unfit_rows") {
  Plan plan = plan_for(problem, config);
  std::string& kernel = plan.launches[0].source.kernel;
  const size_t mark = kernel.find(call);
  EXPECT_NE(mark, std::string::npos);
  kernel.replace(mark, 0, "// ");
  std::vector<HostTensor> tensors = peaked(plan, data);
  const Report report = run_plan(kernels_of(plan), plan, tensors, {.threads = machine_threads()});
  EXPECT_TRUE(report.clean()) << text_of(report);
  return check_accuracy(parse_problem(problem), tensors).right();
}

// The config's key tiles are of 64, so that rows find whole tiles masked: before their first key (windows),
// behind their last one (causal), and everywhere (more queries than keys).
class Peaked : public testing::TestWithParam<std::string> {
 protected:
  std::string dtype() const { return " head_dim=64 dtype=" + GetParam(); }
};

TEST_P(Peaked, speculative_without_a_mask) {
  expect_exact("attention_forward q_heads=2 q_len=100 kv_len=700 lse=true" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=speculative mask_loop=branch "
               "stage_tiles=2");
}
TEST_P(Peaked, speculative_causal) {
  expect_exact("attention_forward q_len=420 kv_len=200 mask=causal lse=true" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=speculative mask_loop=split "
               "tile_order=static");
  expect_exact("attention_forward q_len=300 mask=causal lse=true" + dtype(),
               "consumer_warpgroups=4 key_tile=64 order=pv_first max_policy=speculative mask_loop=branch "
               "extents=warpgroup");
}
TEST_P(Peaked, speculative_in_a_window) {
  const std::string window = "attention_forward q_len=400 mask=causal window_left=30 lse=true" + dtype();
  expect_exact(window,
               "consumer_warpgroups=4 key_tile=64 order=pv_first max_policy=speculative mask_loop=branch");
  expect_exact(window,
               "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=speculative mask_loop=split");
}
TEST_P(Peaked, speculative_beside_a_product) {
  expect_exact("attention_forward q_len=300 kv_len=500 mask=causal window_left=90 lse=true" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=issue max_policy=speculative "
               "mask_loop=branch stage_tiles=2");
}
TEST_P(Peaked, speculative_in_splits_of_the_keys) {
  expect_exact(
      "attention_forward q_heads=4 kv_heads=1 q_len=3 kv_len=600 mask=causal" + dtype(),
      "consumer_warpgroups=1 key_tile=32 order=pv_first max_policy=speculative kv_splits=3 pack_gqa=true");
}
TEST_P(Peaked, first_tile_with_a_second_walk) {
  expect_exact("attention_forward q_len=200 kv_len=500 mask=causal lse=true" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=qk_first max_policy=first_tile mask_loop=branch "
               "tile_order=static");
}
TEST_P(Peaked, second_walk_behind_turns_and_own_bounds) {
  expect_exact("attention_forward q_len=420 kv_len=500 mask=causal" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=issue max_policy=first_tile "
               "mask_loop=split extents=warpgroup "
               "stage_tiles=2 tile_order=static");
}
TEST_P(Peaked, second_walk_in_a_window) {
  expect_exact("attention_forward q_len=400 mask=causal window_left=90" + dtype(),
               "consumer_warpgroups=2 key_tile=64 max_policy=first_tile mask_loop=split pingpong=issue "
               "tile_order=static");
}
TEST_P(Peaked, second_walk_over_a_ragged_last_stage) {
  expect_exact(
      "attention_forward q_len=100 kv_len=700" + dtype(),
      "consumer_warpgroups=2 key_tile=64 max_policy=first_tile mask_loop=split stage_tiles=2 q_in=registers");
}
TEST_P(Peaked, second_walk_in_splits_of_the_keys) {
  expect_exact(
      "attention_forward q_heads=4 kv_heads=1 q_len=3 kv_len=600" + dtype(),
      "consumer_warpgroups=1 key_tile=32 max_policy=first_tile mask_loop=split kv_splits=3 stage_tiles=2");
}
TEST_P(Peaked, second_walk_with_a_second_q_and_claims) {
  expect_exact("attention_forward q_len=700 q_heads=2 kv_len=300" + dtype(),
               "consumer_warpgroups=1 key_tile=64 max_policy=first_tile mask_loop=split staging=none "
               "q_stages=2 q_in=registers "
               "tile_order=dynamic");
}

// The loop holds the first softmax, too.
TEST_P(Peaked, references_in_a_loop_that_begins_with_the_softmax) {
  const std::string window = "attention_forward q_len=400 mask=causal window_left=90 lse=true" + dtype();
  expect_exact(
      window,
      "consumer_warpgroups=2 key_tile=64 order=softmax_first max_policy=speculative mask_loop=branch");
  const std::string causal = "attention_forward q_len=420 kv_len=200 mask=causal lse=true" + dtype();
  expect_exact(causal,
               "consumer_warpgroups=2 key_tile=64 order=softmax_first max_policy=sum_guard mask_loop=split "
               "tile_order=static");
  expect_exact(causal,
               "consumer_warpgroups=2 key_tile=64 order=softmax_first max_policy=first_tile mask_loop=split "
               "stage_tiles=2");
  const std::string whole = "attention_forward q_len=100 kv_len=700" + dtype();
  expect_exact(whole,
               "consumer_warpgroups=2 key_tile=64 order=softmax_first pingpong=exponentials "
               "max_policy=first_tile tile_order=static");
}
TEST_P(Peaked, exponentials_taken_again_outside_of_a_turn) {
  expect_exact("attention_forward q_len=300 kv_len=500 mask=causal window_left=90 lse=true" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=exponentials "
               "max_policy=speculative mask_loop=branch");
}

TEST_P(Peaked, sums_that_raise_the_reference) {
  const Data large[] = {{200, Data::even}, {200, Data::rising}, {200, Data::falling}};
  const std::string problem = "attention_forward q_heads=2 q_len=100 kv_len=700 lse=true" + dtype();
  const std::string config = "consumer_warpgroups=2 key_tile=64 max_policy=sum_guard tile_order=static ";
  expect_exact(problem, config + "order=qk_first mask_loop=split");
  // Scores of thousands in fp32 are too coarse for the bound of fp16, with always as with sum_guard.
  if (GetParam() == "bf16") expect_exact(problem, config + "order=qk_first mask_loop=split", large);
  expect_exact(problem, config + "order=pv_first mask_loop=branch stage_tiles=2");
}
TEST_P(Peaked, sums_that_raise_the_reference_behind_a_mask) {
  expect_exact("attention_forward q_len=420 kv_len=500 mask=causal" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=issue max_policy=sum_guard "
               "mask_loop=split extents=warpgroup "
               "stage_tiles=2 tile_order=static");
  // Rows that see nothing at all, and such that see nothing of the first tile.
  expect_exact("attention_forward q_len=420 kv_len=200 mask=causal lse=true" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=sum_guard mask_loop=split "
               "tile_order=static");
  expect_exact(
      "attention_forward q_len=400 mask=causal window_left=90 lse=true" + dtype(),
      "consumer_warpgroups=2 key_tile=64 order=qk_first max_policy=sum_guard mask_loop=branch stage_tiles=2 "
      "pin=exponentials");
}
TEST_P(Peaked, sums_that_raise_the_reference_in_splits_and_claims) {
  expect_exact(
      "attention_forward q_heads=4 kv_heads=1 q_len=3 kv_len=600" + dtype(),
      "consumer_warpgroups=1 key_tile=32 max_policy=sum_guard mask_loop=split kv_splits=3 stage_tiles=2");
  expect_exact(
      "attention_forward q_len=700 q_heads=2 kv_len=300" + dtype(),
      "consumer_warpgroups=1 key_tile=64 max_policy=sum_guard staging=none q_stages=2 q_in=registers "
      "tile_order=dynamic");
}
// Scores that rise by 290 in log2 units, which no reference of the first tile can stand.
TEST_P(Peaked, sums_that_raise_the_reference_spare_the_second_walk) {
  const std::string problem = "attention_forward q_len=100 kv_len=700" + dtype();
  for (const char* order : {"pv_first", "qk_first"}) {
    const std::string config = fmt::format("consumer_warpgroups=2 key_tile=64 order={} reference=", order);
    for (const Data& data : {Data{6, Data::even}, Data{6, Data::rising}, Data{20, Data::rising}})
      EXPECT_TRUE(is_right_at_once(problem, config + "sum_guard", data)) << order << " " << data.spread;
    EXPECT_FALSE(is_right_at_once(problem, config + "first_tile", {20, Data::rising})) << order;
  }
}

TEST_P(Peaked, weights_in_shared_memory) {
  expect_exact("attention_forward q_len=300 kv_len=500 mask=causal lse=true" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=issue max_policy=speculative "
               "mask_loop=branch p_in=shared");
  expect_exact("attention_forward q_len=100 kv_len=700" + dtype(),
               "consumer_warpgroups=2 key_tile=80 order=qk_first max_policy=sum_guard mask_loop=split "
               "p_in=shared stage_tiles=2 "
               "tile_order=static");
}

// Exponentials that may grow to 2^60 take such values beyond fp32, where the result is within bf16.
constexpr Data kLargeValues[] = {{1, Data::even, 0x1p115},
                                 {6, Data::even, 0x1p115},
                                 {6, Data::rising, 0x1p80},
                                 {40, Data::even, 0x1p80},
                                 {40, Data::falling, 0x1p115}};
TEST(PeakedBf16, speculation_that_large_values_do_not_stand) {
  const std::string whole = "attention_forward q_heads=2 q_len=300 kv_len=700 head_dim=64 lse=true";
  for (const char* config :
       {"consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=issue max_policy=speculative "
        "mask_loop=split tile_order=static",
        "consumer_warpgroups=1 key_tile=64 order=qk_first max_policy=speculative q_in=registers "
        "tile_order=dynamic",
        "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=speculative mask_loop=branch "
        "stage_tiles=2 tile_order=flat",
        "consumer_warpgroups=1 key_tile=64 order=pv_first max_policy=speculative p_in=shared cluster=2"})
    expect_exact(whole, config, kLargeValues);
  expect_exact("attention_forward q_len=420 kv_len=500 mask=causal head_dim=64",
               "consumer_warpgroups=2 key_tile=64 order=softmax_first pingpong=issue max_policy=speculative "
               "mask_loop=split extents=warpgroup "
               "stage_tiles=2 tile_order=balanced q_stages=2 staging=own",
               kLargeValues);
  expect_exact("attention_forward q_heads=4 kv_heads=1 q_len=3 kv_len=600 head_dim=64",
               "consumer_warpgroups=1 key_tile=32 max_policy=speculative kv_splits=3 pack_gqa=true",
               kLargeValues);
  // Rows, and splits, that see no key.
  expect_exact("attention_forward q_len=300 kv_len=128 mask=causal head_dim=64 lse=true",
               "consumer_warpgroups=2 key_tile=64 order=qk_first max_policy=speculative mask_loop=branch "
               "tile_order=static",
               kLargeValues);
  expect_exact("attention_forward q_len=300 kv_len=400 mask=causal window_left=30 head_dim=64 lse=true",
               "consumer_warpgroups=1 key_tile=64 order=pv_first max_policy=speculative kv_splits=2",
               kLargeValues);
}
TEST(PeakedBf16, rows_without_keys_ask_for_no_second_walk) {
  const Plan plan = plan_for("attention_forward q_len=256 kv_len=128 mask=causal head_dim=64",
                             "consumer_warpgroups=2 key_tile=64 max_policy=speculative tile_order=static");
  const Plan exact = plan_for("attention_forward q_len=256 kv_len=128 mask=causal head_dim=64",
                              "consumer_warpgroups=2 key_tile=64 max_policy=conditional tile_order=static");
  const auto products = [](const Plan& of) {
    std::vector<HostTensor> tensors = workload(of.buffers, 7);
    return run_plan(kernels_of(of), of, tensors, {}).products;
  };
  EXPECT_EQ(products(plan), products(exact));
}
TEST(PeakedBf16, large_values_ask_for_a_second_computation) {
  const std::string problem = "attention_forward q_len=100 kv_len=700 head_dim=64";
  const std::string config = "consumer_warpgroups=2 key_tile=64 max_policy=speculative order=";
  for (const char* order : {"pv_first", "qk_first", "softmax_first"}) {
    EXPECT_TRUE(is_right_at_once(problem, config + order, {6, Data::even}, "recompute_rows(")) << order;
    EXPECT_FALSE(is_right_at_once(problem, config + order, {6, Data::rising, 0x1p80}, "recompute_rows("))
        << order;
  }
}

// An exponential that overflows must be seen, and one that underflows must leave nothing.
TEST_P(Peaked, polynomials_in_place_of_ex2) {
  for (const char* reference : {"conditional", "speculative", "sum_guard", "first_tile"})
    expect_exact(
        "attention_forward q_len=100 kv_len=300 mask=causal lse=true" + dtype(),
        fmt::format(
            "consumer_warpgroups=2 key_tile=64 order=pv_first mask_loop=branch polynomial=8 max_policy={}",
            reference));
  expect_exact("attention_forward q_len=300 kv_len=500 mask=causal window_left=90 lse=true" + dtype(),
               "consumer_warpgroups=2 key_tile=64 order=qk_first max_policy=speculative mask_loop=branch "
               "polynomial=4 stage_tiles=2");
}

// Against the bound that scale_q widens, which says something while the scores are ordinary.
TEST_P(Peaked, queries_that_are_rounded_once_more) {
  const Data ordinary[] = {{1, Data::even}, {0.01, Data::even}, {3, Data::even}};
  const std::string config =
      "consumer_warpgroups=2 key_tile=64 order=qk_first q_in=registers scale_q=true reference=";
  for (const char* reference : {"conditional", "first_tile"})
    expect_exact("attention_forward q_len=100 kv_len=300 mask=causal lse=true" + dtype(), config + reference,
                 ordinary);
}

// One key outweighs all others by 2^20, but its value is 0. P in fp16 has all its bits down to 2^-14, lifted
// down to 2^-21 of the largest weight.
TEST(PeakedHalf, keys_of_little_weight_count) {
  const auto first_column = [](double value) {
    return [value](double, int64_t, int64_t row, int64_t column) {
      return column == 0 && (value > 0 || row == 0) ? std::abs(value) : 0;
    };
  };
  for (const char* policy : {"always", "conditional", "speculative", "first_tile"}) {
    SCOPED_TRACE(policy);
    Plan plan = plan_for("attention_forward q_heads=2 q_len=128 kv_len=512 head_dim=64 dtype=fp16 lse=true",
                         std::string("consumer_warpgroups=2 key_tile=64 reference=") + policy);
    const auto error = [&] {
      std::vector<HostTensor> tensors = workload(plan.buffers, 7);
      map_elements(tensors[0], first_column(10.55));
      map_elements(tensors[1], first_column(-10.55));
      map_elements(tensors[2], [](double, int64_t, int64_t key, int64_t) { return key == 0 ? 0 : 30000; });
      EXPECT_TRUE(run_plan(kernels_of(plan), plan, tensors, {.threads = machine_threads()}).clean());
      return check_accuracy(parse_problem(plan.problem), tensors).max_error;
    };
    EXPECT_LE(error(), 1);
    std::string& text = plan.launches[0].source.kernel;
    for (size_t at; (at = text.find(", 7.0f)")) != std::string::npos;) text.replace(at, 7, ")");
    EXPECT_GT(error(), 1)
        << "a kernel without the max_offset is right, too: the data do not show what it is for";
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Peaked, testing::Values("bf16", "fp16"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace warpfinch::emulator
