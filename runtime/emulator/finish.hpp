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

}  // namespace warpfinch::emulator
