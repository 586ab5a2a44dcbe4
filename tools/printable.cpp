#include "tools/printable.hpp"

#include <fmt/format.h>

namespace warpfinch {
namespace {

bool continues(std::string_view text, size_t place) {
  return place < text.size() && (static_cast<unsigned char>(text[place]) & 0xc0) == 0x80;
}

// Bytes of the printable character that the text begins with; 0: none does.
size_t printable_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  if (first < 0xc2 || first > 0xf4) return 0;  // no character begins so
  const size_t bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (size_t i = 1; i < bytes; ++i)
    if (!continues(text, i)) return 0;
  const bool control = first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
  return control ? 0 : bytes;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t bytes = printable_bytes(text);
    if (bytes > 0)
      shown += text.substr(0, bytes);
    else
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    text.remove_prefix(bytes > 0 ? bytes : 1);
  }
  return shown;
}

}  // namespace warpfinch
