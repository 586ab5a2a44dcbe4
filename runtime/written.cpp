#include "runtime/written.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstring>

#include "runtime/parallel.hpp"
#include "runtime/rows.hpp"

namespace warpfinch {
namespace {

constexpr int64_t kNone = INT64_MAX;

void keep_smallest(std::atomic<int64_t>& smallest, int64_t value) {
  int64_t seen = smallest;
  while (value < seen && !smallest.compare_exchange_weak(seen, value)) {
  }
}

// Number of the first row that holds a NaN, in C order.
int64_t first_row_with_nan(const HostTensor& output, int threads) {
  std::atomic<int64_t> first = kNone;
  const int64_t rows = row_count(output.buffer), rows_per_piece = 1 + (1 << 18) / row_length(output.buffer);
  parallel_for((rows + rows_per_piece - 1) / rows_per_piece, threads, [&](int64_t piece) {
    for (int64_t row = piece * rows_per_piece; row < std::min(rows, (piece + 1) * rows_per_piece); ++row) {
      int64_t offset = row_offset(output.buffer, row);
      for (int64_t i = 0; i < row_length(output.buffer); ++i, offset += row_stride(output.buffer))
        if (std::isnan(load_element(output, offset))) return keep_smallest(first, row);
    }
  });
  return first;
}

// Offset of the first gap whose bits differ from those of the gap before it.
int64_t first_changed_gap(const HostTensor& output) {
  const Buffer& buffer = output.buffer;
  const int64_t length = extent(buffer), size = size_of(buffer.type);
  if (length == row_count(buffer) * row_length(buffer)) return kNone;
  std::vector<bool> element(static_cast<size_t>(length));
  for (int64_t row = 0; row < row_count(buffer); ++row)
    for (int64_t i = 0, offset = row_offset(buffer, row); i < row_length(buffer);
         ++i, offset += row_stride(buffer))
      element[static_cast<size_t>(offset)] = true;
  const std::byte* known = nullptr;
  for (int64_t offset = 0; offset < length; ++offset) {
    if (element[static_cast<size_t>(offset)]) continue;
    const std::byte* gap = output.data.data() + offset * size;
    if (known && std::memcmp(known, gap, static_cast<size_t>(size)) != 0) return offset;
    known = gap;
  }
  return kNone;
}

}  // namespace

std::optional<std::string> unwritten(const HostTensor& output, int threads) {
  const int64_t row = first_row_with_nan(output, threads);
  if (row == kNone) return std::nullopt;
  return fmt::format("{}: row {} of {} has a NaN or an element that was not written", output.buffer.name, row,
                     row_count(output.buffer));
}

std::optional<std::string> stray_write(const HostTensor& output) {
  const int64_t offset = first_changed_gap(output);
  if (offset == kNone) return std::nullopt;
  return fmt::format("{}: element {} from its start lies between the tensor's elements and was written",
                     output.buffer.name, offset);
}

}  // namespace warpfinch
