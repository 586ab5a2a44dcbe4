// Softmax rows of every magnitude, and values that nobody may see: whatever the policy, a row is what its
// inputs say.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// How the keys of a row differ from each other.
enum class Rows { random, equal, rising, falling, one_huge };

// Times of Q. With keys of size 1 and a head dim of 16 a score is up to about 16 times as large.
void set_scores(std::vector<HostTensor>& tensors, Rows rows, double times) {
  const double last = static_cast<double>(tensors[1].buffer.shape[2] - 1);
  map_elements(tensors[0], [&](double q, int64_t, int64_t, int64_t column) {
    return rows == Rows::random ? q * times : column == 0 ? times : 0;
  });
  if (rows == Rows::random) return;
  map_elements(tensors[1], [&](double, int64_t, int64_t key, int64_t column) {
    const double place = static_cast<double>(key) / last;
    if (column != 0) return 0.0;
    return rows == Rows::equal     ? -1.0
           : rows == Rows::rising  ? place
           : rows == Rows::falling ? -place
                                   : (key == 77 ? 1.0 : -1.0);
  });
}

void expect_exact(const std::string& dtype, const std::string& policy, std::initializer_list<double> sizes) {
  const Plan plan = plan_for("attention_forward q_len=64 kv_len=150 head_dim=16 lse=true dtype=" + dtype,
                             "consumer_warpgroups=1 key_tile=64 tile_order=static staging=own " + policy);
  const auto kernels = kernels_of(plan);
  for (double size : sizes)
    for (Rows rows : {Rows::random, Rows::equal, Rows::rising, Rows::falling, Rows::one_huge}) {
      SCOPED_TRACE(
          fmt::format("{} {} scores of about {:g}, kind {}", dtype, policy, size, static_cast<int>(rows)));
      std::vector<HostTensor> tensors = workload(plan.buffers, 7);
      set_scores(tensors, rows, size);
      expect_clean_and_right(kernels, plan, tensors, {.threads = machine_threads()});
    }
}

TEST(Exact, attention_in_bf16_of_every_magnitude) {
  for (const char* policy :
       {"max_policy=always", "max_policy=conditional", "max_policy=speculative", "max_policy=sum_guard",
        "max_policy=first_tile", "max_policy=speculative kv_splits=2"})
    expect_exact("bf16", policy, {1e-30, 1, 1e4, 1e7, 3e8, 1e12, 1e20, 1e36});
}

TEST(Exact, attention_in_fp16_of_every_magnitude) {
  for (const char* policy : {"max_policy=always", "max_policy=conditional", "max_policy=speculative",
                             "max_policy=sum_guard", "max_policy=first_tile"})
    expect_exact("fp16", policy, {1e-6, 1, 100, 1e3, 6e4});
}

// O leaves fp32 in a few columns of a few rows, before the division.
TEST(Exact, sums_that_overflow_where_the_output_does_not) {
  for (const char* policy : {"always", "conditional", "speculative", "sum_guard", "first_tile"}) {
    SCOPED_TRACE(policy);
    const Plan plan = plan_for(
        "attention_forward q_len=64 kv_len=512 head_dim=64",
        fmt::format("consumer_warpgroups=1 key_tile=64 tile_order=static staging=own max_policy={}", policy));
    const auto kernels = kernels_of(plan);
    for (double size : {0x1p80, 0x1p122}) {
      std::vector<HostTensor> tensors = workload(plan.buffers, 7);
      map_elements(tensors[0], [](double q, int64_t, int64_t, int64_t) { return 20 * q; });
      map_elements(tensors[2], [&](double v, int64_t, int64_t, int64_t) { return size * v; });
      expect_clean_and_right(kernels, plan, tensors, {.threads = machine_threads()});
    }
  }
}

// Shifts of 2^20 to 2^24 have been rounded by up to 1/2: exponentials, sums and what joins them must agree on
// how. A row that is computed once more has infinities beside it, or a shift beyond the plain ones.
TEST(Exact, shifts_that_are_rounded_by_much) {
  for (const char* dtype : {"bf16", "fp16"})
    for (const char* policy : {"max_policy=always", "max_policy=speculative kv_splits=3"}) {
      SCOPED_TRACE(fmt::format("{} {}", dtype, policy));
      const Plan plan = plan_for(
          fmt::format("attention_forward q_len=64 kv_len=150 head_dim=16 mask=causal dtype={}", dtype),
          fmt::format("consumer_warpgroups=1 key_tile=32 {}", policy));
      const auto kernels = kernels_of(plan);
      for (double size : {256, 1024, 4096, 5664}) {
        std::vector<HostTensor> tensors = workload(plan.buffers, 7);
        map_elements(tensors[0], [](double, int64_t, int64_t, int64_t column) {
          return column == 0 ? 8192.0 : column == 1 ? 4.0 : 0.0;
        });
        map_elements(tensors[1], [&](double, int64_t, int64_t key, int64_t column) {
          return column == 0 ? size : column == 1 ? static_cast<double>(key % 4 + key / 50) : 0.0;
        });
        map_elements(tensors[2], [](double v, int64_t, int64_t key, int64_t column) {
          return key == 149 && column == 3 ? kInfinity : v;
        });
        expect_clean_and_right(kernels, plan, tensors, {.threads = machine_threads()});
      }
    }
}

