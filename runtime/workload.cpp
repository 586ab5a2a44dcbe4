// Inputs for a problem. The value of an element depends on the seed and on where it lies, so that elements
// which share an address (inputs may have stride 0) agree, and threads may fill in any order.
#include "runtime/workload.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numeric>

#include "runtime/parallel.hpp"
#include "runtime/rows.hpp"

namespace warpfinch {
namespace {

uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// The sum of eight 16-bit uniform numbers, centred, in units of its standard deviation: close to a normal
// distribution out to 4.9 deviations, and made of integers only, so that no libm has a say in it.
double normal(uint64_t key, uint64_t index) {
  const uint64_t first = mix(key + 0x9e3779b97f4a7c15 * (2 * index + 1));
  const uint64_t second = mix(key + 0x9e3779b97f4a7c15 * (2 * index + 2));
  int64_t sum = 0;
  for (int shift = 0; shift < 64; shift += 16)
    sum += static_cast<int64_t>((first >> shift & 0xffff) + (second >> shift & 0xffff));
  constexpr double kMean = 8 * 65535 / 2.0;
  constexpr double kDeviation = 53509.92;  // 65536 * sqrt(8 / 12)
  return (static_cast<double>(sum) - kMean) / kDeviation;
}

template <class T>
T element(const HostTensor& tensor, int64_t offset) {
  T value;
  assert(static_cast<size_t>(offset + 1) * sizeof(T) <= tensor.data.size());
  std::memcpy(&value, tensor.data.data() + offset * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <class T>
void set_element(HostTensor& tensor, int64_t offset, T value) {
  assert(static_cast<size_t>(offset + 1) * sizeof(T) <= tensor.data.size());
  std::memcpy(tensor.data.data() + offset * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

HostTensor filled(const Buffer& buffer, std::byte value) {
  return {buffer, std::vector(static_cast<size_t>(extent(buffer) * size_of(buffer.type)), value)};
}

// The tensor without its repetitions: each address once, where dimensions have stride 0.
Buffer without_repetitions(Buffer buffer) {
  for (size_t i = 0; i < buffer.shape.size(); ++i)
    if (buffer.strides[i] == 0) buffer.shape[i] = std::min<int64_t>(buffer.shape[i], 1);
  return buffer;
}

// Of a tensor: the number of its row, in C order of the shape, its column, and where it lies.
struct Element {
  int64_t row, column, offset;
};

// What lies between the elements of a strided tensor stays NaN: a kernel that reads it is found out.
template <class Value>  // Element -> double
HostTensor filled_with(const Buffer& buffer, const Value& value) {
  HostTensor tensor = poison(buffer);
  if (tensor.data.empty()) return tensor;
  const Buffer once = without_repetitions(buffer);
  const int64_t rows = row_count(once);
  const int64_t rows_per_piece = std::max<int64_t>(1, (1 << 20) / row_length(once));
  const int64_t pieces = (rows + rows_per_piece - 1) / rows_per_piece;
  parallel_for(pieces, machine_threads(), [&](int64_t piece) {
    const int64_t end = std::min(rows, (piece + 1) * rows_per_piece);
    for (int64_t row = piece * rows_per_piece; row < end; ++row) {
      int64_t offset = row_offset(once, row);
      for (int64_t i = 0; i < row_length(once); ++i, offset += row_stride(once))
        store_element(tensor, offset, value(Element{row, i, offset}));
    }
  });
  return tensor;
}

auto normal_values(uint64_t seed, double spread) {
  return [key = mix(seed + 0x9e3779b97f4a7c15), spread](Element element) {
    return spread * normal(key, static_cast<uint64_t>(element.offset));
  };
}

// Neighbouring rows have their element in columns that lie 7 apart, or a little more where 7 would not lead
// through all columns.
auto permuted_identity(const Buffer& buffer, double spread) {
  const int64_t columns = std::max<int64_t>(row_length(buffer), 1);
  int64_t step = 7;
  while (std::gcd(step, columns) != 1) ++step;
  return [columns, step, spread](Element element) {
    return element.column == (element.row % columns * step + 1) % columns ? spread : 0.0;
  };
}

// The last input that is a matrix; as many as there are buffers where none is.
size_t last_matrix(const std::vector<Buffer>& buffers) {
  for (size_t i = buffers.size(); i-- > 0;)
    if (!buffers[i].output && buffers[i].shape.size() >= 2) return i;
  return buffers.size();
}

}  // namespace

double HostTensor::at(const std::vector<int64_t>& index) const {
  assert(index.size() == buffer.shape.size());
  int64_t offset = 0;
  for (size_t i = 0; i < index.size(); ++i) offset += index[i] * buffer.strides[i];
  return load_element(*this, offset);
}

double load_element(const HostTensor& tensor, int64_t offset) {
  switch (tensor.buffer.type) {
    case DataType::bf16:
      return from_bf16(element<uint16_t>(tensor, offset));
    case DataType::fp16:
      return from_fp16(element<uint16_t>(tensor, offset));
    case DataType::fp32:
      return element<float>(tensor, offset);
  }
  return 0;
}

void store_element(HostTensor& tensor, int64_t offset, double value) {
  const auto single = static_cast<float>(value);
  switch (tensor.buffer.type) {
    case DataType::bf16:
      return set_element(tensor, offset, to_bf16(single));
    case DataType::fp16:
      return set_element(tensor, offset, to_fp16(single));
    case DataType::fp32:
      return set_element(tensor, offset, single);
  }
}

HostTensor zeros(const Buffer& buffer) { return filled(buffer, std::byte{0}); }

// All bits set is a NaN in each of the types.
HostTensor poison(const Buffer& buffer) { return filled(buffer, std::byte{0xff}); }

HostTensor random(const Buffer& buffer, uint64_t seed, double spread) {
  return filled_with(buffer, normal_values(seed, spread));
}

std::vector<HostTensor> workload(const std::vector<Buffer>& buffers, uint64_t seed, double spread,
                                 InputKind kind) {
  std::vector<HostTensor> tensors;
  const size_t last = last_matrix(buffers);
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto normal_value = normal_values(mix(seed) + i, spread);
    if (buffers[i].output)
      tensors.push_back(poison(buffers[i]));
    else if (kind == InputKind::constant)
      tensors.push_back(
          filled_with(buffers[i], [&](Element) { return i == last ? spread : spread * 0x1p-10; }));
    else if (kind == InputKind::one_sided)
      tensors.push_back(filled_with(buffers[i], [&](Element e) { return std::abs(normal_value(e)); }));
    else if (kind == InputKind::identity && i == last)
      tensors.push_back(filled_with(buffers[i], permuted_identity(buffers[i], spread)));
    else
      tensors.push_back(filled_with(buffers[i], normal_value));
  }
  return tensors;
}

}  // namespace warpfinch
