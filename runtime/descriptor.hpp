// Open files and pipes of the operating system, closed at the end of their scope and not handed on to
// programs that we start.
#pragma once

#include <string>
#include <utility>

namespace warpfinch {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  int number() const { return number_; }  // -1: closed
  void close();

 private:
  int number_;
};

// Error (environment) naming the path.
Descriptor open_file(const std::string& path, int flags, int mode = 0);

// What is written to one end is read from the other.
struct Ends {
  Descriptor ours, theirs;
};
Ends pipe_to_us();      // Error (environment)
Ends socket_to_them();  // the same; writing to it can be asked not to raise SIGPIPE

}  // namespace warpfinch
