// warpfinch problems: what can be computed, and what each word of a problem means.
#include <fmt/format.h>

#include "generator/problem_page.hpp"
#include "tools/command.hpp"

namespace warpfinch {

Command add_problems(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("problems", "Explain the operations: fields, buffers, masks, exactness");
  return {app, [] {
            fmt::print("{}", problem_page());
            return 0;
          }};
}

}  // namespace warpfinch
