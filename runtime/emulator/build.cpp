// The host compiler: found, asked for its version, run on the kernel's host text. What it built is cached.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "generator/result.hpp"
#include "runtime/emulator/kernel.hpp"

extern char** environ;

namespace warpfinch::emulator {
namespace {

namespace fs = std::filesystem;

// -ffp-contract=off: a product and a sum are one instruction only where the kernel says so.
const std::vector<std::string> kOptions = {"-std=c++20",
                                           "-O1",
                                           "-fPIC",
                                           "-shared",
                                           "-w",
                                           "-ffp-contract=off",
                                           "-fno-math-errno",
                                           "-fno-exceptions",
                                           "-fno-strict-aliasing"};

class WorkFolder {
 public:
  WorkFolder() {
    std::string pattern = (fs::temp_directory_path() / "warpfinch-emulator-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      fail_environment(fmt::format("cannot make a folder {}: {}", pattern, std::strerror(errno)));
    path = pattern;
  }
  ~WorkFolder() {
    std::error_code error;
    fs::remove_all(path, error);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  fs::path path;
};

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// CXX may be several words ("ccache g++").
std::vector<std::string> compiler_words() {
  const char* named = std::getenv("CXX");
  std::istringstream words(named && *named ? named : "c++");
  std::vector<std::string> result;
  for (std::string word; words >> word;) result.push_back(word);
  return result;
}

// Both outputs go to `output`. -1: the program cannot be started.
int run_program(const std::vector<std::string>& words, const fs::path& output) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return -1;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// What `compiler --version` says; asked once per process and compiler.
std::string compiler_version(const std::vector<std::string>& words) {
  static std::mutex mutex;
  static std::map<std::vector<std::string>, std::string> known;
  const std::lock_guard lock(mutex);
  std::string& version = known[words];
  if (!version.empty()) return version;
  const WorkFolder folder;
  std::vector<std::string> command = words;
  command.push_back("--version");
  if (run_program(command, folder.path / "version") != 0)
    fail_environment(
        fmt::format("the emulator needs a C++20 compiler, and '{}' cannot be run: install g++, or "
                    "set CXX to a compiler",
                    fmt::join(words, " ")));
  return version = content(folder.path / "version");
}

std::string key_of(const std::string& text, const std::string& version) {
  const std::string all = fmt::format("{}\n{}\n{}", text, version, fmt::join(kOptions, " "));
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  return fmt::format("{:016x}{:016x}-e", hash.high64, hash.low64);
}

std::string first_error(const std::string& log) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);)
    if (line.find("error") != std::string::npos) return line;
  return log.substr(0, log.find('\n'));
}

std::string compile(const CudaSource& source, const std::string& text, std::vector<std::string> words) {
  const WorkFolder folder;
  const fs::path file = folder.path / (source.entry + ".cpp"), object = folder.path / "kernel.so";
  std::ofstream(file, std::ios::binary) << text;
  words.insert(words.end(), kOptions.begin(), kOptions.end());
  words.insert(words.end(), {"-o", object.string(), file.string()});
  if (run_program(words, folder.path / "log") != 0)
    fail_environment(fmt::format("the host compiler refuses the emulated kernel {}: {}", source.entry,
                                 first_error(content(folder.path / "log"))));
  return content(object);
}

}  // namespace

std::string build_object(const CudaSource& source, KernelCache& cache) {
  const std::vector<std::string> words = compiler_words();
  const std::string text = host_text(source);
  const std::string key = key_of(text, compiler_version(words));
  if (auto object = cache.get(key)) return *std::move(object);
  std::string object = compile(source, text, words);
  cache.put(key, object);
  return object;
}

}  // namespace warpfinch::emulator
