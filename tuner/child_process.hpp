// A child process that is talked to in lines, with a time limit on every answer, and that can be killed at
// any moment: a kernel that never ends leaves no other way.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "runtime/descriptor.hpp"
#include "runtime/process_group.hpp"

namespace warpfinch {

class ChildProcess {
 public:
  // command[0] is a path. Error (environment) when no process can be made. It is killed when the calling
  // thread ends.
  explicit ChildProcess(const std::vector<std::string>& command);
  ChildProcess(const ChildProcess&) = delete;

  // Sends the line and a newline; false when the child has closed its input.
  bool send(std::string line);
  struct Answer {
    enum class Kind { line, time_limit, ended, stopped } kind;
    std::string line;
  };
  // The next line of its standard output; `stop` ends the waiting.
  Answer receive(double seconds, const std::stop_token& stop = {});
  bool ended() { return group_->ended_within(0); }
  // "exit status 3", "signal 11 (Segmentation fault)"; with the last line of its standard error, if any.
  std::string how_it_ended() const;

 private:
  bool take_line(std::string& line);
  bool read_output();
  void read_errors();

  Descriptor input_, output_, errors_;
  std::optional<ProcessGroup> group_;  // last: it ends before the pipes close
  std::string received_;               // of standard output, not yet handed out
  std::string words_;                  // the end of standard error
};

}  // namespace warpfinch
