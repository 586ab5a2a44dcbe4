// Reading the list of shapes. yaml-cpp reads as far as it understands and is content with that: what stands
// behind the first document, a character that ends its stream and a quotation mark left open are looked for
// here, so that nothing is tuned of a list that was not understood as a whole.
#include "tuner/shapes.hpp"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace warpfinch {

namespace {

constexpr size_t kMostBytes = size_t{64} << 20;  // a million problems

class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  std::vector<Shape> read(const std::string& yaml) {
    if (yaml.size() > kMostBytes) fail_input(fmt::format("{}: longer than {} MiB", name_, kMostBytes >> 20));
    check_characters(yaml);
    try {
      // The end said aloud: a quotation mark left open would take in what follows, and may not take in this.
      return list(only_document(YAML::LoadAll(yaml + "\n...\n")));
    } catch (const YAML::DeepRecursion& error) {
      fail(error.mark, "broken YAML: nested too deep");
    } catch (const YAML::Exception& error) {
      const bool is_open = error.msg == YAML::ErrorMsg::DOC_IN_SCALAR;
      fail(error.mark, "broken YAML: " + (is_open ? "a quotation mark is not closed" : error.msg));
    }
  }

 private:
  // Behind the end stands only what read() put there.
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    if (mark.is_null()) fail_input(fmt::format("{}: {}", name_, what));
    const YAML::Mark& at = mark.line > end_.line ? end_ : mark;
    fail_input(fmt::format("{}:{}:{}: {}", name_, at.line + 1, at.column + 1, what));
  }

  // YAML allows no other control characters, and to yaml-cpp "\x04" is the end of the file.
  void check_characters(std::string_view yaml) {
    for (; end_.pos < static_cast<int>(yaml.size()); ++end_.pos, ++end_.column) {
      const std::string_view rest = yaml.substr(static_cast<size_t>(end_.pos));
      const unsigned char c = static_cast<unsigned char>(rest[0]);
      if (c == '\n') ++end_.line, end_.column = -1;
      const bool is_blank = c == '\n' || c == '\t' || rest.starts_with("\r\n");
      if ((c < ' ' && !is_blank) || c == 0x7f)
        fail(end_, fmt::format("the character {} cannot stand in a list", quote(rest.substr(0, 1))));
    }
  }

  YAML::Node only_document(const std::vector<YAML::Node>& documents) const {
    if (documents.size() > 1)
      fail(documents[1].Mark(), "text behind the end of the list, which is the only document of its file");
    return documents.empty() ? YAML::Node() : documents[0];
  }

  std::vector<Shape> list(const YAML::Node& root) {
    YAML::Node entries = root;
    if (root.IsMap()) {
      only_keys(root, {"defaults", "shapes"});
      if (root["defaults"]) defaults(root["defaults"]);
      if (!root["shapes"]) fail(root.Mark(), "the map has no 'shapes'");
      entries.reset(root["shapes"]);
    }
    if (!entries.IsSequence() || entries.size() == 0)
      fail(entries.IsNull() ? YAML::Mark() : entries.Mark(),
           "should be a list of problems, as '- gemm m=4096 n=4096 k=4096'");
    std::vector<Shape> shapes;
    for (const YAML::Node& entry : entries) shapes.push_back(shape(entry));
    return shapes;
  }

  void defaults(const YAML::Node& node) {
    if (!node.IsMap()) fail(node.Mark(), "'defaults' should be a map, as 'defaults: {budget: 60s}'");
    only_keys(node, {"budget"});
    if (node["budget"]) default_budget_ = budget(node["budget"]);
  }

  Shape shape(const YAML::Node& node) const {
    if (node.IsScalar()) return {problem(node), default_budget_};
    if (!node.IsMap()) fail(node.Mark(), "should be a problem's text or a map of problem and budget");
    only_keys(node, {"problem", "budget"});
    if (!node["problem"]) fail(node.Mark(), "the entry has no 'problem'");
    return {problem(node["problem"]), node["budget"] ? budget(node["budget"]) : default_budget_};
  }

  void only_keys(const YAML::Node& map, const std::vector<std::string>& known) const {
    std::vector<std::string> seen;
    for (const auto& pair : map) {
      const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "?";
      if (std::find(known.begin(), known.end(), key) == known.end())
        fail(pair.first.Mark(), fmt::format("unknown key {}; known: {}", quote(key), fmt::join(known, ", ")));
      if (std::find(seen.begin(), seen.end(), key) != seen.end())
        fail(pair.first.Mark(), fmt::format("the key '{}' stands twice", key));
      seen.push_back(key);
    }
  }

  // What parse makes of a scalar; its complaint gets the place in the file.
  template <class Parse>
  auto parsed(const YAML::Node& node, const char* what, Parse parse) const {
    if (!node.IsScalar()) fail(node.Mark(), fmt::format("'{}' should be a text", what));
    try {
      return parse(node.Scalar());
    } catch (const Error& error) {
      fail(node.Mark(), error.what());
    }
  }

  Problem problem(const YAML::Node& node) const { return parsed(node, "problem", parse_problem); }
  Budget budget(const YAML::Node& node) const { return parsed(node, "budget", parse_budget); }

  std::string name_;
  YAML::Mark end_;  // how far the characters were looked at
  std::optional<Budget> default_budget_;
};

}  // namespace

std::vector<Shape> parse_shapes(const std::string& yaml, const std::string& name) {
  return Reader(name).read(yaml);
}

}  // namespace warpfinch
