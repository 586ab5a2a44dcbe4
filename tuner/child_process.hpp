// A child process that is talked to in lines, with a time limit on every answer, and that can be killed at
// any moment: a kernel that never ends leaves no other way.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace warpfinch {

class ChildProcess {
 public:
  // command[0] is a path. Error (environment) when no process can be made. The child has a process group of
  // its own, so that a Ctrl-C meant for us does not look like its crash, and is killed when our thread ends.
  explicit ChildProcess(const std::vector<std::string>& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;

  // Sends the line and a newline; false when the child has closed its input.
  bool send(std::string line);
  struct Answer {
    enum class Kind { line, time_limit, ended } kind;
    std::string line;
  };
  // The next line of its standard output.
  Answer receive(double seconds);
  bool ended();  // without waiting
  void kill();   // the whole process group; returns when it is gone
  // "exit status 3", "signal 11 (Segmentation fault)"; with the last line of its standard error, if any.
  std::string how_it_ended() const;

 private:
  bool take_line(std::string& line);
  bool read_output();
  void read_errors();
  bool reap(double seconds);

  pid_t pid_ = -1;
  bool reaped_ = false;
  int status_ = 0;
  int input_ = -1, output_ = -1, errors_ = -1;
  std::string received_;   // of standard output, not yet handed out
  std::string words_;      // the end of standard error
};

}  // namespace warpfinch
