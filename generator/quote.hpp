// Words of others (a user's text, a file's content, a file's name) within our messages: without what would
// steer a terminal, and short enough to be read.
#pragma once

#include <string>
#include <string_view>

namespace warpfinch {

// Control characters, invisible characters and broken UTF-8 as escapes ("\x1b"); line feeds stay.
std::string printable(std::string_view text);
// On one line, and "…" in place of what goes beyond 80 bytes.
std::string excerpt(std::string_view text);
// The excerpt within single quotes.
std::string quote(std::string_view text);
// A whole message: printable, blanks for its line feeds, and "…" in its middle where it has more than 2000
// bytes, since it begins with the place and ends with what would be right.
std::string one_line(std::string_view message);

}  // namespace warpfinch
