// Words of others in our messages: nothing that steers a terminal, nothing without end.
#include "generator/quote.hpp"

#include <gtest/gtest.h>

#include "generator/result.hpp"

namespace warpfinch {
namespace {

TEST(Quote, control_characters_become_escapes) {
  EXPECT_EQ(printable("a\x1b[31mb\x07\x7f\tc"), R"(a\x1b[31mb\x07\x7f\tc)");
  EXPECT_EQ(printable(std::string("a\0b", 3)), R"(a\x00b)");
  EXPECT_EQ(printable("\xc2\x9b"), R"(\x9b)");        // one character that some terminals take for ESC [
  EXPECT_EQ(printable("\xe2\x80\xae"), R"(\u202e)");  // turns the direction of reading
  EXPECT_EQ(printable("\xff\xc3"), R"(\xff\xc3)");    // no UTF-8
}

TEST(Quote, what_can_be_read_stays) {
  for (const std::string text : {"", "two\nlines", "\"quoted\" C:\\path", "größer → 10 µs …"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(printable(printable(text + "\x1b")), printable(text + "\x1b"));
  }
}

TEST(Quote, excerpts_are_one_short_line_of_whole_characters) {
  EXPECT_EQ(quote("n=0"), "'n=0'");
  EXPECT_EQ(quote("a\nb"), R"('a\nb')");
  EXPECT_EQ(excerpt(std::string(80, 'a')), std::string(80, 'a'));
  EXPECT_EQ(excerpt(std::string(33000, 'a')), std::string(80, 'a') + "…");
  EXPECT_EQ(excerpt(std::string(79, 'a') + "éé"), std::string(79, 'a') + "…");
}

TEST(Quote, long_messages_keep_their_beginning_and_their_end) {
  const std::string line = one_line("where: " + std::string(33000, 'a') + "\nright: this\n");
  EXPECT_TRUE(line.starts_with("where: aaa"));
  EXPECT_TRUE(line.ends_with("aaa right: this"));
  EXPECT_LT(line.size(), 2100U);
  EXPECT_EQ(one_line("short\nand good\n"), "short and good");
}

TEST(Quote, every_error_is_printable) {
  EXPECT_STREQ(Error(ErrorKind::input, "no file \x1b[2J").what(), R"(no file \x1b[2J)");
}

}  // namespace
}  // namespace warpfinch
