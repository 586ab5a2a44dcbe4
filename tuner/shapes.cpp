// Reading the list of shapes.
#include "tuner/shapes.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace warpfinch {

namespace {

class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  std::vector<Shape> read(const std::string& yaml) {
    try {
      return list(YAML::Load(yaml));
    } catch (const YAML::Exception& error) {
      fail(error.mark, "broken YAML: " + error.msg);
    }
  }

 private:
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    if (mark.is_null()) fail_input(fmt::format("{}: {}", name_, what));
    fail_input(fmt::format("{}:{}:{}: {}", name_, mark.line + 1, mark.column + 1, what));
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
      fail(entries.Mark(), "should be a list of problems, as '- gemm m=4096 n=4096 k=4096'");
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
    for (const auto& pair : map) {
      const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "?";
      if (std::find(known.begin(), known.end(), key) == known.end())
        fail(pair.first.Mark(), fmt::format("unknown key '{}'; known: {}", key, fmt::join(known, ", ")));
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
  std::optional<Budget> default_budget_;
};

}  // namespace

std::vector<Shape> parse_shapes(const std::string& yaml, const std::string& name) {
  return Reader(name).read(yaml);
}

std::vector<Shape> read_shapes(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  if (!std::filesystem::is_regular_file(file) || !stream || !(text << stream.rdbuf()))
    fail_input(fmt::format("shapes {}: cannot be read, or is empty", file.string()));
  return parse_shapes(text.str(), file.string());
}

}  // namespace warpfinch
