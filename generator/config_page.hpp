// The page about configs: every field of every kernel's config, from the rows of genes. generator/CONFIGS.md
// is this text; a test compares them, and WARPFINCH_BLESS=1 writes the file anew.
#pragma once

#include <string>

namespace warpfinch {

// Markdown.
std::string config_page();

}  // namespace warpfinch
