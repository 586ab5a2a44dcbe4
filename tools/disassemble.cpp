#include "tools/disassemble.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <vector>

#include "generator/result.hpp"
#include "runtime/temporary_folder.hpp"
#include "tools/files.hpp"

extern char** environ;

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> program_folders() {
  std::vector<fs::path> folders;
  std::stringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');)
    if (!folder.empty()) folders.push_back(folder);
  for (const char* variable : {"CUDA_PATH", "CUDA_HOME"})
    if (const char* toolkit = std::getenv(variable); toolkit && *toolkit)
      folders.push_back(fs::path(toolkit) / "bin");
  folders.push_back("/usr/local/cuda/bin");
  return folders;
}

std::string find_program(const char* name) {
  for (const fs::path& folder : program_folders())
    if (access((folder / name).c_str(), X_OK) == 0) return folder / name;
  return {};
}

std::string read_all(int descriptor) {
  std::string text;
  char block[1 << 16];
  for (ssize_t count; (count = read(descriptor, block, sizeof block)) != 0;) {
    if (count < 0 && errno != EINTR) break;
    if (count > 0) text.append(block, static_cast<size_t>(count));
  }
  return text;
}

// Standard output of a program; its standard error is dropped, its failure is an Error.
std::string output_of(std::vector<std::string> words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail_environment(fmt::format("pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int code = posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const std::string text = code == 0 ? read_all(ends[0]) : std::string();
  close(ends[0]);
  if (code != 0) fail_environment(fmt::format("cannot start {}: {}", words[0], std::strerror(code)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (status == 0) return text;
  const std::string how = WIFSIGNALED(status) ? fmt::format("was killed by signal {}", WTERMSIG(status))
                                              : fmt::format("ended with status {}", WEXITSTATUS(status));
  fail_environment(fmt::format("{}, given the cubin {}, {}", words[0], words.back(), how));
}

// A file that is gone at the end of the scope.
struct TemporaryFile {
  std::string name = (temporary_folder() / "warpfinch-XXXXXX").string();
  TemporaryFile() {
    const int descriptor = mkstemp(name.data());
    if (descriptor < 0) fail_environment(fmt::format("cannot make {}: {}", name, std::strerror(errno)));
    close(descriptor);
  }
  ~TemporaryFile() { unlink(name.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
};

}  // namespace

std::string disassemble(const std::string& cubin) {
  const std::string cuobjdump = find_program("cuobjdump");
  const std::string nvdisasm = find_program("nvdisasm");
  if (cuobjdump.empty() && nvdisasm.empty())
    fail_environment(
        "--stage sass needs cuobjdump or nvdisasm of the CUDA toolkit: neither is in PATH, "
        "CUDA_PATH/bin, CUDA_HOME/bin or /usr/local/cuda/bin");
  const TemporaryFile file;
  write_file(file.name, cubin);
  if (cuobjdump.empty()) return output_of({nvdisasm, "-c", file.name});
  return output_of({cuobjdump, "-sass", file.name});
}

}  // namespace warpfinch
