// Survivors that are no faults, each with the argument.
#include <regex>

#include "tools/mutants/mutant.hpp"

namespace warpfinch::mutants {
namespace {

struct Argued {
  const char* original;  // regular expressions, over the whole of each
  const char* fault;
  const char* line;  // Mutant::before
  const char* why;
};

constexpr Argued kArgued[] = {
    {"none", "none", "none", ""},
};

bool fits(const std::string& text, const char* pattern) {
  return std::regex_match(text, std::regex(pattern));
}

}  // namespace

std::string why_equivalent(const Mutant& mutant) {
  for (const Argued& argued : kArgued)
    if (fits(mutant.original, argued.original) && fits(mutant.fault, argued.fault) &&
        fits(mutant.before, argued.line))
      return argued.why;
  return {};
}

}  // namespace warpfinch::mutants
