// ldmatrix, stmatrix and mma.sync: fragments spread over the lanes of a warp.
#include <cstring>

#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/run_state.hpp"
#include "runtime/emulator/tensor_core.hpp"
#include "runtime/emulator/widen.hpp"

namespace warpfinch::emulator {
namespace {

struct MatrixCall {
  unsigned address;
  unsigned* to;          // load
  const unsigned* from;  // store
  int count;
  bool transposed;
};
const MatrixCall& call_of(const Warp& warp, size_t lane) {
  return *static_cast<const MatrixCall*>(warp.slots[lane].call);
}

// Element (row, column) of an 8x8 matrix is in this lane's word, in that half.
struct FragmentPlace {
  uint32_t lane, half;
};
FragmentPlace fragment_place(uint32_t row, uint32_t column, bool transposed) {
  if (transposed) std::swap(row, column);
  return {row * 4 + column / 2, column % 2};
}

// One 8x8 matrix whose rows lie at the addresses of eight lanes.
void load_one(Warp& warp, uint32_t matrix) {
  for (uint32_t row = 0; row < 8; ++row) {
    const size_t owner = matrix * 8 + row;
    Thread& thread = *warp.lanes[owner];
    uint16_t values[8] = {};
    const uint32_t address = own_address(thread, call_of(warp, owner).address);
    if (const std::byte* from = shared_bytes(thread, {thread.cta, address}, 16, 16, "ldmatrix")) {
      const Knowledge* lane[] = {&thread.knows};
      touch_shared(thread, *thread.cta, address, 16, access_of(thread, Side::read), lane);
      std::memcpy(values, from, 16);
    }
    for (uint32_t column = 0; column < 8; ++column) {
      const FragmentPlace place = fragment_place(row, column, call_of(warp, 0).transposed);
      unsigned& word = call_of(warp, place.lane).to[matrix];
      word = place.half ? (word & 0xffffu) | static_cast<unsigned>(values[column]) << 16
                        : (word & 0xffff0000u) | values[column];
    }
  }
}

void store_one(Warp& warp, uint32_t matrix) {
  for (uint32_t row = 0; row < 8; ++row) {
    const size_t owner = matrix * 8 + row;
    Thread& thread = *warp.lanes[owner];
    uint16_t values[8];
    for (uint32_t column = 0; column < 8; ++column) {
      const FragmentPlace place = fragment_place(row, column, call_of(warp, 0).transposed);
      values[column] = static_cast<uint16_t>(call_of(warp, place.lane).from[matrix] >> (16 * place.half));
    }
    const uint32_t address = own_address(thread, call_of(warp, owner).address);
    std::byte* to = shared_bytes(thread, {thread.cta, address}, 16, 16, "stmatrix");
    if (!to) continue;
    const Knowledge* lane[] = {&thread.knows};
    touch_shared(thread, *thread.cta, address, 16, access_of(thread, Side::write), lane);
    std::memcpy(to, values, 16);
  }
}

const SmallProductCall& product_of(const Warp& warp, size_t lane) {
  return *static_cast<const SmallProductCall*>(warp.slots[lane].call);
}

void multiply(Warp& warp) {
  constexpr int kColumns = 8;
  Factors factors;
  Sums sums;
  const ValueType type = product_of(warp, 0).type;
  const auto value = [&](unsigned word, uint32_t half) {
    return widen(type, static_cast<uint16_t>(word >> (16 * half)));
  };
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t half = 0; half < 2; ++half) {
      const SmallProductCall& call = product_of(warp, lane);
      const uint32_t row = lane / 4, k = lane % 4 * 2 + half;
      for (uint32_t i = 0; i < 4; ++i) factors.a[row + i % 2 * 8][k + i / 2 * 8] = value(call.a[i], half);
      for (uint32_t i = 0; i < 2; ++i) factors.b[k + i * 8][row] = value(call.b[i], half);
    }
  // A lane holds four: two neighbours in each of two rows.
  const auto for_each_sum = [&](const auto& visit) {
    for (uint32_t lane = 0; lane < 32; ++lane)
      for (uint32_t i = 0; i < 4; ++i)
        visit(product_of(warp, lane).d[i], sums.value[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2]);
  };
  for_each_sum([](float lanes, float& sum) { sum = lanes; });
  add_products(factors, type, kColumns, false, sums);
  for_each_sum([](float& lanes, float sum) { lanes = sum; });
}

}  // namespace

void load_matrix_leaf(ThreadState& state, unsigned address, unsigned* to, int count, bool transposed) {
  Thread& thread = static_cast<Thread&>(state);
  const MatrixCall call{address, to, nullptr, count, transposed};
  if (!gather(thread, "ldmatrix", true, {0, 0, &call, 0})) return;
  for (uint32_t matrix = 0; matrix < static_cast<uint32_t>(count); ++matrix) load_one(*thread.warp, matrix);
  disperse(thread);
}

void store_matrix_leaf(ThreadState& state, unsigned address, const unsigned* from, int count,
                       bool transposed) {
  Thread& thread = static_cast<Thread&>(state);
  const MatrixCall call{address, nullptr, from, count, transposed};
  if (!gather(thread, "stmatrix", true, {0, 0, &call, 0})) return;
  for (uint32_t matrix = 0; matrix < static_cast<uint32_t>(count); ++matrix) store_one(*thread.warp, matrix);
  disperse(thread);
}

void small_product_leaf(ThreadState& state, const SmallProductCall& call) {
  Thread& thread = static_cast<Thread&>(state);
  if (!gather(thread, "mma.sync", true, {0, 0, &call, 0})) return;
  multiply(*thread.warp);
  disperse(thread);
}

}  // namespace warpfinch::emulator
