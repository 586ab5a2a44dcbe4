// Threads that take the next piece of work from a counter, so that uneven pieces balance.
#include "runtime/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace warpfinch {

void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& work) {
  std::atomic<int64_t> next = 0;
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto take_work = [&] {
    try {
      for (int64_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    try {
      for (int64_t i = 1; i < std::min<int64_t>(threads, count); ++i) others.emplace_back(take_work);
    } catch (const std::system_error&) {
      // No memory or no process number for another one: those that there are do its work, too.
    }
    take_work();
  }
  if (failure) std::rethrow_exception(failure);
}

int machine_threads() { return std::max(1u, std::thread::hardware_concurrency()); }

}  // namespace warpfinch
