// The end of threads and clusters, the good one and the bad one.
#pragma once

#include "runtime/emulator/world.hpp"

namespace warpfinch::emulator {

// A thread returns from the kernel; nobody may wait for it any more.
void leave_kernel(Thread& thread);
// All threads have left; nothing may be in flight.
void finish_cluster(World& world);
// Nobody can go on: every blocked thread with what it waits for.
void report_deadlock(World& world);
// Time is up: every thread that has not left, with where it is. Ends the run. `running`: the one that has
// the processor; null between two.
void report_endless(World& world, const Thread* running);

}  // namespace warpfinch::emulator
