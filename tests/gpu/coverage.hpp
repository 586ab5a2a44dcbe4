// What a run over random pairs has covered, counted by the words of the problems' and the configs' texts, so
// that a new field is counted without being named here.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "runtime/accuracy.hpp"

namespace warpfinch {

class Coverage {
 public:
  void add(const std::string& problem, const std::string& config, const Accuracy& accuracy) {
    ++pairs_;
    problems_.insert(problem);
    wrong_ += !accuracy.right();
    elements_ += accuracy.checked;
    largest_ =
        std::isfinite(accuracy.max_error) ? std::max(largest_, accuracy.max_error) : accuracy.max_error;
    count(problem, "problem");
    count(config, "config");
  }
  void refuse() { ++refused_; }

  // The totals; after an empty line how often each value of each word stood in a pair.
  std::string text() const {
    std::string text = fmt::format(
        "{} pairs of {} problems, {} wrong, {} without a kernel, {} elements compared, largest error {:.3f} "
        "of the "
        "bound\n\n",
        pairs_, problems_.size(), wrong_, refused_, elements_, largest_);
    for (const auto& [key, values] : counts_) {
      text += key + ":";
      for (const auto& [value, times] : values) text += fmt::format(" {} ×{}", value, times);
      text += "\n";
    }
    return text;
  }

 private:
  static constexpr size_t kMostValues = 24;  // sizes and strides take too many to be listed

  // The words of a text are key=value, but for the operation's name; a config of several kernels has the
  // kernel's name and a brace before its first word.
  void count(const std::string& text, const std::string& what) {
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      std::erase(word, '}');
      const size_t start = word.find('{') + 1, equals = word.find('=');  // 0 where there is no brace
      const bool named = equals != std::string::npos;
      auto& values = counts_[what + " " + (named ? word.substr(start, equals - start) : "operation")];
      const std::string value = named ? word.substr(equals + 1) : word;
      ++values[values.size() < kMostValues || values.contains(value) ? value : "others"];
    }
  }

  int pairs_ = 0, wrong_ = 0, refused_ = 0;
  int64_t elements_ = 0;
  double largest_ = 0;
  std::set<std::string> problems_;
  std::map<std::string, std::map<std::string, int>> counts_;
};

}  // namespace warpfinch
