#include "runtime/emulator/product_data.hpp"

#include <cstring>

#include "runtime/emulator/tensor_core.hpp"
#include "runtime/emulator/widen.hpp"

namespace warpfinch::emulator {
namespace {

void decode_chunk(const Warp& warp, ValueType type, uint32_t address, float (&to)[8]) {
  uint16_t bits[8];
  std::memcpy(bits, warp.cta->shared.data() + (address - kSharedBase), 16);
  for (int i = 0; i < 8; ++i) to[i] = widen(type, bits[i]);
}

void decode_first_from_registers(const Product& product, Factors& f) {
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t word = product.a[lane][i].value, row = lane / 4 + i % 2 * 8,
                     k = lane % 4 * 2 + i / 2 * 8;
      f.a[row][k] = widen(product.call.type, static_cast<uint16_t>(word));
      f.a[row][k + 1] = widen(product.call.type, static_cast<uint16_t>(word >> 16));
    }
}

void decode_first(const Warp& warp, const Product& product, Factors& f) {
  if (product.call.a) return decode_first_from_registers(product, f);
  const std::vector<uint32_t> chunks = first_factor_chunks(product.call, warp.index);
  for (uint32_t i = 0; i < chunks.size(); ++i) {
    float v[8];
    decode_chunk(warp, product.call.type, chunks[i], v);
    for (uint32_t j = 0; j < 8; ++j)
      product.call.a_transposed ? f.a[i % 2 * 8 + j][i / 2] = v[j] : f.a[i / 2][i % 2 * 8 + j] = v[j];
  }
}

void decode_second(const Warp& warp, const Product& product, Factors& f) {
  const std::vector<uint32_t> chunks = second_factor_chunks(product.call);
  const uint32_t per_k = static_cast<uint32_t>(product.call.columns) / 8;
  for (uint32_t i = 0; i < chunks.size(); ++i) {
    float v[8];
    decode_chunk(warp, product.call.type, chunks[i], v);
    if (product.call.b_transposed)
      std::memcpy(&f.b[i / per_k][i % per_k * 8], v, sizeof v);
    else
      for (uint32_t j = 0; j < 8; ++j) f.b[i % 2 * 8 + j][i / 2] = v[j];
  }
}

// Visits the accumulators of all lanes: cell, row, column.
template <class Visit>
void for_each_sum(const Product& product, Visit visit) {
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (int i = 0; i < product.call.columns / 2; ++i)
      visit(product.d[lane][i].value, lane / 4 + static_cast<uint32_t>(i / 2 % 2) * 8,
            static_cast<uint32_t>(i / 4) * 8 + lane % 4 * 2 + static_cast<uint32_t>(i % 2));
}

}  // namespace

std::vector<uint32_t> first_factor_chunks(const ProductCall& call, int warp) {
  const MatrixDescriptor m = decode_descriptor(call.a_descriptor);
  const uint32_t row = static_cast<uint32_t>(warp) % 4 * 16;
  std::vector<uint32_t> chunks;
  for (uint32_t i = 0; i < 16; ++i)
    for (uint32_t half = 0; half < 16; half += 8)
      chunks.push_back(call.a_transposed ? chunk_along_mn(m, i, row + half)
                                         : chunk_along_k(m, row + i, half));
  return chunks;
}

std::vector<uint32_t> second_factor_chunks(const ProductCall& call) {
  const MatrixDescriptor m = decode_descriptor(call.b_descriptor);
  const auto columns = static_cast<uint32_t>(call.columns);
  std::vector<uint32_t> chunks;
  chunks.reserve(columns * 2);
  if (call.b_transposed) {
    for (uint32_t k = 0; k < 16; ++k)
      for (uint32_t column = 0; column < columns; column += 8) chunks.push_back(chunk_along_mn(m, k, column));
  } else {
    for (uint32_t column = 0; column < columns; ++column)
      for (uint32_t half = 0; half < 16; half += 8) chunks.push_back(chunk_along_k(m, column, half));
  }
  return chunks;
}

void run_products(Warp& warp, uint32_t group) {
  Sums sums;
  Factors factors;
  while (!warp.products.empty() && warp.products.front().group <= group) {
    // Products that follow each other on the same sums keep them here.
    const Product first = warp.products.front();
    for_each_sum(first, [&](float& cell, uint32_t row, uint32_t column) {
      sums.value[row][column] = first.call.accumulate ? cell : 0.0f;
    });
    do {
      const Product& product = warp.products.front();
      if (!product.call.accumulate) std::memset(&sums, 0, sizeof sums);
      decode_first(warp, product, factors);
      decode_second(warp, product, factors);
      add_products(factors, product.call.type, product.call.columns,
                   product.call.negate_a != product.call.negate_b, sums);
      warp.products.pop_front();
    } while (!warp.products.empty() && warp.products.front().group <= group &&
             warp.products.front().d[0] == first.d[0] &&
             warp.products.front().call.columns == first.call.columns);
    for_each_sum(first, [&](float& cell, uint32_t row, uint32_t column) { cell = sums.value[row][column]; });
  }
}

}  // namespace warpfinch::emulator
