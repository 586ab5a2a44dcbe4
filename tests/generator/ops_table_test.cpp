// The tables of ops and attributes in generator/README.md are what the tables in generator/ir say.
// WARPFINCH_BLESS=1 writes them anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "generator/ir/attributes.hpp"
#include "generator/ir/ops.hpp"

namespace warpfinch::ir {
namespace {

const std::string kPage = std::string(WARPFINCH_SOURCE_DIR) + "/generator/README.md";

std::string content(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string joined(const std::vector<std::string_view>& words, std::string_view between) {
  std::string text;
  for (std::string_view word : words) text += (text.empty() ? "" : std::string(between)) + std::string(word);
  return text;
}

// A bar would end the cell.
std::string cell(std::string_view text) {
  std::string result;
  for (char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
  return result;
}

std::string kinds(unsigned mask) {
  std::vector<std::string_view> words;
  if (mask & (kGlobal | kRowPlace)) words.push_back("`@`");
  if (mask & kShared) words.push_back("`$`");
  if ((mask & kTile) && (mask & kRows) && (mask & kColumns))
    words.push_back("`%`");
  else {
    if (mask & kTile) words.push_back("`%` tile");
    if (mask & kRows) words.push_back("`%` rows");
    if (mask & kColumns) words.push_back("`%` columns");
  }
  if (mask & kNumber) words.push_back("number");
  if ((mask & (kIndex | kRowIndex)) && !(mask & kNumber)) words.push_back("integer");
  return joined(words, " ");
}

std::string ops_table() {
  std::string text = "| op | operands | attributes | meaning |\n| --- | --- | --- | --- |\n";
  for (const OpInfo& op : ops()) {
    std::string operands;
    for (const OperandInfo& operand : op.operands)
      operands += (operands.empty() ? "" : ", ") + kinds(operand.kinds);
    if (op.traits & kVariadic) operands += " …";
    text += fmt::format("| `{}` | {} | {} | {} |\n", op.name, operands, joined(op.attributes, " "),
                        cell(op.meaning));
  }
  return text;
}

std::string values(const AttributeInfo& info) {
  using enum AttributeInfo::Form;
  switch (info.form) {
    case flag:
      return "";
    case words:
      return joined(info.words, " \\| ");
    case integer:
      return fmt::format("an integer from {}", info.least);
    case number:
      return "a number";
    case factor:
      return "a number above 0";
    case integers:
      return "a list such as [64,1]";
    case text:
      return "a name or an expression";
  }
  return "";
}

std::string attributes_table() {
  std::string text = "| attribute | value |\n| --- | --- |\n";
  for (const AttributeInfo& info : attribute_infos())
    text += fmt::format("| `{}` | {} |\n", info.name, values(info));
  return text;
}

void expect_on_page(const std::string& name, const std::string& table) {
  const std::string begin = fmt::format("<!-- {}: begin -->\n", name),
                    end = fmt::format("<!-- {}: end -->", name);
  std::string page = content(kPage);
  const size_t from = page.find(begin), to = page.find(end);
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos) << kPage << " has no " << begin;
  const size_t first = from + begin.size();
  if (std::getenv("WARPFINCH_BLESS")) {
    page.replace(first, to - first, table);
    std::ofstream(kPage, std::ios::binary) << page;
    return;
  }
  EXPECT_EQ(page.substr(first, to - first), table) << "WARPFINCH_BLESS=1 writes it anew";
}

TEST(OpsTable, is_the_page_s) { expect_on_page("ops", ops_table()); }

TEST(AttributesTable, is_the_page_s) { expect_on_page("attributes", attributes_table()); }

TEST(AttributesTable, knows_every_attribute_of_every_op_once) {
  for (const OpInfo& op : ops())
    for (std::string_view name : op.attributes)
      EXPECT_NE(find_attribute(name), nullptr) << op.name << ": " << name;
  for (const AttributeInfo& info : attribute_infos()) {
    EXPECT_EQ(find_attribute(info.name), &info) << info.name << " has two rows";
    if (!info.spelled.empty()) {
      const size_t values = info.form == AttributeInfo::Form::flag ? 1 : info.words.size();
      EXPECT_EQ(info.spelled.size(), values) << info.name;
    }
  }
}

}  // namespace
}  // namespace warpfinch::ir
