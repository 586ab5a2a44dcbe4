// Text from files for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace warpfinch {

// Control characters (of ASCII, and of Unicode up to 9f) and bytes that are no UTF-8 become \x1b: what others
// wrote into a database must not be able to steer the terminal of who reads it. A line break is one of them.
std::string printable(std::string_view text);

}  // namespace warpfinch
