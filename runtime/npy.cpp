// numpy's file format: a magic word, a Python dictionary as text, the elements.
#include <fmt/ranges.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>

#include "generator/result.hpp"
#include "runtime/rows.hpp"
#include "runtime/workload.hpp"

namespace warpfinch {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  fail_input(fmt::format("{}: {}", file.string(), what));
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

// What follows "'key':" in the dictionary, blanks skipped.
std::string_view value_of(const std::filesystem::path& file, std::string_view dictionary,
                          std::string_view key) {
  const size_t found = dictionary.find(fmt::format("'{}':", key));
  if (found == std::string_view::npos) refuse(file, fmt::format("the .npy header has no '{}'", key));
  std::string_view value = dictionary.substr(found + key.size() + 3);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

std::vector<int64_t> parse_shape(const std::filesystem::path& file, std::string_view text) {
  const size_t end = text.find(')');
  if (!text.starts_with('(') || end == std::string_view::npos)
    refuse(file, "the .npy header's shape is no tuple");
  std::vector<int64_t> shape;
  for (const char *at = text.data() + 1, *last = text.data() + end; at < last;) {
    int64_t size = 0;
    const auto [next, code] = std::from_chars(at, last, size);
    if (code != std::errc() || size < 0) refuse(file, "the .npy header's shape is no tuple of sizes");
    shape.push_back(size);
    at = next;
    while (at < last && (*at == ',' || *at == ' ')) ++at;
  }
  return shape;
}

NpyHeader parse_header(const std::filesystem::path& file, std::string_view dictionary) {
  NpyHeader header;
  const std::string_view descr = value_of(file, dictionary, "descr");
  const size_t quote = descr.find('\'', 1);
  if (!descr.starts_with('\'') || quote == std::string_view::npos)
    refuse(file, "the .npy header's descr is no simple type");
  header.descr = descr.substr(1, quote - 1);
  header.fortran_order = value_of(file, dictionary, "fortran_order").starts_with("True");
  header.shape = parse_shape(file, value_of(file, dictionary, "shape"));
  return header;
}

NpyHeader read_header(std::ifstream& stream, const std::filesystem::path& file) {
  char start[8] = {};
  stream.read(start, sizeof start);
  if (!stream || !std::string_view(start, sizeof start).starts_with(kMagic)) refuse(file, "not a .npy file");
  const int version = start[6];
  if (version < 1 || version > 3) refuse(file, fmt::format(".npy version {}, known are 1 to 3", version));
  unsigned char length_bytes[4] = {};
  stream.read(reinterpret_cast<char*>(length_bytes), version == 1 ? 2 : 4);
  const uint32_t length = length_bytes[0] | length_bytes[1] << 8 | length_bytes[2] << 16 |
                          static_cast<uint32_t>(length_bytes[3]) << 24;
  if (!stream || length > (1u << 20)) refuse(file, "the .npy header is cut off or damaged");
  std::string dictionary(length, '\0');
  stream.read(dictionary.data(), length);
  if (!stream) refuse(file, "the .npy header is cut off");
  return parse_header(file, dictionary);
}

// numpy has no bf16: its bits are stored as 16-bit integers or as opaque pairs of bytes.
std::vector<std::string_view> descrs(DataType type) {
  switch (type) {
    case DataType::bf16:
      return {"<u2", "<V2", "|V2"};
    case DataType::fp16:
      return {"<f2"};
    case DataType::fp32:
      return {"<f4"};
  }
  return {};
}

void check_header(const NpyHeader& header, const std::filesystem::path& file, const Buffer& buffer) {
  bool known = false;
  for (std::string_view descr : descrs(buffer.type)) known |= descr == header.descr;
  if (!known)
    refuse(file, fmt::format("holds elements of type '{}', {} is {}, stored as '{}'", header.descr,
                             buffer.name, to_text(buffer.type), descrs(buffer.type)[0]));
  if (header.fortran_order) refuse(file, "is in Fortran order; save numpy.ascontiguousarray(…) of it");
  if (header.shape != buffer.shape)
    refuse(file, fmt::format("has shape {}, {} wants {}", shape_text(header.shape), buffer.name,
                             shape_text(buffer.shape)));
}

// Calls move(bytes of a row in C order, first element's address, bytes between elements) for each row.
template <class Tensor, class Move>
void for_each_row(Tensor& tensor, Move move) {
  const Buffer& buffer = tensor.buffer;
  const int64_t size = size_of(buffer.type);
  std::vector<char> row(static_cast<size_t>(row_length(buffer) * size));
  for (int64_t i = 0; i < row_count(buffer); ++i)
    move(row, tensor.data.data() + row_offset(buffer, i) * size, row_stride(buffer) * size);
}

}  // namespace

HostTensor read_npy(const std::filesystem::path& file, const Buffer& buffer) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) refuse(file, "is a folder, should be a .npy file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse(file, fmt::format("cannot be opened: {}", std::strerror(errno)));
  check_header(read_header(stream, file), file, buffer);
  const int64_t size = size_of(buffer.type);
  int64_t found = 0;
  HostTensor tensor = poison(buffer);
  for_each_row(tensor, [&](std::vector<char>& row, std::byte* at, int64_t step) {
    stream.read(row.data(), static_cast<std::streamsize>(row.size()));
    found += stream.gcount();
    for (size_t i = 0; i < row.size(); i += static_cast<size_t>(size), at += step)
      std::memcpy(at, &row[i], static_cast<size_t>(size));
  });
  if (stream) found += stream.ignore(std::numeric_limits<std::streamsize>::max()).gcount();
  if (stream.bad()) fail_environment(fmt::format("{}: read error", file.string()));
  const int64_t wanted = row_count(buffer) * row_length(buffer) * size;
  if (found != wanted)
    refuse(file, fmt::format("holds {} bytes of elements, shape {} needs {}{}", found,
                             shape_text(buffer.shape), wanted, found < wanted ? ": cut off" : ""));
  return tensor;
}

std::string to_npy(const HostTensor& tensor) {
  const Buffer& buffer = tensor.buffer;
  // A tuple of one needs its comma; the header ends with a line feed at a multiple of 64 bytes.
  std::string dictionary =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descrs(buffer.type)[0],
                  fmt::join(buffer.shape, ", "), buffer.shape.size() == 1 ? "," : "");
  dictionary.append(63 - (10 + dictionary.size()) % 64, ' ').push_back('\n');
  std::string content(kMagic);
  content +=
      {'\1', '\0', static_cast<char>(dictionary.size() & 255), static_cast<char>(dictionary.size() >> 8)};
  content += dictionary;
  const auto size = static_cast<size_t>(size_of(buffer.type));
  for_each_row(tensor, [&](std::vector<char>& row, const std::byte* at, int64_t step) {
    for (size_t i = 0; i < row.size(); i += size, at += step) std::memcpy(&row[i], at, size);
    content.append(row.data(), row.size());
  });
  return content;
}

}  // namespace warpfinch
