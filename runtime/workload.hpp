// Inputs for a problem: seeded, the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
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
// Normally distributed, standard deviation `spread`, from a counter-based generator (any thread count, same
// bits).
HostTensor random(const Buffer& buffer, uint64_t seed, double spread = 1.0);
// Every buffer of the problem: inputs random (seed, index), outputs poison.
std::vector<HostTensor> workload(const std::vector<Buffer>& buffers, uint64_t seed, double spread = 1.0);

// .npy (version 1-3, C order). fp32 and fp16 as '<f4' '<f2'; bf16 is stored as '<u2' holding the bits ('<V2'
// is read too). Shape must be the buffer's; Error (input) says what was found and what would be right.
HostTensor read_npy(const std::filesystem::path& file, const Buffer& buffer);
std::string to_npy(const HostTensor& tensor);

}  // namespace warpfinch
