// Runs the built program as a user would, in a folder of its own: no database, cache or GPU of the machine is
// seen unless a test says so.
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {

struct Finished {
  int code = 0;
  std::string out, err;
  std::vector<nlohmann::json> objects() const;  // of --json: one per line
};

class Program {
 public:
  Program();
  // Arguments are passed as they are; the shell sees none of them.
  Finished operator()(const std::vector<std::string>& arguments) const;
  // The same with standard output going to a file.
  Finished to_file(const std::vector<std::string>& arguments, const std::string& file) const;

  // The same, with its process group sent a signal ("INT", as a terminal does at Ctrl-C) after so many
  // seconds.
  Finished signalled(const std::vector<std::string>& arguments, const std::string& signal,
                     double seconds) const;

  // The same, behind a shell's "ulimit …".
  Finished limited(const std::vector<std::string>& arguments, const std::string& limit) const;

  // A script for sh, in which $W is the program and $D the test's folder.
  Finished shell(const std::string& script) const;

  void set(const std::string& variable, const std::string& value);
  void show_gpu();  // the machine's
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;

 private:
  std::vector<std::string> environment() const;  // as words that put it before a command
  std::vector<std::string> words(const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& launcher = {}) const;

  TemporaryFolder folder_;
  std::vector<std::pair<std::string, std::string>> environment_;
};

bool has_nvrtc(const Program& program);
#define NEEDS_NVRTC(program) \
  if (!has_nvrtc(program)) GTEST_SKIP() << "SKIPPED: no NVRTC on this machine"

// Runs any program; its words need no quoting.
Finished run_words(const std::vector<std::string>& words, const std::filesystem::path& folder,
                   const std::string& out = {});

}  // namespace warpfinch
