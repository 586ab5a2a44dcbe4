// The arithmetic of one k step of wgmma, to the bit as an H200 does it.
#pragma once

#include <cstdint>

#include "runtime/emulator/device/leaves.hpp"

namespace warpfinch::emulator {

constexpr int kMaxColumns = 256, kStep = 16;

// The factors of one k step, as floats.
struct Factors {
  alignas(64) float a[16][kStep];           // [row][k]
  alignas(64) float b[kStep][kMaxColumns];  // [k][column]
};

// Sums of 16 rows.
struct Sums {
  alignas(64) float value[16][kMaxColumns];
};

// Adds the products of a step to the sums. The 16 products and the sum are aligned with the largest of them,
// by exponents as the factors have them, cut to 25 bits below that exponent, and added; the result is cut to
// fp32. Found on, and gives, 786,432 results of an H200 with fp16 and bf16 factors of many sizes (the model
// is that of Khattak and Mikaitis, "Accurate Models of NVIDIA Tensor Cores", arXiv:2512.07004). What infinite
// and NaN factors give is IEEE arithmetic; the sign of a zero sum is not modelled.
void add_products(const Factors& factors, ValueType type, int columns, bool negate, Sums& sums);

// The same for one sum, without haste: `b` in steps of a row of Factors::b.
float add_products(const float* a, const float* b, ValueType type, float sum);

}  // namespace warpfinch::emulator
