#include "generator/former_words.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <string>

namespace warpfinch {
namespace {

std::atomic<FormerWordSink> sink{nullptr};

// True for the first to ask.
bool is_new(std::string_view word) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> met;
  const std::lock_guard lock(mutex);
  return met.emplace(word).second;
}

}  // namespace

void note_former_word(std::string_view was, std::string_view is) {
  const FormerWordSink tell = sink;
  if (tell && is_new(was)) tell(was, is);
}

void set_former_word_sink(FormerWordSink tell) { sink = tell; }

}  // namespace warpfinch
