// wgmma: issue, fence, commit, wait. A warp's share of a product (16 of the 64 rows) is an agent of its own:
// it reads its operands at some time between issue and the wait that covers it.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/product_data.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

const ProductCall& call_of(const Warp& warp, size_t lane) {
  return *static_cast<const ProductCall*>(warp.slots[lane].call);
}

// Cells as the tile types hold them: their states lie `stride` bytes apart.
struct Cells {
  std::byte* first;
  size_t stride;
  int count;
  CellState& operator[](int i) const {
    return *reinterpret_cast<CellState*>(first + stride * static_cast<size_t>(i));
  }
};
Cells sums_of(const ProductCall& call) {
  return {reinterpret_cast<std::byte*>(call.d), sizeof(Cell<float>), call.columns / 2};
}
Cells first_factor_of(const ProductCall& call) {
  return {reinterpret_cast<std::byte*>(const_cast<Cell<unsigned>*>(call.a)), sizeof(Cell<unsigned>), 4};
}

struct RegisterFault {
  std::string_view kind, what;
};
// What forbids the instruction a register in that state; nothing where it may go on.
std::optional<RegisterFault> fault_of(const Thread& thread, unsigned state, bool is_sum, bool reads) {
  if (state == 0 && reads) return RegisterFault{"uninitialised read", "was never written"};
  if (state < kWrittenByProduct) {
    if (state < thread.era) return std::nullopt;
    return RegisterFault{"missing wgmma.fence", "was touched since the last wgmma.fence"};
  }
  if ((state & kGroupMask) <= thread.waited) return std::nullopt;
  const bool is_result = state < kReadByProduct;
  if (is_result == is_sum) return std::nullopt;
  return RegisterFault{"register in flight", is_result ? "is the result of a wgmma that was not waited for"
                                                       : "is still read by a wgmma that was not waited for"};
}

void check_cells(Thread& thread, const Cells& cells, bool is_sum, bool reads) {
  for (int i = 0; i < cells.count; ++i)
    if (const auto fault = fault_of(thread, cells[i].state, is_sum, reads))
      return report(thread, fault->kind,
                    fmt::format("register {} of wgmma's {} {}", i, is_sum ? "accumulators" : "first factor",
                                fault->what));
}

void mark_cells(const Cells& cells, unsigned state) {
  for (int i = 0; i < cells.count; ++i) cells[i].state = state;
}

// Sums that are in flight may be added to by a product of the same shape only.
void check_shape(Thread& thread, const Warp& warp, const ProductCall& call) {
  for (const Product& before : warp.products) {
    const Cell<float>* d = before.d[static_cast<size_t>(thread.lane)];
    const bool overlap = d < call.d + call.columns / 2 && call.d < d + before.call.columns / 2;
    if (overlap && (d != call.d || before.call.columns != call.columns)) {
      report(thread, "register in flight",
             fmt::format("the accumulators of this n{} wgmma are in flight for one of n{}", call.columns,
                         before.call.columns));
      return;
    }
  }
}

void check_registers(Warp& warp) {
  for (size_t lane = 0; lane < 32; ++lane) {
    Thread& thread = *warp.lanes[lane];
    const ProductCall& call = call_of(warp, lane);
    check_cells(thread, sums_of(call), true, call.accumulate);
    if (call.a) check_cells(thread, first_factor_of(call), false, true);
    if (lane == 0) check_shape(thread, warp, call);
  }
}

bool check_call(Thread& thread, const ProductCall& call) {
  std::string fault;
  if (call.columns < 8 || call.columns > 256 || call.columns % 8 != 0)
    fault = fmt::format("n = {}", call.columns);
  else if ((thread.thread / 128 + 1) * 128 > thread.threads)
    fault = fmt::format("warp {} is in no whole warpgroup: the block has {} threads", thread.thread / 32,
                        thread.threads);
  if (fault.empty()) return true;
  report(thread, "wrong wgmma", fault);
  return false;
}

// All four warps of a warpgroup issue the same products.
void check_sequence(Thread& thread, const ProductCall& call) {
  Warp& warp = *thread.warp;
  Warpgroup& group = thread.cta->warpgroups[static_cast<size_t>(warp.index / 4)];
  const ProductSignature own{.a = call.a ? 0 : call.a_descriptor,
                             .b = call.b_descriptor,
                             .columns = call.columns,
                             .line = thread.line,
                             .type = call.type,
                             .accumulate = call.accumulate,
                             .registers = call.a != nullptr,
                             .negate_a = call.negate_a,
                             .negate_b = call.negate_b,
                             .a_transposed = call.a_transposed,
                             .b_transposed = call.b_transposed};
  const uint64_t place = warp.issued++ - group.dropped;
  if (place == group.sequence.size()) group.sequence.push_back(own);
  if (!(group.sequence[place] == own)) {
    report(thread, "wgmma differs between warps",
           fmt::format("warp {} issues another wgmma than the warps of its warpgroup before it", warp.index),
           {"theirs is at " + line_text(*thread.world->run, group.sequence[place].line)},
           group.sequence[place].line);
    abandon(thread);
  }
  uint64_t passed = ~uint64_t{0};
  const size_t first =
      static_cast<size_t>(&warp - thread.world->warps.data()) - static_cast<size_t>(warp.index % 4);
  for (size_t i = 0; i < 4; ++i) passed = std::min(passed, thread.world->warps[first + i].issued);
  for (; group.dropped < passed; ++group.dropped) group.sequence.pop_front();
}

