// Tensors of an exported file, its random inputs, and what its check knows about rounding.
#include "runtime/export_text.hpp"

namespace warpfinch {

std::string_view export_tensors_text() {
  return R"cuda(// --- tensors on the host ------------------------------------------------------------------
namespace host {

enum Type { bf16, fp16, fp32 };

struct Buffer {
  const char* name;
  Type type;
  std::vector<int64_t> shape, strides;  // strides in elements
  bool output;
};

int element_bytes(Type type) { return type == fp32 ? 4 : 2; }

int64_t extent(const Buffer& buffer) {
  int64_t last = 0;
  for (size_t i = 0; i < buffer.shape.size(); ++i) last += (buffer.shape[i] - 1) * buffer.strides[i];
  return last + 1;
}

float float_of_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

float from_fp16(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000u) << 16, exponent = bits >> 10 & 31u, mantissa = bits & 1023u;
  if (exponent == 31) return float_of_bits(sign | 0x7f800000u | mantissa << 13);
  const float magnitude =
      exponent ? std::ldexp(float(mantissa + 1024), int(exponent) - 25) : std::ldexp(float(mantissa), -24);
  return sign ? -magnitude : magnitude;
}

// Round to nearest even; inputs here are far from the ends of the range.
uint16_t to_bits(Type type, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (type == bf16) return uint16_t((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
  const uint16_t sign = uint16_t(bits >> 16 & 0x8000u);
  const float magnitude = std::fabs(value);
  if (magnitude < 0x1p-14f) return uint16_t(sign | uint16_t(std::nearbyint(magnitude * 0x1p24f)));
  const uint32_t rounded = (bits & 0x7fffffffu) + 0xfffu + (bits >> 13 & 1u);
  return uint16_t(sign | (rounded - (112u << 23)) >> 13);
}

struct Tensor {
  Buffer buffer;
  std::vector<unsigned char> data;

  double at(int64_t offset) const {
    if (buffer.type == fp32) {
      float value;
      std::memcpy(&value, &data[size_t(offset) * 4], 4);
      return value;
    }
    uint16_t bits;
    std::memcpy(&bits, &data[size_t(offset) * 2], 2);
    return buffer.type == bf16 ? float_of_bits(uint32_t(bits) << 16) : from_fp16(bits);
  }
  void set(int64_t offset, float value) {
    if (buffer.type == fp32) {
      std::memcpy(&data[size_t(offset) * 4], &value, 4);
      return;
    }
    const uint16_t bits = to_bits(buffer.type, value);
    std::memcpy(&data[size_t(offset) * 2], &bits, 2);
  }
};

// Normally distributed numbers from a counter.
uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}
float normal(uint64_t stream, uint64_t counter) {
  const uint64_t bits = mix(mix(stream + 1) + counter * 0x9e3779b97f4a7c15ull);
  const double u = (double(bits >> 40) + 1) * 0x1p-24, v = double(bits & 0xffffffull) * 0x1p-24;
  return float(std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v));
}

// Inputs random; outputs all bits set, which is NaN in every type, so that what a kernel leaves out is seen.
Tensor make_tensor(const Buffer& buffer, uint64_t stream) {
  Tensor tensor{buffer,
                std::vector<unsigned char>(size_t(extent(buffer)) * element_bytes(buffer.type), 0xff)};
  if (!buffer.output)
    for (int64_t i = 0; i < extent(buffer); ++i) tensor.set(i, normal(stream, uint64_t(i)));
  return tensor;
}

// How exact an output can be, as warpfinch's runtime/error_bounds.hpp derives it.
// The largest relative error of rounding to the type, of rounding to float, and of ex2.approx.
double rounding(Type type) { return type == bf16 ? 0x1p-8 : type == fp16 ? 0x1p-11 : 0x1p-24; }
constexpr double kFloatRounding = 0x1p-24, kExp2Error = 0x1p-22, kExponentRoundings = 3 * kFloatRounding;
constexpr double kSmallestExponential = 0x1p-126;

// Of a sum of so many products in fp32, relative to the sum of their magnitudes.
double product_sum_error(int64_t count) { return double(std::max<int64_t>(count, 5)) * kFloatRounding; }

// Half the gap between an output and its neighbour on the side of the value: what the last rounding may do.
double last_rounding(double output, double value, Type type) {
  const int digits = type == bf16 ? 8 : type == fp16 ? 11 : 24, smallest = type == fp16 ? -14 : -126;
  int power = 0;
  const bool power_of_two = std::fabs(std::frexp(output, &power)) == 0.5;
  const bool towards_zero =
      std::signbit(value) != std::signbit(output) || std::fabs(value) < std::fabs(output);
  const int exponent = output == 0 ? smallest : power - 1 - (power_of_two && towards_zero ? 1 : 0);
  return std::ldexp(1, std::max(exponent, smallest) - digits);
}

// Largest error as a ratio to its bound, over the elements that were compared.
struct Errors {
  double max_error = 0;
  int64_t compared = 0;
  // The bound is that of every step before the last rounding.
  void add(const Tensor& tensor, int64_t offset, double reference, double bound) {
    ++compared;
    const double output = tensor.at(offset);
    if (output == reference) return;
    const double error =
        std::fabs(output - reference) / (bound + last_rounding(output, reference, tensor.buffer.type));
    max_error = std::isnan(error) || std::isnan(max_error) ? NAN : std::max(max_error, error);
  }
};

// Elements of outputs that are NaN: the kernel did not write them, or wrote nonsense.
int64_t count_unwritten(const Tensor& tensor) {
  int64_t count = 0;
  std::vector<int64_t> index(tensor.buffer.shape.size(), 0);
  for (;;) {
    int64_t offset = 0;
    for (size_t i = 0; i < index.size(); ++i) offset += index[i] * tensor.buffer.strides[i];
    count += std::isnan(tensor.at(offset));
    size_t axis = index.size();
    while (axis > 0 && ++index[axis - 1] == tensor.buffer.shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return count;
  }
}

// At most `wanted` of `count` rows, both ends among them.
std::vector<int64_t> choose_rows(int64_t count, int64_t wanted) {
  wanted = std::min(count, std::max<int64_t>(wanted, 8));
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < wanted; ++i) rows.push_back(wanted == 1 ? 0 : i * (count - 1) / (wanted - 1));
  return rows;
}

// A column's number brought into 0 .. columns.
int64_t inside(int64_t column, int64_t columns) { return std::min(columns, std::max<int64_t>(column, 0)); }

}  // namespace host
)cuda";
}

}  // namespace warpfinch
