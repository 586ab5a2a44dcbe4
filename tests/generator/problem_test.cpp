// Problems: canonical text, defaults, what is refused and with which words, tensors, operation counts.
#include "generator/problem.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "tests/generator/arbitrary_problem.hpp"

namespace warpfinch {
namespace {

std::string canonical_text(std::string_view typed) { return to_text(parse_problem(typed)); }

std::string refusal(std::string_view text) {
  try {
    parse_problem(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::input) << text;
    return error.what();
  }
  return "accepted";
}

RC_GTEST_PROP(Problems, print_and_parse_back, (const Problem& problem)) {
  const std::string text = to_text(problem);
  RC_ASSERT(parse_problem(text) == problem);
  RC_ASSERT(to_text(parse_problem(text)) == text);
}

// Whatever is typed, it is a problem with a canonical text or an Error, never anything else.
RC_GTEST_PROP(Problems, damaged_text_is_parsed_or_refused, (const Problem& problem)) {
  std::string text = to_text(problem);
  for (int i = *uniform(1, 4); i > 0; --i) {
    const auto place = *uniform<size_t>(0, text.size());
    const char other = *rc::gen::elementOf(std::string("0129-=,. []axk\n\0", 16));
    if (*rc::gen::arbitrary<bool>())
      text[place] = other;
    else
      text.insert(place, 1, other);
  }
  try {
    const Problem parsed = parse_problem(text);
    RC_ASSERT(parse_problem(to_text(parsed)) == parsed);
  } catch (const Error& error) {
    RC_ASSERT(error.kind == ErrorKind::input);
  }
}

TEST(Problems, canonical_text_prints_core_fields_only) {
  EXPECT_EQ(canonical_text("attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16"),
            "attention_forward batch=1 q_heads=16 kv_heads=16 q_len=1024 kv_len=1024 head_dim=64 dtype=fp16 "
            "mask=none layout=bshd");
  EXPECT_EQ(canonical_text("gemm k=4096 m=4096 n=4096"),
            "gemm batch=1 m=4096 n=4096 k=4096 dtype=bf16 output=bf16 layout=tn epilogue=none");
  EXPECT_EQ(canonical_text("softmax rows=4096 columns=1024"), "softmax rows=4096 columns=1024 dtype=bf16");
}

TEST(Problems, what_equals_its_default_is_not_printed) {
  const std::string plain = canonical_text("attention_forward q_heads=2 q_len=8 kv_len=9 head_dim=128");
  EXPECT_EQ(canonical_text("attention_forward q_heads=2 q_len=8 kv_len=9 head_dim=128 value_dim=128 "
                           "scale=0.08838834764831845 window_left=-1 window_right=-1 lse=false "
                           "q_strides=2048,128,256,1 k_strides=[2304,128,256,1] o_strides=2048,128,256,1"),
            plain);
  EXPECT_EQ(canonical_text("attention_forward q_heads=2 q_len=8 kv_len=9 head_dim=128 scale=0.0883883476"),
            plain)
      << "the kernels compute in fp32, where this is 1/sqrt(128)";
  EXPECT_EQ(canonical_text("gemm m=2 n=3 k=4 a_strides=8,4,1 b_strides=12,4,1 c_strides=6,3,1 alpha=1"),
            canonical_text("gemm m=2 n=3 k=4"));
}

TEST(Problems, what_differs_from_its_default_is_printed_in_field_order) {
  EXPECT_EQ(canonical_text(
                "attention_three_kernel lse=true layout=bhsd scale=0.1 value_dim=64 head_dim=128 q_len=5 "
                "q_strides=[0,640,128,1]"),
            "attention_three_kernel batch=1 q_heads=1 kv_heads=1 q_len=5 kv_len=5 head_dim=128 value_dim=64 "
            "dtype=bf16 mask=none scale=0.1 layout=bhsd q_strides=0,640,128,1 lse=true");
  EXPECT_EQ(canonical_text("softmax batch=3 rows=1 columns=2 mask=causal scale=0.5 dtype=fp32"),
            "softmax batch=3 rows=1 columns=2 dtype=fp32 mask=causal scale=0.5");
}

struct Refused {
  const char* text;
  const char* says;
};

TEST(Problems, refuses_in_one_clear_line) {
  const std::vector<Refused> cases{
      {"", "problem: the text is empty"},
      {"flash q_len=1", "unknown operation 'flash'; known: gemm, softmax, attention_forward"},
      {"gemm m=4 n=4", "gemm: k is missing"},
      {"gemm m=0 n=4 k=4", "m=0: must be at least 1"},
      {"gemm m=-4 n=4 k=4", "m=-4: must be at least 1"},
      {"gemm m=4 n=4 k=4 m=5", "'m' stands twice"},
      {"gemm m=4 n=4 k=x", "k=x: not an integer"},
      {"gemm m=4 n=4 k=99999999999999999999", "k=99999999999999999999: not an integer"},
      {"gemm m=4 n=4 k=4 rows=3", "unknown key 'rows'; known: batch, m, n, k"},
      {"gemm m=4 n=4 k=4 tn", "'tn' is not key=value"},
      {"gemm m=4 n=4 k=4 dtype=fp8", "dtype=fp8: not one of bf16, fp16"},
      {"gemm m=4 n=4 k=4 output=fp8", "output=fp8: not one of bf16, fp16, fp32"},
      {"gemm m=4 n=4 k=4 dtype=fp32", "dtype=fp32: not one of bf16, fp16"},
      {"gemm m=4 n=4 k=4 alpha=inf", "alpha=inf: must be a finite number"},
      {"gemm m=4 n=4 k=4 alpha=1e-46", "alpha=1e-46: must be a finite number, 0 or from 1.2e-38 to 3.4e38"},
      {"gemm m=4 n=4 k=4 alpha=-1e-40", "alpha=-1e-40: must be a finite number, 0 or from"},
      {"gemm m=4 n=4 k=4 alpha=1e39", "alpha=1e+39: must be a finite number, 0 or from"},
      {"gemm m=4 n=4 k=4 alpha=1e-999", "alpha=1e-999: not a number"},
      {"gemm m=2147483648 n=4 k=4", "m=2147483648: must be below 2^31 - 65536"},
      {"gemm batch=2147400000 m=2147400000 n=4 k=4", "the limit is 2^62"},
      {"gemm m=4 n=4 k=4 a_strides=1,4", "a_strides=1,4: wants 3 numbers, batch,row,column, has 2"},
      {"gemm m=4 n=4 k=4 a_strides=16,-4,1", "a_strides=16,-4,1: strides must be 0 or more"},
      {"gemm m=4 n=4 k=4 a_strides=16;4;1", "not integers separated by commas"},
      {"gemm m=4 n=4 k=4 b_strides=0,0,9223372036854775807", "span more than 2^62 bytes"},
      {"gemm m=4 n=4 k=4 c_strides=0,0,1", "two elements of the output [1, 4, 4] would share an address"},
      {"gemm batch=2 m=4 n=4 k=4 c_strides=15,4,1", "would share an address"},
      {"softmax rows=4", "softmax: columns is missing"},
      {"softmax rows=4 columns=4 scale=-1", "scale=-1: must be a finite number above 0"},
      {"softmax rows=4 columns=4 batch=0", "batch=0: must be at least 1"},
      {"attention_forward head_dim=64", "q_len is missing"},
      {"attention_forward q_len=4 head_dim=72", "head_dim=72: not one of 16, 32, 64, 80, 96, 128, 192, 256"},
      {"attention_forward q_len=4 head_dim=64 value_dim=48", "value_dim=48: not one of 16, 32"},
      {"attention_forward q_len=4 head_dim=64 q_heads=16 kv_heads=5",
       "q_heads=16 is not a multiple of kv_heads=5"},
      {"attention_forward q_len=4 head_dim=64 kv_heads=0", "kv_heads=0: must be at least 1"},
      {"attention_forward q_len=4 head_dim=64 kv_len=0", "kv_len=0: must be at least 1"},
      {"attention_forward q_len=4 head_dim=64 dtype=fp32", "dtype=fp32: not one of bf16, fp16"},
      {"attention_forward q_len=4 head_dim=64 window_left=-2", "window_left=-2: must be -1 (no limit) or"},
      {"attention_forward q_len=4 head_dim=64 window_right=3000000000", "window_right=3000000000: must be"},
      {"attention_forward q_len=4 head_dim=64 scale=nan", "scale=nan: must be a finite number above 0"},
      {"attention_forward q_len=4 head_dim=64 scale=0", "scale=0: must be a finite number above 0"},
      {"attention_forward q_len=4 head_dim=64 scale=1e-46",
       "scale=1e-46: must be a finite number above 0, and"},
      {"attention_forward q_len=4 head_dim=64 scale=6e-31",
       "scale=6e-31: must be a finite number above 0, and"},
      {"attention_three_kernel q_len=4 head_dim=64 scale=-0.1",
       "scale=-0.1: must be a finite number above 0"},
      {"attention_three_kernel q_len=4 head_dim=64 scale=3e38",
       "scale=3e+38: must be a finite number above 0"},
      {"softmax rows=4 columns=4 scale=1e-300", "scale=1e-300: must be a finite number above 0, and"},
      {"softmax rows=4 columns=4 scale=0", "scale=0: must be a finite number above 0"},
      {"attention_forward q_len=4 head_dim=64 dtype=fp8", "dtype=fp8: not one of bf16, fp16"},
      {"attention_forward q_len=4 head_dim=64 lse=yes", "lse=yes: not true or false"},
      {"attention_forward q_len=4 head_dim=64 o_strides=0,0,0,1", "would share an address"},
      {"attention_three_kernel batch=20000 q_heads=20000 q_len=100000 head_dim=64",
       "the matrix of scores [20000, 20000, 100000, 100000] takes 2^64 bytes"},
  };
  for (const Refused& refused : cases) {
    const std::string message = refusal(refused.text);
    EXPECT_THAT(message, testing::HasSubstr(refused.says)) << refused.text;
    EXPECT_EQ(message.find('\n'), std::string::npos) << refused.text;
  }
}

// Code that puts a problem together comes in by another door than text.
TEST(Problems, what_no_text_may_say_no_struct_may_hold) {
  const auto says = [](const Problem& problem) -> std::string {
    try {
      canonical(problem);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  Gemm gemm{.m = 4, .n = 4, .k = 4};
  EXPECT_EQ(says(gemm), "accepted");
  gemm.dtype = DataType::fp32;
  EXPECT_EQ(says(gemm), "gemm: dtype=fp32: not one of bf16, fp16");
  AttentionForward forward;
  forward.q_len = 4;
  forward.head_dim = 72;
  EXPECT_THAT(says(forward), testing::HasSubstr("head_dim=72: not one of 16, 32, 64"));
  forward.head_dim = 64;
  forward.scale = 1e-300;
  EXPECT_THAT(says(forward), testing::HasSubstr("scale=1e-300: must be"));
}

template <class Operation>
void expect_meanings() {
  for_each_field<Operation>(
      [](const auto& field) { EXPECT_NE(field.about.meaning, "") << Operation::kName << " " << field.name; });
}

TEST(Problems, every_field_says_what_it_means) {
  expect_meanings<Gemm>();
  expect_meanings<Softmax>();
  expect_meanings<AttentionForward>();
  expect_meanings<AttentionThreeKernel>();
}

TEST(Problems, tensors_beyond_32_bits_are_handled) {
  const Problem problem = parse_problem("gemm m=100000 n=100000 k=64");
  EXPECT_EQ(extent(buffers(problem)[2]), 10'000'000'000);
  EXPECT_EQ(flops(problem), 2e10 * 64);
}

// --- tensors ------------------------------------------------------------------------------------------
TEST(Problems, strides_follow_the_layout_in_logical_order) {
  const AttentionFields bshd =
      *attention(parse_problem("attention_forward q_heads=4 kv_heads=2 q_len=8 kv_len=16 "
                               "head_dim=64 value_dim=128"));
  EXPECT_EQ(q_strides(bshd), (Strides{2048, 64, 256, 1}));
  EXPECT_EQ(k_strides(bshd), (Strides{2048, 64, 128, 1}));
  EXPECT_EQ(v_strides(bshd), (Strides{4096, 128, 256, 1}));
  EXPECT_EQ(o_strides(bshd), (Strides{4096, 128, 512, 1}));
  AttentionFields bhsd = bshd;
  bhsd.layout = AttentionLayout::bhsd;
  EXPECT_EQ(v_strides(bhsd), (Strides{4096, 2048, 128, 1}));
  EXPECT_DOUBLE_EQ(effective_scale(bshd), 0.125);
}

std::vector<std::string> buffer_names(std::string_view problem) {
  std::vector<std::string> names;
  for (const Buffer& buffer : buffers(parse_problem(problem))) names.push_back(buffer.name);
  return names;
}

TEST(Problems, buffers_come_in_the_documented_order) {
  using testing::ElementsAre;
  EXPECT_THAT(buffer_names("gemm m=4 n=4 k=4"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(buffer_names("gemm m=4 n=4 k=4 epilogue=bias_gelu"), ElementsAre("a", "b", "c", "bias"));
  EXPECT_THAT(buffer_names("softmax rows=4 columns=4"), ElementsAre("x", "y"));
  EXPECT_THAT(buffer_names("attention_forward q_len=4 head_dim=64"), ElementsAre("q", "k", "v", "o"));
  EXPECT_THAT(buffer_names("attention_three_kernel q_len=4 head_dim=64 lse=true"),
              ElementsAre("q", "k", "v", "o", "lse"));
  const Buffer lse =
      buffers(parse_problem("attention_forward q_heads=3 q_len=4 head_dim=64 lse=true")).back();
  EXPECT_EQ(lse, (Buffer{"lse", DataType::fp32, {1, 3, 4}, {12, 4, 1}, true}));
  const Problem nn = parse_problem("gemm m=4 n=5 k=6 layout=nn");
  EXPECT_EQ(buffers(nn)[1].shape, (std::vector<int64_t>{1, 6, 5}));
  EXPECT_EQ(buffers(nn)[1].strides, (Strides{30, 5, 1}));
}

// Offsets of all elements, one for each.
std::vector<int64_t> element_offsets(const Buffer& buffer) {
  std::vector<int64_t> offsets{0};
  for (size_t i = 0; i < buffer.shape.size(); ++i) {
    std::vector<int64_t> next;
    for (int64_t offset : offsets)
      for (int64_t k = 0; k < buffer.shape[i]; ++k) next.push_back(offset + k * buffer.strides[i]);
    offsets = std::move(next);
  }
  return offsets;
}

RC_GTEST_PROP(Problems, outputs_that_are_accepted_do_not_overlap, ()) {
  Gemm gemm{.batch = *uniform(1, 4), .m = *uniform(1, 6), .n = *uniform(1, 6), .k = 1};
  for (int i = 0; i < 3; ++i) gemm.c_strides.push_back(*uniform(0, 40));
  const std::vector<int64_t> offsets = element_offsets(buffers(gemm)[2]);
  const std::set<int64_t> distinct(offsets.begin(), offsets.end());
  bool accepted = true;
  try {
    canonical(gemm);
  } catch (const Error&) {
    accepted = false;
  }
  RC_TAG(accepted);
  RC_ASSERT(!accepted || distinct.size() == offsets.size());
  RC_ASSERT(extent(buffers(gemm)[2]) == *distinct.rbegin() + 1);
}

// --- work -------------------------------------------------------------------------------------------------
RC_GTEST_PROP(Problems, visible_pairs_are_those_that_the_mask_lets_through, ()) {
  const int64_t rows = *uniform(1, 40), columns = *uniform(1, 40);
  const int64_t left = *uniform(-1, 50), right = *uniform(-1, 50);
  for (Mask mask : {Mask::none, Mask::causal, Mask::causal_top_left}) {
    const int64_t diagonal = mask == Mask::causal_top_left ? 0 : columns - rows;
    int64_t counted = 0;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        const int64_t distance = j - (i + diagonal);
        counted += (mask == Mask::none || distance <= 0) && (left < 0 || distance >= -left) &&
                   (right < 0 || distance <= right);
      }
    const AttentionFields given{.q_len = rows,
                                .kv_len = columns,
                                .head_dim = 64,
                                .mask = mask,
                                .window_left = left,
                                .window_right = right};
    const Problem problem = canonical(AttentionForward{given});
    RC_ASSERT(visible_pairs(band(given), rows, columns) == counted);
    RC_ASSERT(visible_pairs(band(*attention(problem)), rows, columns) == counted);
    RC_ASSERT(flops(problem) == 2.0 * counted * 128);
  }
}

TEST(Problems, windows_that_hide_nothing_are_none) {
  const auto text = [](std::string_view window) {
    return to_text(
        parse_problem(fmt::format("attention_forward q_len=100 kv_len=300 head_dim=64 {}", window)));
  };
  EXPECT_EQ(text("window_left=299 window_right=99"), text(""));
  EXPECT_NE(text("window_left=298"), text(""));
  EXPECT_NE(text("window_right=98"), text(""));
  EXPECT_EQ(text("window_right=0"), text("mask=causal"));
  EXPECT_EQ(text("mask=causal window_right=7"), text("mask=causal"));
  EXPECT_EQ(text("mask=causal_top_left window_left=99"), text("mask=causal_top_left"));
}

TEST(Problems, counts_operations_and_bytes) {
  EXPECT_EQ(flops(parse_problem("gemm batch=3 m=4 n=5 k=6")), 2.0 * 3 * 4 * 5 * 6);
  EXPECT_EQ(flops(parse_problem("softmax batch=2 rows=3 columns=3 mask=causal")), 5.0 * 2 * 6);
  EXPECT_EQ(flops(parse_problem("attention_forward q_heads=2 q_len=3 kv_len=4 head_dim=64 value_dim=128")),
            2.0 * 2 * 12 * (64 + 128));
  EXPECT_EQ(flops(parse_problem("attention_forward q_heads=2 q_len=3 kv_len=4 head_dim=64 mask=causal")),
            2.0 * 2 * 9 * 128);
  EXPECT_EQ(bytes(parse_problem("gemm m=4 n=5 k=6 output=fp32 epilogue=bias")),
            2 * 24 + 2 * 30 + 4 * 20 + 2 * 5);
  EXPECT_EQ(bytes(parse_problem("gemm batch=7 m=4 n=5 k=6 b_strides=0,6,1")),
            2.0 * 7 * 24 + 2 * 30 + 2 * 7 * 20);
  EXPECT_EQ(bytes(parse_problem("attention_forward q_len=3 kv_len=4 head_dim=64 lse=true")),
            2.0 * 64 * (3 + 4 + 4 + 3) + 4 * 3);
}

}  // namespace
}  // namespace warpfinch