void note_reads(Thread& thread, const std::vector<uint32_t>& chunks, int swizzle, std::string_view which) {
  Warp& warp = *thread.warp;
  std::vector<ByteRange> ranges;
  ranges.reserve(chunks.size());
  for (uint32_t address : chunks) {
    if (address < kSharedBase || address + 16 > kSharedBase + thread.cta->shared.size()) {
      report(thread, "out of bounds",
             fmt::format("the descriptor of wgmma's {} factor reaches to shared + {}; the block has {} bytes",
                         which, static_cast<int64_t>(address) - kSharedBase, thread.cta->shared.size()));
      abandon(thread);
    }
    ranges.push_back({address - kSharedBase, address - kSharedBase + 16});
  }
  const Knowledge* lanes[32];
  for (size_t i = 0; i < 32; ++i) lanes[i] = &warp.lanes[i]->knows;
  Access access = access_of(thread, Side::product_read);
  access.component = warp.component;
  access.epoch = warp.committed + 1;
  access.thread = warp.index * 32;
  access.swizzle = static_cast<uint8_t>(swizzle);
  touch_shared(thread, *thread.cta, ranges, access, lanes);
}

void issue(Thread& thread) {
  Warp& warp = *thread.warp;
  const ProductCall& call = call_of(warp, static_cast<size_t>(thread.lane));
  if (!check_call(thread, call)) abandon(thread);
  if (!warp.fenced) report(thread, "missing wgmma.fence", "the warp's first wgmma follows no wgmma.fence");
  check_registers(warp);
  check_sequence(thread, call);
  if (!call.a)
    note_reads(thread, first_factor_chunks(call, warp.index), decode_descriptor(call.a_descriptor).swizzle,
               "first");
  note_reads(thread, second_factor_chunks(call), decode_descriptor(call.b_descriptor).swizzle, "second");
  Product& product = warp.products.emplace_back();
  product.call = call;
  product.group = warp.committed + 1;
  for (size_t lane = 0; lane < 32; ++lane) {
    const ProductCall& own = call_of(warp, lane);
    product.d[lane] = own.d;
    product.a[lane] = own.a;
    mark_cells(sums_of(own), kWrittenByProduct | product.group);
    if (own.a) mark_cells(first_factor_of(own), kReadByProduct | product.group);
  }
  ++warp.open_products;
  ++thread.world->products_issued;
}

void wait(Thread& thread, uint32_t pending) {
  Warp& warp = *thread.warp;
  const uint32_t done = warp.committed > pending ? warp.committed - pending : 0;
  run_products(warp, done);
  warp.waited = std::max(warp.waited, done);
  for (Thread* lane : warp.lanes) {
    lane->waited = warp.waited;
    lane->knows.happened.raise(warp.component, warp.waited);
  }
}

}  // namespace

void product_leaf(ThreadState& state, const ProductCall& call) {
  Thread& thread = static_cast<Thread&>(state);
  if (!gather(thread, "wgmma.mma_async", true, {0, 0, &call, 0})) return;
  issue(thread);
  disperse(thread);
}

void product_group_leaf(ThreadState& state, GroupOp op, int pending) {
  Thread& thread = static_cast<Thread&>(state);
  constexpr std::string_view kInstructions[] = {"wgmma.fence", "wgmma.commit_group", "wgmma.wait_group", ""};
  if (op == GroupOp::wait) yield(thread);  // the products are in flight for a while
  if (!gather(thread, kInstructions[static_cast<int>(op)], true, {static_cast<uint32_t>(pending)})) return;
  Warp& warp = *thread.warp;
  if (op == GroupOp::fence) {
    warp.fenced = true;
    for (Thread* lane : warp.lanes) ++lane->era;
  } else if (op == GroupOp::commit) {
    ++warp.committed;
    warp.open_products = 0;
    if (thread.world->dice.below(2) == 0) run_products(warp, warp.committed);  // some are quick
  } else {
    wait(thread, static_cast<uint32_t>(pending));
  }
  disperse(thread);
}

}  // namespace warpfinch::emulator
