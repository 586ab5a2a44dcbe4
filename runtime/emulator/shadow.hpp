// Who last wrote and who has since read each two bytes of a memory: the shadow in which races are found.
#pragma once

#include <cstddef>
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/emulator/clock.hpp"

namespace warpfinch::emulator {

enum class Side : uint8_t {
  read,
  write,
  atomic,
  copy_read,  // of the copy engine
  copy_write,
  product_read,   // of wgmma
  barrier_object  // an mbarrier lies here
};
constexpr bool is_async(Side side) {
  return side == Side::copy_read || side == Side::copy_write || side == Side::product_read;
}

struct Access {
  uint32_t component = 0;
  Epoch epoch = 0;
  int block = 0;    // of the grid
  int cluster = 0;  // its first block: whose components these are
  int line = 0;     // of the kernel's text
  int thread = 0;   // in the block; of a warp its first
  Side side = Side::read;
  uint8_t swizzle = 0;  // of tensor copies and wgmma
  uint32_t copy = 0;    // number of the copy
  bool operator==(const Access&) const = default;
};

enum class Why : uint8_t { race, uninitialised, not_proxied, swizzle, barrier_object };

// Bytes [begin, end) of one access that clash with an earlier one.
struct Conflict {
  Why why;
  uint32_t other;  // id of the access; 0: nothing was ever written there
  size_t begin, end;
};

struct ByteRange {
  size_t begin, end;
};

// Who makes the access: all of these must have seen what comes before it.
struct Observer {
  std::span<const Knowledge* const> lanes;
  int cluster = 0;  // its first block
};

class Shadow {
 public:
  static constexpr size_t kGranule = 2;
  // global: what was never written may be read. What was written in this launch may not be by the copy
  // engine: the leaf that fences for the async proxy does so for shared memory only.
  enum class Memory : uint8_t { shared, global };
  Shadow(size_t bytes, Memory memory);

  uint32_t add(const Access& access);
  const Access& access(uint32_t id) const { return accesses_[id]; }
  // Notes an access of these bytes and appends what it clashes with.
  void touch(std::span<const ByteRange> ranges, uint32_t id, const Observer& observer,
             std::vector<Conflict>& conflicts);
  // As if nothing had happened there: a new mbarrier.
  void forget(size_t begin, size_t end);

 private:
  struct Cell {
    uint32_t write = 0;  // an access
    uint32_t reads = 0;  // a set of accesses
  };
  struct Judgement;
  uint32_t with_read(uint32_t set, uint32_t id, const Observer& observer);
  void compact();
  bool is_proxied(const Access& access, const Observer& observer) const;

  Memory memory_;
  std::vector<Cell> cells_;
  std::vector<Access> accesses_;                   // 0: none
  std::vector<std::vector<uint32_t>> read_sets_;   // 0: the empty one
  std::unordered_map<uint64_t, uint32_t> unions_;  // set and access → set
};

}  // namespace warpfinch::emulator
