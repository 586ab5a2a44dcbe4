// The bounds of the check from both sides: planted errors are found, and the worst kernels that are still
// right come close to the bounds and stay below them.
#include "runtime/error_bounds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/runtime/right_kernel.hpp"
#include "tests/runtime/solved.hpp"

namespace warpfinch {
namespace {

// Every operation, epilogue and type.
const char* const kProblems[] = {
    "gemm m=9 n=20 k=200",
    "gemm m=9 n=20 k=64 dtype=fp16 output=fp16 alpha=0.3 epilogue=bias",
    "gemm m=9 n=20 k=200 output=fp32 epilogue=bias_gelu",
    "gemm m=9 n=20 k=200 dtype=fp16 output=fp32",
    "softmax rows=7 columns=300 dtype=fp32",
    "softmax rows=7 columns=300 dtype=fp16 scale=0.5 mask=causal_top_left",
    "softmax rows=7 columns=300",
    "attention_forward q_len=7 kv_len=150 head_dim=32 lse=true",
    "attention_forward q_len=7 kv_len=150 head_dim=32 dtype=fp16 lse=true mask=causal",
    "attention_three_kernel q_len=7 kv_len=150 head_dim=32 dtype=fp16 lse=true"};
// From values that no type rounds to 0 to such that few of them make the result.
const double kSpreads[] = {0x1p-6, 1, 6, 100};

// An output that is `times` its bound away from the value, upwards or downwards.
double planted(HostTensor tensor, int64_t at, double value, double bound, double times) {
  const DataType type = tensor.buffer.type;
  double output = value;
  for (double distance = std::abs(times); error_ratio(output, value, bound, type) < std::abs(times);
       distance *= 1.05) {
    const double step = bound + last_rounding(value, value, type);
    store_element(tensor, at, value + std::copysign(distance, times) * step);
    output = load_element(tensor, at);
  }
  return output;
}

class Bounds : public testing::TestWithParam<const char*> {};
std::string name_of(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

TEST_P(Bounds, FindPlantedErrors) {
  const Problem problem = parse_problem(GetParam());
  for (const double spread : kSpreads) {
    Tensors tensors = solved(problem, 3, spread);
    const AccuracyCheck check(problem, tensors);
    EXPECT_TRUE(check(tensors).right()) << spread << ": " << check(tensors).worst;
    int element = 0;
    for_each_output(problem, tensors, [&](size_t tensor, int64_t at, double value, double bound) {
      if (element++ % 37 != 0) return;
      const double right = load_element(tensors[tensor], at);
      for (const double times : {2.0, -2.0, 10.0, 100.0}) {
        store_element(tensors[tensor], at, planted(tensors[tensor], at, value, bound, times));
        const Accuracy found = check(tensors);
        EXPECT_GE(found.max_error, std::abs(times)) << spread << ": " << found.worst;
        EXPECT_FALSE(found.right());
      }
      store_element(tensors[tensor], at, right);
    });
  }
}

// Errors that any user would call wrong, whatever the bound is: a twentieth of the largest element of an
// output.
TEST_P(Bounds, FindATwentiethOfTheLargestElement) {
  const Problem problem = parse_problem(GetParam());
  for (const InputKind kind :
       {InputKind::random, InputKind::constant, InputKind::one_sided, InputKind::identity})
    for (const double spread : {0x1p-6, 1.0, 6.0}) {
      Tensors tensors = solved(problem, 3, spread, kind);
      const AccuracyCheck check(problem, tensors);
      ASSERT_TRUE(check(tensors).right()) << check(tensors).worst;
      for (HostTensor& tensor : tensors) {
        if (!tensor.buffer.output) continue;
        int64_t largest = 0;
        for (int64_t at = 0; at < extent(tensor.buffer); ++at)
          if (std::abs(load_element(tensor, at)) > std::abs(load_element(tensor, largest))) largest = at;
        const double right = load_element(tensor, largest);
        if (right == 0) continue;  // gemm of an identity may be
        for (const double wrong : {right * 1.05, right * 0.95}) {
          store_element(tensor, largest, wrong);
          EXPECT_FALSE(check(tensors).right())
              << spread << " " << tensor.buffer.name << " " << value_to_text(kind);
        }
        store_element(tensor, largest, right);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Problems, Bounds, testing::ValuesIn(kProblems), name_of);

TEST(ErrorBounds, DoNotGrowWithTheSizeOfASoftmaxRow) {
  const Problem problem = parse_problem("softmax rows=4 columns=64 dtype=fp32");
  for (const double spread : {1e3, 1e6, 1e30}) {
    Tensors tensors = solved(problem, 1, spread);
    ASSERT_TRUE(check_accuracy(problem, tensors).right());
    for (int64_t row = 0; row < 4; ++row) {
      Tensors wrong = tensors;
      for (int64_t j = row * 64; j < row * 64 + 64; ++j)
        if (load_element(wrong[1], j) > 0.5) store_element(wrong[1], j, 0.95 * load_element(wrong[1], j));
      EXPECT_FALSE(check_accuracy(problem, wrong).right()) << spread;
    }
  }
}

TEST(ErrorBounds, LastRoundingIsHalfTheGapOnTheSideOfTheValue) {
  EXPECT_EQ(last_rounding(1, 0.9, DataType::fp16), 0x1p-12);
  EXPECT_EQ(last_rounding(1, 1.1, DataType::fp16), 0x1p-11);
  EXPECT_EQ(last_rounding(-1, -0.9, DataType::fp16), 0x1p-12);
  EXPECT_EQ(last_rounding(1.5, 1.1, DataType::bf16), 0x1p-8);
  EXPECT_EQ(last_rounding(0x1p-14, 0, DataType::fp16), 0x1p-25);  // the gap below the normal numbers stays
  EXPECT_EQ(last_rounding(0, 1, DataType::fp16), 0x1p-25);
  EXPECT_EQ(last_rounding(0, 0, DataType::bf16), 0x1p-134);
  EXPECT_EQ(last_rounding(3, 2, DataType::fp32), 0x1p-23);
}

// Scores of 128000 and 128001: fp32 holds them and every sum on the way, so that weights are as exact as
// ever.
TEST(ErrorBounds, SumsOfSmallWholeNumbersAreExact) {
  const Problem problem =
      parse_problem("attention_forward q_len=1 kv_len=64 head_dim=16 dtype=fp16 lse=true");
  Tensors tensors = workload(buffers(problem), 1, 1, InputKind::identity);
  tensors[0] = zeros(tensors[0].buffer);
  tensors[1] = zeros(tensors[1].buffer);
  store_element(tensors[0], 0, 64);
  store_element(tensors[0], 1, 1);
  for (int64_t key = 0; key < 64; ++key) {
    store_element(tensors[1], key * 16, 2000);
    store_element(tensors[1], key * 16 + 1, key % 3);
  }
  solve(problem, tensors);
  const AccuracyCheck check(problem, tensors);
  ASSERT_TRUE(check(tensors).right());
  store_element(tensors[3], 3, 1.003 * load_element(tensors[3], 3));
  EXPECT_FALSE(check(tensors).right()) << check(tensors).worst;
}

TEST(ErrorBounds, AGemmThatOnlyMovesNumbersIsExact) {
  const Problem problem = parse_problem("gemm m=4 n=64 k=64 output=fp32");
  Tensors tensors = solved(problem, 1, 1, InputKind::identity);
  store_element(tensors[2], 5, load_element(tensors[2], 5) * (1 + 0x1p-21));
  EXPECT_FALSE(check_accuracy(problem, tensors).right()) << check_accuracy(problem, tensors).worst;
}

// The output's elements come close to the bound, all but those that happen to be numbers of the type, and
// none exceeds it.
TEST_P(Bounds, AreReachedByTheWorstRightKernel) {
  const Problem problem = parse_problem(GetParam());
  for (const InputKind kind : {InputKind::random, InputKind::one_sided}) {
    const Tensors right = solved(problem, 3, 1, kind);
    Tensors high = right, low = right;
    for (auto [direction, tensors] : {std::pair{1.0, &high}, std::pair{-1.0, &low}}) {
      if (const auto* gemm = std::get_if<Gemm>(&problem)) run_worst(*gemm, direction, *tensors);
      if (const auto* softmax = std::get_if<Softmax>(&problem)) run_worst(*softmax, direction, *tensors);
      if (const AttentionFields* f = attention(problem)) run_worst(*f, direction, *tensors);
    }
    std::vector<std::vector<double>> reached(right.size());
    for_each_output(problem, right, [&](size_t tensor, int64_t at, double value, double bound) {
      if (std::abs(value) < kSmallestExponential) return;  // hidden, or below what fp32 keeps exactly
      const DataType type = right[tensor].buffer.type;
      reached[tensor].push_back(std::max(error_ratio(load_element(high[tensor], at), value, bound, type),
                                         error_ratio(load_element(low[tensor], at), value, bound, type)));
    });
    for (size_t i = 0; i < right.size(); ++i) {
      if (!right[i].buffer.output) continue;
      std::sort(reached[i].begin(), reached[i].end());
      const auto at = [&](double share) {
        return reached[i][static_cast<size_t>(share * static_cast<double>(reached[i].size() - 1))];
      };
      EXPECT_LE(reached[i].back(), 1) << right[i].buffer.name << " " << value_to_text(kind);
      EXPECT_GE(at(0.2), 0.1) << right[i].buffer.name << " " << value_to_text(kind);
    }
  }
}

}  // namespace
}  // namespace warpfinch
