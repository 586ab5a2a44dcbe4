// Pieces of the pages that are printed in Markdown.
#pragma once

#include <string>
#include <vector>

namespace warpfinch {

// A row of a table. A bar within a cell is escaped, because it would end the cell.
std::string table_row(const std::vector<std::string>& cells);
// The row of names, and the line below it.
std::string table_head(const std::vector<std::string>& names);

}  // namespace warpfinch
