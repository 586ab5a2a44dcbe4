// Reads and writes that are whole, however many calls of the system they take.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/descriptor.hpp"

namespace warpfinch {

// What is there up to the end; none where a read fails, and errno says why.
std::optional<std::string> read_whole(const Descriptor& file);
// False where not everything could be written, and errno says why.
bool write_whole(const Descriptor& file, std::string_view bytes);

}  // namespace warpfinch
