// One mutant per fault and place.
#include <fmt/format.h>

#include <sstream>

#include "tools/mutants/faults.hpp"
#include "tools/mutants/mutant.hpp"

namespace warpfinch::mutants {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  Lines lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string trimmed(const std::string& line) {
  const size_t first = line.find_first_not_of(' ');
  return first == std::string::npos ? "" : line.substr(first);
}

std::string ring_line_before(const Lines& lines, size_t line) {
  while (line-- > 0)
    if (lines[line].ends_with("_ring);")) return trimmed(lines[line]);
  return {};
}

// Makes the mutants of one launch.
class Mutator {
 public:
  Mutator(const Original& original, size_t launch, std::vector<Mutant>& sink)
      : original_(original),
        launch_(launch),
        lines_(lines_of(original.plan.launches[launch].source.kernel)),
        sink_(sink) {}

  void change_lines() {
    for (size_t i = 0; i < lines_.size(); ++i)
      for (const Fault& fault : line_faults()) {
        std::smatch match;
        if (!std::regex_search(lines_[i], match, fault.pattern)) continue;
        add(fault.name, i, match.prefix().str() + fault.change(match) + match.suffix().str());
      }
  }

  // The role's first line opens its body; it lasts to the next one's, or to the end.
  void change_roles() {
    static const std::regex kRole(R"(^  (\} else )?(if \(warp [<>].*\) )?\{( +//.*)?$)");
    std::vector<size_t> heads;
    for (size_t i = 0; i < lines_.size(); ++i)
      if (std::regex_search(lines_[i], kRole)) heads.push_back(i);
    for (size_t h = 0; h < heads.size(); ++h)
      change_role(heads[h], h + 1 < heads.size() ? heads[h + 1] : lines_.size());
  }

  void change_maps() {
    const std::vector<Argument>& arguments = original_.plan.launches[launch_].arguments;
    for (size_t i = 0; i < arguments.size(); ++i) {
      const TensorMap& map = arguments[i].map;
      if (arguments[i].kind != Argument::Kind::tensor_map || map.swizzle == 0) continue;
      TensorMap other = map;
      other.swizzle = map.swizzle == 64 ? 32 : 64;
      add_map("another swizzle for the copy engine", i, other, fmt::format("swizzle={}", other.swizzle));
      other = map;
      other.box[1] -= 1;
      add_map("a box with a row too few", i, other, fmt::format("{} rows", other.box[1]));
    }
  }

 private:
  void change_role(size_t head, size_t end) {
    for (const RingDeclaration& ring : rings_of(lines_)) {
      bool used = false;
      for (size_t i = head; i < end; ++i) used = used || lines_[i].find(ring.name) != std::string::npos;
      if (!used) continue;
      for (const RingFault& fault : ring_faults(ring)) {
        const size_t brace = lines_[head].find('{');
        add(fault.name, head,
            lines_[head].substr(0, brace + 1) + " " + fault.text + lines_[head].substr(brace + 1));
      }
    }
  }

  Mutant& add(const std::string& fault, size_t line, const std::string& after) {
    Mutant& mutant = sink_.emplace_back();
    mutant.original = original_.name;
    mutant.launch = launch_;
    mutant.fault = fault;
    mutant.line = static_cast<int>(line) + 1;
    mutant.before = trimmed(lines_[line]);
    mutant.after = trimmed(after);
    mutant.behind = ring_line_before(lines_, line);
    mutant.plan = original_.plan;
    Lines changed = lines_;
    changed[line] = after;
    mutant.plan.launches[launch_].source.kernel = joined(changed);
    return mutant;
  }

  void add_map(const std::string& fault, size_t argument, const TensorMap& map, const std::string& after) {
    Mutant& mutant = sink_.emplace_back();
    mutant.original = original_.name;
    mutant.launch = launch_;
    mutant.fault = fault;
    mutant.before = fmt::format("tensor map {}", argument);
    mutant.after = after;
    mutant.plan = original_.plan;
    mutant.plan.launches[launch_].arguments[argument].map = map;
  }

  const Original& original_;
  size_t launch_;
  Lines lines_;
  std::vector<Mutant>& sink_;
};

}  // namespace

std::vector<Mutant> mutants_of(const Original& original) {
  std::vector<Mutant> all;
  for (size_t launch = 0; launch < original.plan.launches.size(); ++launch) {
    Mutator mutator(original, launch, all);
    mutator.change_lines();
    mutator.change_roles();
    mutator.change_maps();
  }
  return all;
}

}  // namespace warpfinch::mutants
