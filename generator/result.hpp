// Three kinds of failure, three means. An illegal config is expected: it comes back as a Rejection whose
// reason carries the numbers. Text or files that the user got wrong, and an environment that fails, throw
// Error. Our own bugs assert.
#pragma once

#include <cassert>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "generator/quote.hpp"

namespace warpfinch {

// Why a config, a program or a candidate cannot be used.
struct Rejection {
  std::string stage;   // "config", "verify", "compile", "resources", "correctness", "time limit", …
  std::string reason;  // with numbers: "needs 241 KB of shared memory, the target has 227"
  bool operator==(const Rejection&) const = default;
};

// A value, or the reason why there is none.
template <class T>
class Expected {
 public:
  Expected(T value) : content_(std::move(value)) {}
  Expected(Rejection rejection) : content_(std::move(rejection)) {}
  explicit operator bool() const { return content_.index() == 0; }
  T& operator*() {
    assert(*this);
    return std::get<0>(content_);
  }
  const T& operator*() const {
    assert(*this);
    return std::get<0>(content_);
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }
  const Rejection& rejection() const {
    assert(!*this);
    return std::get<1>(content_);
  }

 private:
  std::variant<T, Rejection> content_;
};

// Who has to act: the user (exit code 2) or the environment (exit code 1).
enum class ErrorKind { input, environment };

// What went wrong, where, and what would be right, in one line. It often repeats words of the user or of a
// file: what() is printable whatever they held.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(printable(message)), kind(kind) {}
  ErrorKind kind;
};

[[noreturn]] inline void fail_input(const std::string& message) { throw Error(ErrorKind::input, message); }
[[noreturn]] inline void fail_environment(const std::string& message) {
  throw Error(ErrorKind::environment, message);
}

}  // namespace warpfinch
