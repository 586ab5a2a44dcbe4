// Splits independent work over threads.
#pragma once

#include <cstdint>
#include <functional>

namespace warpfinch {

// Calls work(i) once for each i in 0 .. count-1, from at most `threads` threads (the caller's among them), in
// no particular order. The first exception is thrown again here, after all threads have stopped.
void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& work);

// Threads that this machine runs at once, at least 1.
int machine_threads();

}  // namespace warpfinch
