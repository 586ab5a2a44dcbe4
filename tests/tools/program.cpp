#include "tests/tools/program.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace warpfinch {
namespace {

std::string quoted(const std::string& word) {
  std::string text = "'";
  for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::vector<nlohmann::json> Finished::objects() const {
  std::vector<nlohmann::json> objects;
  std::stringstream lines(out);
  for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
  return objects;
}

Finished run_words(const std::vector<std::string>& words, const std::filesystem::path& folder,
                   const std::string& out) {
  const std::filesystem::path out_file = out.empty() ? folder / ".out" : std::filesystem::path(out);
  std::string command;
  for (const std::string& word : words) command += quoted(word) + " ";
  command += "</dev/null >" + quoted(out_file) + " 2>" + quoted(folder / ".err");
  const int status = std::system(command.c_str());
  Finished finished;
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (out.empty()) finished.out = content_of(out_file);
  finished.err = content_of(folder / ".err");
  return finished;
}

Program::Program() {
  set("HOME", path("home"));
  set("XDG_DATA_HOME", path("data"));
  set("XDG_CACHE_HOME", path("cache"));
  set("WARPFINCH_CACHE_DIR", path("kernels"));
  set("WARPFINCH_CONFIGS", "");
  set("CUDA_VISIBLE_DEVICES", "");
}

void Program::set(const std::string& variable, const std::string& value) {
  std::erase_if(environment_, [&](const auto& entry) { return entry.first == variable; });
  environment_.emplace_back(variable, value);
}

void Program::show_gpu() {
  std::erase_if(environment_, [](const auto& entry) { return entry.first == "CUDA_VISIBLE_DEVICES"; });
}

std::vector<std::string> Program::environment() const {
  std::vector<std::string> words{"env"};
  for (const auto& [variable, value] : environment_) words.push_back(variable + "=" + value);
  return words;
}

std::vector<std::string> Program::words(const std::vector<std::string>& arguments,
                                        const std::vector<std::string>& launcher) const {
  std::vector<std::string> words = environment();
  words.insert(words.end(), launcher.begin(), launcher.end());
  words.push_back(WARPFINCH_PROGRAM);
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

Finished Program::to_file(const std::vector<std::string>& arguments, const std::string& file) const {
  return run_words(words(arguments), folder_.path(), file);
}

Finished Program::shell(const std::string& script) const {
  std::vector<std::string> words = environment();
  words.insert(words.end(), {"W=" WARPFINCH_PROGRAM, "D=" + folder_.path().string(), "sh", "-c", script});
  return run_words(words, folder_.path());
}

Finished Program::signalled(const std::vector<std::string>& arguments, const std::string& signal,
                            double seconds) const {
  return run_words(words(arguments, {"timeout", "--preserve-status", "-s", signal, std::to_string(seconds)}),
                   folder_.path());
}

Finished Program::limited(const std::vector<std::string>& arguments, const std::string& limit) const {
  return run_words(words(arguments, {"sh", "-c", limit + " && exec \"$@\"", "sh"}), folder_.path());
}

Finished Program::operator()(const std::vector<std::string>& arguments) const {
  return to_file(arguments, "");
}

bool has_nvrtc(const Program& program) {
  for (const auto& line : program({"devices", "--json"}).objects())
    if (line["kind"] == "nvrtc") return line["version"] != "";
  return false;
}

std::string Program::write(const std::string& name, const std::string& content) const {
  std::ofstream(path(name), std::ios::binary) << content;
  return path(name);
}

std::string Program::read(const std::string& name) const { return content_of(path(name)); }

}  // namespace warpfinch
