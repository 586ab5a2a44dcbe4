// The program's two standard streams: everything that the program says goes through here. Lines of the log
// alone go to standard error by themselves.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace warpfinch {

// First of all: a standard stream that was closed must not become the number of a file that is opened later,
// which would then be written into. It stays unusable: reading or writing it fails.
void hold_standard_streams();

// To standard output. Error (environment) where it cannot be written.
void write_out(std::string_view text);
template <class... Values>
void print_out(fmt::format_string<Values...> format, Values&&... values) {
  write_out(fmt::format(format, std::forward<Values>(values)...));
}
// Brings to its reader what was printed; Error (environment).
void flush_out();

// To standard error, behind what was printed so far. It may be full or closed as well: then nothing can be
// said any more, and errors_lost() tells.
void print_error(std::string_view text) noexcept;
bool errors_lost() noexcept;

}  // namespace warpfinch
