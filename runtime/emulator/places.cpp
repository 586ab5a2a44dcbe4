#include "runtime/emulator/places.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "runtime/emulator/world.hpp"

namespace warpfinch::emulator {
namespace {

std::optional<uint32_t> number_after(std::string_view text, size_t at, std::string_view words) {
  const size_t found = text.find(words, at);
  if (found == std::string_view::npos) return std::nullopt;
  uint32_t number = 0;
  const std::string_view digits = text.substr(found + words.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// `Ring<SharedTile<…>, 2, 32768> k_ring{shared + 32768, shared + 163856, 0, 0};`, `ClusterRing<…, 2>` as
// well, or `SharedTile<…> o_shared{shared};`, which begins at 0.
std::optional<Place> place_of(std::string_view line) {
  const size_t brace = line.find("{shared");
  if (brace == std::string_view::npos) return std::nullopt;
  const size_t blank = line.rfind(' ', brace);
  if (blank == std::string_view::npos) return std::nullopt;
  Place place{std::string(line.substr(blank + 1, brace - blank - 1))};
  place.tiles = number_after(line.substr(0, line.find(',', brace)), brace, "{shared + ").value_or(0);
  const auto barriers = number_after(line, brace, ", shared + ");
  const size_t stages = line.find(">, "), bytes = line.find(", ", stages + 3);
  if (!barriers || stages == std::string_view::npos || bytes == std::string_view::npos) return place;
  place.barriers = *barriers;
  place.stages = static_cast<int>(number_after(line, stages, ">, ").value_or(0));
  place.stage_bytes = number_after(line, bytes, ", ").value_or(0);
  return place;
}

}  // namespace

Places::Places(const CudaSource& source) {
  for (std::string_view rest = source.kernel; !rest.empty();) {
    const size_t length = std::min(rest.find('\n'), rest.size());
    if (auto place = place_of(rest.substr(0, length))) places_.push_back(*std::move(place));
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
}

std::string Places::bytes(uint32_t begin, uint32_t end) const {
  const std::string range = fmt::format("shared bytes {}..{}", begin - kSharedBase, end - kSharedBase - 1);
  for (const Place& place : places_) {
    if (place.stages == 0 || place.stage_bytes == 0) continue;
    const uint32_t offset = begin - kSharedBase - place.tiles;
    if (begin - kSharedBase < place.tiles || offset >= place.stages * place.stage_bytes) continue;
    return fmt::format("{} ({} stage {}, from byte {})", range, place.name, offset / place.stage_bytes,
                       offset % place.stage_bytes);
  }
  return range;
}

std::string Places::barrier(uint32_t address) const {
  const uint32_t offset = address - kSharedBase;
  for (const Place& place : places_) {
    if (place.stages == 0 || offset < place.barriers) continue;
    const uint32_t number = (offset - place.barriers) / 8, stages = static_cast<uint32_t>(place.stages);
    if (number < 2 * stages)
      return fmt::format("mbarrier {} {}[{}] (shared + {})", place.name, number < stages ? "full" : "empty",
                         number % stages, offset);
  }
  return fmt::format("mbarrier at shared + {}", offset);
}

}  // namespace warpfinch::emulator
