#include "runtime/emulator/device_files.hpp"

namespace warpfinch::emulator {

std::string_view device_text(std::string_view name) {
  for (const TemplateFile& file : device_files())
    if (file.name == name) return file.text;
  return {};
}

}  // namespace warpfinch::emulator
