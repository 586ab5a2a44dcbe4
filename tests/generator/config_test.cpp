// Configs: their text, flat and in parts, and what parse_config says to text that is wrong.
#include "generator/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/generator/arbitrary_problem.hpp"

namespace warpfinch {
namespace {

const Problem kForward = AttentionForward{};
const Problem kThreeKernel = AttentionThreeKernel{};

// Any value in every field, legal or not: the text does not judge.
template <class Part>
KernelConfig arbitrary_part() {
  Part part;
  for (const GeneRow<Part>& row : Part::genes()) {
    const std::string choices = "one of ", wanted = wanted_by(row);
    std::string value = number_to_text(*uniform(0, 300)), ignored;
    if (wanted == "true or false") value = *uniform(0, 2) == 1 ? "true" : "false";
    if (wanted.starts_with(choices)) {
      const std::vector<std::string_view> names =
          split_words(std::string_view(wanted).substr(choices.size()));
      const std::string_view name = names[static_cast<size_t>(*uniform(0, static_cast<int>(names.size())))];
      value = name.substr(0, name.find(','));
    }
    RC_ASSERT(row.field.read(value, part, ignored));
  }
  return part;
}

Config arbitrary_config(const Problem& problem) {
  Config config = default_config(problem);
  for (KernelConfig& kernel : config.kernels)
    kernel =
        std::visit([](const auto& part) { return arbitrary_part<std::decay_t<decltype(part)>>(); }, kernel);
  return config;
}

RC_GTEST_PROP(Configs, print_and_parse_back, (const Problem& problem)) {
  const Config config = arbitrary_config(problem);
  RC_ASSERT(parse_config(to_text(config), problem) == config);
}

TEST(Configs, text_of_the_defaults) {
  EXPECT_EQ(to_text(default_config(kForward)),
            "consumer_warpgroups=2 key_tile=128 k_stages=2 v_stages=2 order=qk_first pingpong=none "
            "max_policy=always tile_order=flat "
            "mask_loop=split");
  EXPECT_EQ(to_text(default_config(kThreeKernel)),
            "gemm:{consumer_warpgroups=2 n_tile=128 k_tile=64 stages=4 group=8 tile_order=flat} "
            "softmax:{warps=4 column_tile=128 tile_order=flat} "
            "gemm:{consumer_warpgroups=2 n_tile=128 k_tile=64 stages=4 group=8 tile_order=flat}");
}

TEST(Configs, copy_is_printed_only_when_it_is_not_automatic) {
  const Config config = parse_config("copy=ld stages=3", Gemm{});
  EXPECT_EQ(to_text(config),
            "consumer_warpgroups=2 n_tile=128 k_tile=64 stages=3 group=8 tile_order=flat copy=ld");
}

TEST(Configs, fields_may_be_left_out_and_come_in_any_order) {
  const Config flat = parse_config("max_policy=conditional consumer_warpgroups=3", kForward);
  EXPECT_EQ(flat,
            (Config{{AttentionConfig{.consumer_warpgroups = 3, .max_policy = MaxPolicy::conditional}}}));
  EXPECT_EQ(parse_config("attention:{max_policy=conditional consumer_warpgroups=3}", kForward), flat);
  EXPECT_EQ(parse_config("", kForward), default_config(kForward));
  EXPECT_EQ(parse_config("gemm:{} softmax:{warps=8}gemm:{ n_tile=64 }", kThreeKernel),
            (Config{{GemmConfig{}, SoftmaxConfig{.warps = 8}, GemmConfig{.n_tile = 64}}}));
}

std::string refusal(std::string_view text, const Problem& problem) {
  try {
    parse_config(text, problem);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::input) << text;
    return error.what();
  }
  return "accepted";
}

TEST(Configs, refuses_in_one_clear_line) {
  using testing::HasSubstr;
  EXPECT_THAT(refusal("tile=3", kForward),
              HasSubstr("config of attention: unknown key 'tile'; known: consumer_warpgroups, key_tile"));
  EXPECT_THAT(refusal("consumers=two", kForward), HasSubstr("consumers=two: not an integer"));
  EXPECT_THAT(refusal("order=s9", kForward), HasSubstr("order=s9: not one of pv_first, qk_first"));
  EXPECT_THAT(refusal("consumer_warpgroups=1 consumer_warpgroups=2", kForward),
              HasSubstr("'consumer_warpgroups' stands twice"));
  EXPECT_THAT(refusal("consumer_warpgroups=1,key_tile=64", kForward),
              HasSubstr("consumer_warpgroups=1,key_tile=64: not an integer"));
  EXPECT_THAT(refusal("gemm:{stages=2}", kForward),
              HasSubstr("part 1 is 'gemm'; attention_forward wants attention:{…}"));
  EXPECT_THAT(refusal("consumer_warpgroups=2", kThreeKernel),
              HasSubstr("'consumer_warpgroups=2' is not of the form gemm:{…} softmax:{…} gemm:{…}"));
  EXPECT_THAT(refusal("gemm:{} softmax:{}", kThreeKernel), HasSubstr("has 2 of the 3 parts"));
  EXPECT_THAT(refusal("", kThreeKernel), HasSubstr("has 0 of the 3 parts"));
  EXPECT_THAT(refusal("gemm:{} gemm:{} softmax:{}", kThreeKernel), HasSubstr("part 2 is 'gemm'"));
  EXPECT_THAT(refusal("gemm:{} softmax:{} gemm:{} gemm:{}", kThreeKernel), HasSubstr("part 4 is 'gemm'"));
  EXPECT_THAT(refusal("gemm:{} softmax:{} gemm:{warps=2}", kThreeKernel), HasSubstr("unknown key 'warps'"));
  for (const char* text : {"gemm:{", "gemm{}", "gemm:}{", "{}", "gemm:{} x", "}"})
    EXPECT_THAT(refusal(text, kThreeKernel), HasSubstr("is not of the form")) << text;
}

}  // namespace
}  // namespace warpfinch
