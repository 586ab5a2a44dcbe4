#include "runtime/emulator/tensor_core.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace warpfinch::emulator {
namespace {

constexpr int kKept = 25;  // bits below the largest exponent
constexpr uint32_t kExponentBits = 0x7f800000;

// Subnormal factors keep the exponent of the smallest normal number.
int smallest_exponent(ValueType type) { return type == ValueType::bf16 ? -126 : -14; }

int exponent_of(float x, int smallest) { return std::max(std::ilogb(x), smallest); }

float cut_to_float(int64_t sum, int unit) {
  const uint64_t size = static_cast<uint64_t>(std::abs(sum));
  const int above = std::max(static_cast<int>(std::bit_width(size)) - 24, 0);
  const int last = std::max(unit + above, -149);
  const int dropped = last - unit;
  const auto cut = dropped < 64 ? static_cast<float>(size >> dropped) : 0.0f;
  return std::ldexp(sum < 0 ? -cut : cut, last);
}

// --- four sums at once ------------------------------------------------------------------------------------
using Floats = float __attribute__((vector_size(16)));
using Integers = int32_t __attribute__((vector_size(16)));

// The powers of two in the factors, 0 for 0.
struct Powers {
  alignas(64) float a[16][kStep], b[kStep][kMaxColumns];
};

float power_of(float x, float smallest) {
  const float power = std::bit_cast<float>(std::bit_cast<uint32_t>(x) & kExponentBits);
  return x == 0.0f ? 0.0f : std::max(power, smallest);
}

// False where a factor is too large or small for the arithmetic below.
bool take_powers(const Factors& f, ValueType type, int columns, Powers& powers) {
  const float smallest = std::ldexp(1.0f, smallest_exponent(type));
  bool moderate = true;
  const auto take = [&](float x) {
    const float power = power_of(x, smallest);
    moderate = moderate && (power == 0.0f || (power >= 0x1p-40f && power <= 0x1p+40f));
    return power;
  };
  for (int k = 0; k < kStep; ++k) {
    for (int row = 0; row < 16; ++row) powers.a[row][k] = take(f.a[row][k]);
    for (int c = 0; c < columns; ++c) powers.b[k][c] = take(f.b[k][c]);
  }
  return moderate;
}

Floats four(const float* from) {
  Floats result;
  std::memcpy(&result, from, sizeof result);
  return result;
}

// False where one of the four has to be done with care.
bool add_four(const Factors& f, const Powers& powers, int row, int column, float sign, float* sums) {
  const Floats sum = four(sums);
  Floats largest = std::bit_cast<Floats>(std::bit_cast<Integers>(sum) & static_cast<int>(kExponentBits));
  for (int k = 0; k < kStep; ++k) {
    const Floats power = powers.a[row][k] * four(&powers.b[k][column]);
    largest = power > largest ? power : largest;
  }
  for (int i = 0; i < 4; ++i)
    if (!(largest[i] >= 0x1p-100f && largest[i] <= 0x1p+100f)) return false;
  const Floats scale = 0x1p25f / largest;
  // Products are below 4 times their power: eight of them fit into 31 bits.
  Integers low{}, high{};
  for (int k = 0; k < kStep; ++k) {
    const Floats product = sign * f.a[row][k] * four(&f.b[k][column]) * scale;
    (k < 8 ? low : high) += __builtin_convertvector(product, Integers);
  }
  const Integers before = __builtin_convertvector(sum * scale, Integers);
  for (int i = 0; i < 4; ++i) {
    const auto total = static_cast<double>(int64_t{low[i]} + high[i] + before[i]);
    const double exact = total * (static_cast<double>(largest[i]) * 0x1p-25);
    constexpr uint64_t kBelowFloat = (1u << 29) - 1;
    sums[i] = static_cast<float>(std::bit_cast<double>(std::bit_cast<uint64_t>(exact) & ~kBelowFloat));
  }
  return true;
}

}  // namespace

float add_products(const float* a, const float* b, ValueType type, float sum) {
  bool finite = std::isfinite(sum);
  float plain = sum;
  for (int k = 0; k < kStep; ++k) {
    const float other = b[k * kMaxColumns];
    plain += a[k] * other;
    finite = finite && std::isfinite(a[k]) && std::isfinite(other);
  }
  if (!finite) return plain;
  constexpr int kNothing = -10000;
  const int smallest = smallest_exponent(type);
  int largest = sum == 0.0f ? kNothing : exponent_of(sum, -126);
  for (int k = 0; k < kStep; ++k)
    if (const float other = b[k * kMaxColumns]; a[k] != 0.0f && other != 0.0f)
      largest = std::max(largest, exponent_of(a[k], smallest) + exponent_of(other, smallest));
  if (largest == kNothing) return plain;
  const auto cut = [&](double x) { return static_cast<int64_t>(std::ldexp(x, kKept - largest)); };
  int64_t total = cut(sum);
  for (int k = 0; k < kStep; ++k) total += cut(static_cast<double>(a[k]) * b[k * kMaxColumns]);
  return cut_to_float(total, largest - kKept);
}

void add_products(const Factors& factors, ValueType type, int columns, bool negate, Sums& sums) {
  Powers powers;
  const bool moderate = take_powers(factors, type, columns, powers);
  for (int row = 0; row < 16; ++row)
    for (int c = 0; c < columns; c += 4) {
      float* at = &sums.value[row][c];
      if (moderate && add_four(factors, powers, row, c, negate ? -1.0f : 1.0f, at)) continue;
      float a[kStep];
      for (int k = 0; k < kStep; ++k) a[k] = negate ? -factors.a[row][k] : factors.a[row][k];
      for (int i = 0; i < 4; ++i) at[i] = add_products(a, &factors.b[0][c + i], type, at[i]);
    }
}

}  // namespace warpfinch::emulator
