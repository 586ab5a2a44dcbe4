// Inputs for a problem: seeded, the same on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "generator/problem.hpp"

namespace warpfinch {

// A tensor in host memory, laid out with the buffer's strides (extent(buffer) elements).
struct HostTensor {
  Buffer buffer;
  std::vector<std::byte> data;
  // Element at a multi-index (same order as buffer.shape) as double.
  double at(const std::vector<int64_t>& index) const;
};

// Conversions, round to nearest even, in software.
uint16_t to_bf16(float value);
float from_bf16(uint16_t bits);
uint16_t to_fp16(float value);
float from_fp16(uint16_t bits);
double load_element(const HostTensor& tensor, int64_t offset);
void store_element(HostTensor& tensor, int64_t offset, double value);

HostTensor zeros(const Buffer& buffer);
// Outputs are filled with a NaN pattern, so that what a kernel does not write is seen.
HostTensor poison(const Buffer& buffer);
// What the inputs of a check hold. In sums of random values many small errors average out and stay unseen, so
// that a check takes others beside them:
// - constant: the last matrix (B of a gemm, V of attention) is the spread throughout, the others 2^-10 of it,
// so
//   that scores of attention are all the same small number. Its weights are equal and have to add up to 1.
// - one_sided: the magnitudes of the random values. No sum cancels, and its bound is as small as it can be.
// - identity: the last matrix has one element of the spread in each row, at places that a permutation gives;
// the
//   others are random. Outputs show single factors and weights.
enum class InputKind { random, constant, one_sided, identity };
template <>
struct EnumNames<InputKind> {
  static constexpr std::array<std::string_view, 4> names{"random", "constant", "one_sided", "identity"};
};

// Normally distributed, standard deviation `spread`, from a counter-based generator (any thread count, same
// bits).
HostTensor random(const Buffer& buffer, uint64_t seed, double spread = 1.0);
// Every buffer of the problem: inputs as `kind` says, random ones from (seed, index); outputs poison.
std::vector<HostTensor> workload(const std::vector<Buffer>& buffers, uint64_t seed, double spread = 1.0,
                                 InputKind kind = InputKind::random);

// .npy (version 1-3, C order). fp32 and fp16 as '<f4' '<f2'; bf16 is stored as '<u2' holding the bits ('<V2'
// is read too). Shape must be the buffer's; Error (input) says what was found and what would be right.
HostTensor read_npy(const std::filesystem::path& file, const Buffer& buffer);
std::string to_npy(const HostTensor& tensor);

}  // namespace warpfinch
