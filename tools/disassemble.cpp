#include "tools/disassemble.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <vector>

#include "generator/result.hpp"
#include "runtime/temporary_folder.hpp"
#include "runtime/descriptor.hpp"
#include "runtime/process_group.hpp"
#include "tools/files.hpp"

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
std::string output_of(const std::vector<std::string>& words) {
  const Descriptor nothing = open_file("/dev/null", O_RDWR);
  Ends output = pipe_to_us();
  ProcessGroup program(words, {nothing.number(), output.theirs.number(), nothing.number()});
  output.theirs.close();
  std::string text = read_all(output.ours.number());
  while (!program.ended_within(1)) continue;  // it has closed its output
  const int status = program.status();
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
