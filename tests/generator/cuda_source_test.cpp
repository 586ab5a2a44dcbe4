// The text that goes to a compiler: inlining, comments, and the digest that caches stand on.
#include "generator/cuda_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace warpfinch {
namespace {

CudaSource small_source() {
  return {
      .entry = "gemm",
      .target = "sm_90a",
      .kernel = "#include \"sm90/ptx.cuh\"\n#include \"tile.cuh\"\n// what it is\nvoid gemm() { leaf(); }\n",
      .headers = {{"sm90/ptx.cuh", "#pragma once\n#include <cstdint>\nvoid leaf();\n"},
                  {"tile.cuh", "#pragma once\n  #  include \"ptx.cuh\" // same folder\nstruct Tile {};\n"}},
      .ir_lines = {}};
}

TEST(CudaSources, inlined_needs_no_include_of_its_own) {
  const std::string text = inlined(small_source());
  EXPECT_EQ(text,
            "// --- sm90/ptx.cuh\n#include <cstdint>\nvoid leaf();\n\n"
            "// --- tile.cuh\nstruct Tile {};\n\n"
            "// --- gemm\n// what it is\nvoid gemm() { leaf(); }\n");
}

TEST(CudaSources, comments_go_and_literals_stay) {
  EXPECT_EQ(without_comments("a; // x\n\n  \t\n/* one\n two */ b;  \nc/**/d /* e */ f;\n"),
            "a;\n b;\nc d   f;\n");
  EXPECT_EQ(without_comments("s = \"// no /* comment */ \\\" //\"; // yes\n"),
            "s = \"// no /* comment */ \\\" //\";\n");
  EXPECT_EQ(without_comments("c = '\"'; d = '\\''; // x\n"), "c = '\"'; d = '\\'';\n");
  EXPECT_EQ(without_comments("n = 1'000; // x\nm = 2'0;"), "n = 1'000;\nm = 2'0;\n");
  EXPECT_EQ(without_comments("a /* never closed"), "a\n");
  EXPECT_EQ(without_comments("// only\n"), "");
  EXPECT_EQ(without_comments("a / b; // c"), "a / b;\n");
}

RC_GTEST_PROP(CudaSources, taking_comments_out_twice_is_taking_them_out_once, ()) {
  const auto piece =
      rc::gen::element<std::string>("/", "*", "\"", "'", "\\", "a", "0", " ", "\n", "//", "/*", "*/");
  const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
  std::string text;
  for (const std::string& part : pieces) text += part;
  const std::string once = without_comments(text);
  RC_ASSERT(without_comments(once).size() <= once.size());
  RC_ASSERT(once.find("\n\n") == std::string::npos);
  RC_ASSERT(once.find(" \n") == std::string::npos);
}

TEST(CudaSources, digest_is_32_hex_digits_that_never_change) {
  EXPECT_THAT(digest(small_source()), testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(digest(small_source()), "f49536f251c43780665685f2aebe867b")
      << "cubin caches and databases of users hold such digests";
}

TEST(CudaSources, digest_does_not_see_comments) {
  CudaSource commented = small_source();
  commented.kernel += "// more\n\n/* and more */\n";
  commented.headers[0].text += "   // trailing\n";
  commented.ir_lines = {1, 2, 3};
  EXPECT_EQ(digest(commented), digest(small_source()));
}

TEST(CudaSources, digest_sees_everything_else) {
  const std::string original = digest(small_source());
  const auto changed = [](auto change) {
    CudaSource source = small_source();
    change(source);
    return digest(source);
  };
  EXPECT_NE(changed([](CudaSource& s) { s.entry = "gemm2"; }), original);
  EXPECT_NE(changed([](CudaSource& s) { s.target = "sm_80"; }), original);
  EXPECT_NE(changed([](CudaSource& s) { s.kernel += ";"; }), original);
  EXPECT_NE(changed([](CudaSource& s) { s.headers[1].text += ";"; }), original);
  EXPECT_NE(changed([](CudaSource& s) { s.headers[1].name = "other.cuh"; }), original);
  EXPECT_NE(changed([](CudaSource& s) { s.headers.pop_back(); }), original);
  EXPECT_NE(changed([](CudaSource& s) { std::swap(s.headers[0], s.headers[1]); }), original);
  EXPECT_NE(changed([](CudaSource& s) { s.entry = "gem", s.target = "msm_90a"; }), original);
}

}  // namespace
}  // namespace warpfinch
