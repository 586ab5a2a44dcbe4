// The page for users about problems: every operation with its fields, its buffers and how exact its results
// are, and which keys a mask shows. `warpfinch problems` prints it, and tuner/api/warpfinch/PROBLEMS.md is
// what it prints.
#pragma once

#include <string>

namespace warpfinch {

// Markdown.
std::string problem_page();

}  // namespace warpfinch
