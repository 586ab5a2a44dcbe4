// Another program, started in a process group of its own: a Ctrl-C in our terminal is ours to answer and does
// not reach it. It never outlives us, however we end, and neither do the programs that it starts in turn.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace warpfinch {

class ProcessGroup {
 public:
  // What become the program's standard streams; they stay the caller's.
  struct Streams {
    int input, output, errors;
  };
  // command[0] is looked for in PATH unless it has a slash. The program starts with no signal blocked or
  // ignored, whatever we do with ours, and is killed when the calling thread ends. Error (environment) where
  // it cannot be started.
  ProcessGroup(const std::vector<std::string>& command, const Streams& streams);
  ~ProcessGroup() { kill(); }
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  bool ended_within(double seconds);
  // The program and all that it started; returns when it is gone.
  void kill();
  // How it ended, as waitpid tells it; -1: not yet, or nobody knows (the caller ignores SIGCHLD).
  int status() const { return status_; }

 private:
  pid_t guard_ = -1;  // see process_group.cpp
  bool ended_ = false;
  int status_ = -1;
};

}  // namespace warpfinch
