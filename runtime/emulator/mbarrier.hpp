// mbarriers, for the leaves that complete on them.
#pragma once

#include "runtime/emulator/world.hpp"

namespace warpfinch::emulator {

// The mbarrier at that address, or null with a hazard reported: none there, or its initialisation is not
// ordered before this thread.
Mbarrier* find_mbarrier(Thread& thread, uint32_t address, std::string_view instruction);
Mbarrier* find_mbarrier(Thread& thread, const SharedPlace& place, std::string_view instruction);
// A copy of that many bytes was issued; it completes in the current phase.
void expect_copy(World& world, Mbarrier& barrier, int64_t bytes);
// It has landed.
void complete_copy(World& world, Copy& copy);
// Pending arrivals of a phase that a thread brings without a wait.
void arrive(Thread& thread, Mbarrier& barrier, uint32_t count);
// The same of one that tells nothing of what the thread did.
void count_arrivals(Thread& thread, Mbarrier& barrier, uint32_t count);

}  // namespace warpfinch::emulator
