// The references against the definitions written out as loops; and that the check finds what is planted.
#include "runtime/accuracy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/runtime/solved.hpp"

namespace warpfinch {
namespace {

// Attention by its definition: no blocks, no running maximum. Returns o and lse of one row.
struct Row {
  std::vector<double> o;
  double lse;
};
Row attention_row(const AttentionFields& f, Tensors& t, int64_t batch, int64_t head, int64_t row) {
  const int64_t kv_head = head / (f.q_heads / f.kv_heads);
  const HostTensor &q = named(t, "q"), &k = named(t, "k"), &v = named(t, "v");
  Row result{std::vector<double>(static_cast<size_t>(f.value_dim)), 0};
  for (int64_t j = 0; j < f.kv_len; ++j) {
    const int64_t distance = j - row - (f.mask == Mask::causal_top_left ? 0 : f.kv_len - f.q_len);
    if (f.mask != Mask::none && distance > 0) continue;
    if (f.window_left >= 0 && distance < -f.window_left) continue;
    if (f.window_right >= 0 && distance > f.window_right) continue;
    double score = 0;
    for (int64_t d = 0; d < f.head_dim; ++d)
      score += q.at({batch, head, row, d}) * k.at({batch, kv_head, j, d});
    const double weight = std::exp(score * effective_scale(f));
    result.lse += weight;
    for (int64_t d = 0; d < f.value_dim; ++d) result.o[d] += weight * v.at({batch, kv_head, j, d});
  }
  for (double& value : result.o) value = result.lse > 0 ? value / result.lse : 0;
  result.lse = std::log(result.lse);
  return result;
}

class AttentionReference : public testing::TestWithParam<const char*> {};

TEST_P(AttentionReference, IsTheDefinition) {
  const Problem problem = parse_problem(GetParam());
  const AttentionFields& f = *attention(problem);
  Tensors tensors = workload(buffers(problem), 3);
  const auto outputs = reference(problem, tensors);
  size_t o = 0, l = 0;
  for (int64_t batch = 0; batch < f.batch; ++batch)
    for (int64_t head = 0; head < f.q_heads; ++head)
      for (int64_t row = 0; row < f.q_len; ++row) {
        const Row wanted = attention_row(f, tensors, batch, head, row);
        for (double value : wanted.o) ASSERT_NEAR(outputs[0][o++], value, 1e-12) << head << "," << row;
        if (!f.lse) continue;
        const double lse = outputs[1][l++];
        ASSERT_TRUE(lse == wanted.lse || std::abs(lse - wanted.lse) < 1e-12) << row << ": " << lse;
      }
  EXPECT_EQ(o, outputs[0].size());
  EXPECT_LE(check_accuracy(problem, solved(problem)).max_error, 1);  // rounding of o alone
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionReference,
    testing::Values(
        "attention_forward q_len=1 head_dim=64", "attention_forward q_len=17 kv_len=1 head_dim=64 dtype=fp16",
        "attention_forward batch=2 q_heads=4 kv_heads=2 q_len=70 kv_len=33 head_dim=64 mask=causal lse=true",
        "attention_forward q_heads=3 kv_heads=1 q_len=33 kv_len=70 head_dim=64 mask=causal layout=bhsd "
        "lse=true",
        "attention_forward q_len=300 kv_len=1100 head_dim=64 value_dim=128 mask=causal_top_left lse=true",
        "attention_three_kernel q_heads=2 q_len=20 kv_len=40 head_dim=64 dtype=fp16 scale=2 mask=causal",
        "attention_forward q_len=300 kv_len=2500 head_dim=16 window_left=700 window_right=9 lse=true",
        "attention_forward q_len=70 kv_len=40 head_dim=80 value_dim=96 window_left=5 mask=causal lse=true",
        "attention_forward q_len=70 kv_len=40 head_dim=32 window_left=0 mask=causal_top_left lse=true",
        "attention_forward q_heads=2 q_len=9 kv_len=5 head_dim=64 q_strides=5000,80,170,1 "
        "o_strides=9999,70,200,1",
        "attention_forward q_heads=2 q_len=8 kv_len=5 head_dim=64 k_strides=0,0,64,1 v_strides=640,320,1,5"));

TEST(GemmReference, IsTheDefinition) {
  for (const char* text :
       {"gemm batch=2 m=5 n=7 k=9", "gemm m=300 n=3 k=1200 layout=nn output=fp32 dtype=fp16",
        "gemm m=4 n=270 k=33 layout=nn epilogue=bias_gelu alpha=0.25",
        "gemm m=6 n=5 k=8 epilogue=bias a_strides=99,9,1 b_strides=0,1,6 c_strides=200,1,7"}) {
    const Problem problem = parse_problem(text);
    const Gemm& gemm = std::get<Gemm>(problem);
    Tensors tensors = workload(buffers(problem), 4);
    const auto outputs = reference(problem, tensors);
    size_t at = 0;
    for (int64_t batch = 0; batch < gemm.batch; ++batch)
      for (int64_t i = 0; i < gemm.m; ++i)
        for (int64_t j = 0; j < gemm.n; ++j) {
          double sum = 0;
          for (int64_t k = 0; k < gemm.k; ++k)
            sum +=
                named(tensors, "a").at({batch, i, k}) * named(tensors, "b")
                                                            .at({batch, gemm.layout == GemmLayout::tn ? j : k,
                                                                 gemm.layout == GemmLayout::tn ? k : j});
          sum *= gemm.alpha;
          if (gemm.epilogue != Epilogue::none) sum += named(tensors, "bias").at({j});
          if (gemm.epilogue == Epilogue::bias_gelu) sum = 0.5 * sum * (1 + std::erf(sum / std::sqrt(2.0)));
          ASSERT_NEAR(outputs[0][at++], sum, 1e-10) << text << " " << i << "," << j;
        }
    EXPECT_TRUE(check_accuracy(problem, solved(problem)).right()) << text;
  }
}

TEST(SoftmaxReference, IsTheDefinition) {
  for (const char* text :
       {"softmax rows=5 columns=1", "softmax batch=2 rows=9 columns=300 dtype=fp16 scale=3",
        "softmax rows=9 columns=4 mask=causal", "softmax rows=4 columns=9 mask=causal_top_left"}) {
    const Problem problem = parse_problem(text);
    const Softmax& softmax = std::get<Softmax>(problem);
    Tensors tensors = workload(buffers(problem), 5);
    const auto outputs = reference(problem, tensors);
    size_t at = 0;
    for (int64_t batch = 0; batch < softmax.batch; ++batch)
      for (int64_t i = 0; i < softmax.rows; ++i) {
        const int64_t visible = softmax.mask == Mask::none ? softmax.columns
                                : softmax.mask == Mask::causal_top_left
                                    ? std::min(i + 1, softmax.columns)
                                    : i + 1 + softmax.columns - softmax.rows;
        double sum = 0;
        for (int64_t j = 0; j < visible; ++j) sum += std::exp(softmax.scale * tensors[0].at({batch, i, j}));
        for (int64_t j = 0; j < softmax.columns; ++j) {
          const double wanted =
              j < visible ? std::exp(softmax.scale * tensors[0].at({batch, i, j})) / sum : 0;
          ASSERT_NEAR(outputs[0][at++], wanted, 1e-13) << text << " " << i << "," << j;
        }
      }
    EXPECT_TRUE(check_accuracy(problem, solved(problem)).right()) << text;
  }
}

TEST(Accuracy, ThreadsChangeNothing) {
  const Problem problem = parse_problem("gemm m=600 n=300 k=64 output=fp32");
  const Tensors tensors = solved(problem);
  EXPECT_EQ(check_accuracy(problem, tensors, 1).max_error, check_accuracy(problem, tensors, 7).max_error);
  EXPECT_EQ(check_accuracy(problem, tensors, 1).worst, check_accuracy(problem, tensors, 7).worst);
}

TEST(Accuracy, FindsOnePlantedErrorAndSaysWhere) {
  const Problem problem = parse_problem("attention_forward q_heads=4 q_len=70 head_dim=64");
  Tensors tensors = solved(problem);
  HostTensor& o = named(tensors, "o");
  const double right = o.at({0, 3, 17, 5});
  store_element(o, 3 * o.buffer.strides[1] + 17 * o.buffer.strides[2] + 5, right + 0.5);
  const Accuracy accuracy = check_accuracy(problem, tensors);
  EXPECT_FALSE(accuracy.right());
  EXPECT_EQ(accuracy.worst.find("o[0,3,17,5] = "), 0u) << accuracy.worst;
  EXPECT_EQ(accuracy.checked, 4 * 70 * 64);
}

// y = [1/2, 1/2], where fp16 has neighbours 2^-11 above and 2^-12 below.
TEST(Accuracy, TheBoundIsWhereTheRuleSays) {
  const Problem problem = parse_problem("softmax rows=1 columns=2 dtype=fp16");
  Tensors tensors = workload(buffers(problem), 1);
  tensors[0] = zeros(tensors[0].buffer);
  store_element(tensors[1], 0, 0.5);
  const auto error_of = [&](double y) {
    store_element(tensors[1], 1, y);
    return check_accuracy(problem, tensors).max_error;
  };
  EXPECT_EQ(error_of(0.5), 0);
  EXPECT_NEAR(error_of(0.5 + 0x1p-11), 2, 0.02);  // half a gap is what rounding may do
  EXPECT_NEAR(error_of(0.5 - 0x1p-12), 2, 0.03);
  EXPECT_NEAR(error_of(0.5 + 0x1p-10), 4, 0.04);
}

TEST(Accuracy, NaNAndUnwrittenElementsFail) {
  for (const char* text : {"gemm m=8 n=8 k=8", "softmax rows=8 columns=8",
                           "attention_forward q_len=8 head_dim=64 mask=causal lse=true"}) {
    const Problem problem = parse_problem(text);
    const Accuracy nothing = check_accuracy(problem, workload(buffers(problem), 1));
    EXPECT_EQ(nothing.max_error, INFINITY) << text;
    EXPECT_NE(nothing.worst.find("is NaN or was not written"), std::string::npos) << nothing.worst;
  }
}

TEST(Accuracy, LseOfARowWithoutKeysMustBeMinusInfinity) {
  const Problem problem =
      parse_problem("attention_forward q_len=4 kv_len=2 head_dim=64 mask=causal lse=true");
  Tensors tensors = solved(problem);
  EXPECT_TRUE(check_accuracy(problem, tensors).right());
  EXPECT_EQ(named(tensors, "lse").at({0, 0, 1}), -INFINITY);
  store_element(named(tensors, "lse"), 1, -1e30);
  const Accuracy accuracy = check_accuracy(problem, tensors);
  EXPECT_FALSE(accuracy.right());
  EXPECT_EQ(accuracy.worst.find("lse[0,0,1] = -1e+30, should be -inf"), 0u) << accuracy.worst;
  store_element(named(tensors, "lse"), 1, -INFINITY);
  store_element(named(tensors, "lse"), 3, named(tensors, "lse").at({0, 0, 3}) + 3e-4);
  EXPECT_FALSE(check_accuracy(problem, tensors).right());
}

TEST(Accuracy, AWriteBetweenTheElementsIsFound) {
  const Problem problem = parse_problem("gemm m=4 n=4 k=4 c_strides=40,10,1");
  Tensors tensors = solved(problem);
  EXPECT_TRUE(check_accuracy(problem, tensors).right());
  store_element(named(tensors, "c"), 15, 1.0);
  const Accuracy accuracy = check_accuracy(problem, tensors);
  EXPECT_FALSE(accuracy.right());
  EXPECT_NE(accuracy.worst.find("c: element "), std::string::npos) << accuracy.worst;
}

TEST(Accuracy, OverflowOfTheOutputTypeIsRight) {
  const Problem problem = parse_problem("gemm m=1 n=1 k=2 dtype=fp16 output=fp16");
  Tensors tensors = workload(buffers(problem), 1);
  for (int64_t i : {0, 1})
    for (size_t input : {0u, 1u}) store_element(tensors[input], i, 300);
  store_element(tensors[2], 0, INFINITY);
  EXPECT_TRUE(check_accuracy(problem, tensors).right());
  store_element(tensors[2], 0, -INFINITY);
  EXPECT_FALSE(check_accuracy(problem, tensors).right());
}

TEST(Accuracy, AKeptReferenceGivesTheSameVerdicts) {
  const Problem problem =
      parse_problem("attention_forward q_heads=2 q_len=600 head_dim=64 mask=causal lse=true");
  Tensors tensors = solved(problem);
  const AccuracyCheck check(problem, tensors);
  EXPECT_EQ(check(tensors).max_error, check_accuracy(problem, tensors).max_error);
  store_element(named(tensors, "o"), 777, 9);
  EXPECT_FALSE(check(tensors).right());
  EXPECT_EQ(check(tensors).worst, check_accuracy(problem, tensors).worst);
}

TEST(Accuracy, TensorsOfAnotherProblemAreRefused) {
  const Problem problem = parse_problem("gemm m=8 n=8 k=8");
  EXPECT_THROW(check_accuracy(problem, workload(buffers(parse_problem("gemm m=8 n=8 k=16")), 1)), Error);
  EXPECT_THROW(check_accuracy(problem, {}), Error);
}

// 2.2 TFLOP, of which the check may compute a sample; an element outside of it is still missed when
// unwritten.
TEST(Accuracy, SamplesAboveOneTeraflopButMissesNoHole) {
  const Problem problem = parse_problem("gemm m=131072 n=16 k=262144 a_strides=0,0,1 b_strides=0,0,1");
  ASSERT_GT(flops(problem), kSampleAboveFlops);
  Tensors tensors = workload(buffers(problem), 6);
  double sum = 0;
  for (int64_t k = 0; k < 262144; ++k) sum += tensors[0].at({0, 0, k}) * tensors[1].at({0, 0, k});
  for (int64_t i = 0; i < 131072 * 16; ++i) store_element(tensors[2], i, sum);
  const Accuracy right = check_accuracy(problem, tensors);
  EXPECT_TRUE(right.right()) << right.worst;
  EXPECT_GE(right.checked, 64 * 16);
  EXPECT_LT(right.checked, 1000 * 16);
  const std::vector<int64_t> rows = sampled_rows(131072);
  int64_t outside = 1000;
  while (std::find(rows.begin(), rows.end(), outside) != rows.end()) ++outside;
  store_element(tensors[2], outside * 16 + 3, NAN);
  EXPECT_FALSE(check_accuracy(problem, tensors).right());
}

TEST(Accuracy, SampledRowsHoldTheEdges) {
  for (int64_t count : {1, 63, 64, 130, 1000, 1777, 1 << 20}) {
    const std::vector<int64_t> rows = sampled_rows(count);
    EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
    EXPECT_EQ(rows.front(), 0);
    EXPECT_EQ(rows.back(), count - 1);
    EXPECT_GE(static_cast<int64_t>(rows.size()), std::min<int64_t>(count, 64));
    EXPECT_LE(rows.size(), 150u);
  }
}

}  // namespace
}  // namespace warpfinch