// The last key is NaN and the one before it has infinite values: only the rows that see them may know.
void expect_hidden(const std::string& problem, const std::string& config) {
  SCOPED_TRACE(problem + " / " + config);
  const Plan plan = plan_for(problem, config);
  std::vector<HostTensor> tensors = workload(plan.buffers, 7);
  const int64_t last = plan.buffers[1].shape[2] - 1;
  map_elements(tensors[1], [&](double k, int64_t, int64_t key, int64_t) { return key == last ? kNaN : k; });
  map_elements(tensors[2], [&](double v, int64_t, int64_t key, int64_t column) {
    return key == last ? kNaN : key == last - 1 && column % 3 == 0 ? kInfinity : v;
  });
  expect_clean_and_right(kernels_of(plan), plan, tensors, {.threads = machine_threads()});
}

TEST(Exact, keys_that_a_row_does_not_see_have_no_part_in_it) {
  const std::string causal = "attention_forward q_len=150 kv_len=150 head_dim=32 mask=causal";
  for (const char* policy : {"always", "conditional", "speculative", "sum_guard", "first_tile"})
    expect_hidden(
        causal, fmt::format("consumer_warpgroups=2 key_tile=64 tile_order=static staging=own mask_loop=split "
                            "max_policy={}",
                            policy));
  expect_hidden(causal + " dtype=fp16 lse=true",
                "consumer_warpgroups=1 key_tile=128 mask_loop=branch max_policy=conditional");
  expect_hidden(causal, "consumer_warpgroups=1 key_tile=32 kv_splits=3 max_policy=always");
  expect_hidden(causal, "consumer_warpgroups=1 key_tile=64 cluster=2 max_policy=always");
  expect_hidden(causal + " window_left=40",
                "consumer_warpgroups=1 key_tile=64 max_policy=speculative mask_loop=branch");
  expect_hidden("attention_forward q_heads=4 kv_heads=1 q_len=5 kv_len=200 head_dim=32 mask=causal",
                "consumer_warpgroups=1 key_tile=64 pack_gqa=true max_policy=always");
  expect_hidden("attention_forward q_len=90 kv_len=200 head_dim=32 mask=causal_top_left",
                "consumer_warpgroups=2 key_tile=64 max_policy=speculative extents=warpgroup");
}

TEST(Exact, three_kernels_hide_values_too) {
  const std::string problem = "attention_three_kernel q_len=90 kv_len=90 head_dim=32 mask=causal dtype=";
  for (const char* dtype : {"bf16", "fp16"})
    expect_hidden(problem + dtype, to_text(default_config(parse_problem(problem + dtype))));
}

// Rows of a bias that is wholly the lowest finite number, as padding usually is, are uniform.
TEST(Exact, a_bias_of_the_lowest_number_leaves_rows_uniform) {
  std::ifstream stream(std::filesystem::path(WARPFINCH_SOURCE_DIR) / "tests/cases/bias.tir");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const auto plan = generate_program(text, target_by_name("sm_90a"));
  ASSERT_TRUE(plan) << plan.rejection().reason;
  std::vector<HostTensor> tensors = workload(plan->buffers, 7);
  map_elements(tensors[3], [](double bias, int64_t, int64_t row, int64_t) {
    return row < 50 ? std::numeric_limits<float>::lowest() : bias;
  });
  for (int64_t i = 0; i < extent(tensors[4].buffer); ++i) store_element(tensors[4], i, 0);
  const Report report = run_plan(kernels_of(*plan), *plan, tensors, {.threads = machine_threads()});
  EXPECT_TRUE(report.clean()) << text_of(report);
  for (int64_t head = 0; head < 2; ++head)
    for (int64_t column = 0; column < 64; ++column) {
      double mean = 0;
      for (int64_t key = 0; key < 150; ++key) mean += tensors[2].at({0, head, key, column}) / 150;
      for (int64_t row : {0, 17, 49})
        EXPECT_NEAR(tensors[5].at({0, head, row, column}), mean, 0x1p-8 * (std::abs(mean) + 1));
    }
}

}  // namespace
}  // namespace warpfinch::emulator
