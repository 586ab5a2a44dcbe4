#include "runtime/emulator/shadow.hpp"

#include <cassert>

namespace warpfinch::emulator {
namespace {

constexpr size_t kCompactAbove = size_t{1} << 17;

bool happened_before(const Access& access, const Observer& observer) {
  for (const Knowledge* lane : observer.lanes) {
    const Clock* clock =
        access.cluster == observer.cluster ? &lane->happened : lane->elsewhere.find(access.cluster);
    if (!clock || clock->at(access.component) < access.epoch) return false;
  }
  return true;
}
bool writes(Side side) {
  return side == Side::write || side == Side::copy_write || side == Side::atomic ||
         side == Side::barrier_object;
}

}  // namespace

bool Shadow::is_proxied(const Access& access, const Observer& observer) const {
  if (memory_ == Memory::global) return false;
  for (const Knowledge* lane : observer.lanes)
    if (lane->proxied.at(access.component) < access.epoch) return false;
  return true;
}

// What one access makes of the cells that it meets. Neighbours mostly have the same history, so that the last
// verdict is kept.
struct Shadow::Judgement {
  Shadow& shadow;
  uint32_t id;
  const Access own;
  const Observer& observer;
  std::vector<Conflict>& conflicts;
  uint32_t good_write = ~0u, good_reads = 0;  // already judged, without a clash
  uint32_t reads_before = ~0u, reads_after = 0;

  void clash(Why why, uint32_t other, size_t begin) {
    for (Conflict& known : conflicts)
      if (known.why == why && known.other == other) {
        known.end = begin + kGranule;
        return;
      }
    conflicts.push_back({why, other, begin, begin + kGranule});
  }
  void against_write(uint32_t other, size_t begin) {
    if (other == good_write) return;
    if (other == 0) {
      if (!writes(own.side) && shadow.memory_ == Memory::shared) return clash(Why::uninitialised, 0, begin);
      good_write = 0;
      return;
    }
    const Access& before = shadow.accesses_[other];
    if (before.side == Side::barrier_object) return clash(Why::barrier_object, other, begin);
    if (before.side == Side::atomic && own.side == Side::atomic) return;
    if (!happened_before(before, observer)) return clash(Why::race, other, begin);
    if (is_async(own.side) && before.side == Side::write && !shadow.is_proxied(before, observer))
      return clash(Why::not_proxied, other, begin);
    if (own.side == Side::product_read && before.side == Side::copy_write && before.swizzle != own.swizzle)
      return clash(Why::swizzle, other, begin);
    good_write = other;
  }
  void against_reads(uint32_t set, size_t begin) {
    if (set == 0 || set == good_reads) return;
    bool good = true;
    for (uint32_t other : shadow.read_sets_[set])
      if (!happened_before(shadow.accesses_[other], observer)) {
        clash(Why::race, other, begin);
        good = false;
      }
    if (good) good_reads = set;
  }
  uint32_t joined(uint32_t set) {
    if (set == reads_before) return reads_after;
    reads_before = set;
    return reads_after = shadow.with_read(set, id, observer);
  }
};

Shadow::Shadow(size_t bytes, Memory memory)
    : memory_(memory), cells_((bytes + kGranule - 1) / kGranule), accesses_(1), read_sets_(1) {}

uint32_t Shadow::add(const Access& access) {
  if (accesses_.size() > 1 && accesses_.back() == access) return static_cast<uint32_t>(accesses_.size() - 1);
  if (accesses_.size() > kCompactAbove || read_sets_.size() > kCompactAbove) compact();
  accesses_.push_back(access);
  return static_cast<uint32_t>(accesses_.size() - 1);
}

void Shadow::touch(std::span<const ByteRange> ranges, uint32_t id, const Observer& observer,
                   std::vector<Conflict>& conflicts) {
  Judgement judgement{*this, id, accesses_[id], observer, conflicts};
  const bool writing = writes(judgement.own.side);
  for (const ByteRange& range : ranges) {
    assert(range.end <= cells_.size() * kGranule);
    for (size_t i = range.begin / kGranule; i * kGranule < range.end; ++i) {
      Cell& cell = cells_[i];
      judgement.against_write(cell.write, i * kGranule);
      if (writing) {
        judgement.against_reads(cell.reads, i * kGranule);
        cell = {id, 0};
      } else {
        cell.reads = judgement.joined(cell.reads);
      }
    }
  }
}

void Shadow::forget(size_t begin, size_t end) {
  for (size_t i = begin / kGranule; i * kGranule < end; ++i) cells_[i] = {};
}

// Reads that happened before this one need not be kept: whoever comes after this one comes after them.
uint32_t Shadow::with_read(uint32_t set, uint32_t id, const Observer& observer) {
  const uint64_t key = static_cast<uint64_t>(set) << 32 | id;
  if (const auto known = unions_.find(key); known != unions_.end()) return known->second;
  std::vector<uint32_t> result;
  for (uint32_t other : read_sets_[set])
    if (other != id && !happened_before(accesses_[other], observer)) result.push_back(other);
  const bool same = result.size() == read_sets_[set].size() - 1 && !result.empty() &&
                    std::find(read_sets_[set].begin(), read_sets_[set].end(), id) != read_sets_[set].end();
  uint32_t next = set;
  if (!same) {
    result.push_back(id);
    next = static_cast<uint32_t>(read_sets_.size());
    read_sets_.push_back(std::move(result));
  }
  unions_[key] = next;
  return next;
}

// Keeps only what cells still name.
void Shadow::compact() {
  std::vector<uint32_t> access_place(accesses_.size(), 0), set_place(read_sets_.size(), 0);
  std::vector<Access> accesses(1);
  std::vector<std::vector<uint32_t>> sets(1);
  const auto keep = [&](uint32_t id) {
    if (id == 0 || access_place[id] != 0) return access_place[id];
    accesses.push_back(accesses_[id]);
    return access_place[id] = static_cast<uint32_t>(accesses.size() - 1);
  };
  for (Cell& cell : cells_) {
    cell.write = keep(cell.write);
    if (cell.reads == 0) continue;
    uint32_t& place = set_place[cell.reads];
    if (place == 0) {
      std::vector<uint32_t>& set = sets.emplace_back();
      for (uint32_t id : read_sets_[cell.reads]) set.push_back(keep(id));
      place = static_cast<uint32_t>(sets.size() - 1);
    }
    cell.reads = place;
  }
  accesses_ = std::move(accesses);
  read_sets_ = std::move(sets);
  unions_.clear();
}

}  // namespace warpfinch::emulator
