// Names of what lies in shared memory, read from the kernel's own declarations, for reports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "generator/cuda_source.hpp"

namespace warpfinch::emulator {

// A tile at `shared + offset`, or a ring of them with its mbarriers.
struct Place {
  std::string name;
  uint32_t tiles = 0, barriers = 0;  // offsets from shared_base()
  int stages = 0;                    // 0: a tile without a ring
  uint32_t stage_bytes = 0;
};

class Places {
 public:
  explicit Places(const CudaSource& source);
  // "k_ring stage 1, bytes 128..255" of a range of the shared window.
  std::string bytes(uint32_t begin, uint32_t end) const;
  // "k_ring full[1]" of an mbarrier's address.
  std::string barrier(uint32_t address) const;

 private:
  std::vector<Place> places_;
};

}  // namespace warpfinch::emulator
