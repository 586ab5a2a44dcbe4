// Texts in the words of earlier versions mean the same, and who reads them is told once.
#include "generator/former_words.hpp"

#include <gtest/gtest.h>

#include "generator/config.hpp"
#include "generator/ir/program.hpp"
#include "generator/problem.hpp"

namespace warpfinch {
namespace {

std::vector<std::string>& notes() {
  static std::vector<std::string> said;
  return said;
}
void note(std::string_view was, std::string_view is) {
  notes().push_back(std::string(was) + " -> " + std::string(is));
}

TEST(FormerWords, ConfigsMeanTheSame) {
  const Problem problem = parse_problem("attention_forward q_len=64 head_dim=64 dtype=fp16");
  const Config was = parse_config(
      "consumers=2 key_tile=64 k_stages=2 v_stages=2 order=s7 baton=issue reference=r3 tile_order=flat "
      "mask_loop=split blocks=2 settle=sums",
      problem);
  EXPECT_EQ(to_text(was),
            "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=2 order=softmax_first pingpong=issue "
            "max_policy=sum_guard tile_order=flat mask_loop=split ctas_per_sm=2");
  EXPECT_EQ(parse_config(to_text(was), problem), was);
}

TEST(FormerWords, TheSameGeneUnderBothNamesStandsTwice) {
  const Problem problem = parse_problem("gemm m=64 n=64 k=64 dtype=fp16");
  EXPECT_THROW(parse_config("consumers=2 consumer_warpgroups=2", problem), Error);
}

TEST(FormerWords, ProgramsMeanTheSame) {
  const ir::Program was = ir::parse(
      "kernel k target=sm_90a order=s1 baton=none blocks=2 settle=none {\n"
      "  register %a fp32 [64,64]\n"
      "  settle %a\n"
      "  baton_wait\n"
      "  softmax_exp2 %a lift=7\n"
      "}\n");
  const std::string is = ir::print(was);
  for (const char* word : {"order=qk_first", "pingpong=none", "ctas_per_sm=2", "pin=none", "  pin %a",
                           "pingpong_wait", "max_offset=7"})
    EXPECT_NE(is.find(word), std::string::npos) << word << " in\n" << is;
  EXPECT_EQ(ir::print(ir::parse(is)), is);
}

TEST(FormerWords, AreSaidOnce) {
  set_former_word_sink(note);
  note_former_word("a word of this test", "another");
  note_former_word("a word of this test", "another");
  set_former_word_sink(nullptr);
  note_former_word("an unheard one", "another");
  EXPECT_EQ(notes(), std::vector<std::string>{"a word of this test -> another"});
}

}  // namespace
}  // namespace warpfinch
