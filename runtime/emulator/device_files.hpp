// The files of runtime/emulator/device/, embedded when the library is built.
#pragma once

#include <span>
#include <string_view>

#include "generator/emit/templates.hpp"

namespace warpfinch::emulator {

// Sorted by name. Defined in a source that the build generates.
std::span<const TemplateFile> device_files();
// The text of one; empty where there is none of that name.
std::string_view device_text(std::string_view name);

}  // namespace warpfinch::emulator
