// The cache on disk: what it keeps, what it forgets, and what happens when the disk says no.
#include "runtime/kernel_cache.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "runtime/log.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

class KernelCacheTest : public testing::Test {
 protected:
  long files() const { return std::distance(fs::directory_iterator(folder_.path()), {}); }
  fs::path only_file() const { return fs::directory_iterator(folder_.path())->path(); }
  void set_age(const fs::path& file, std::chrono::hours age) const {
    fs::last_write_time(file, fs::file_time_type::clock::now() - age);
  }
  TemporaryFolder folder_;
};

// The warnings that `action` writes to the library's log.
template <class Action>
std::string warnings_of(const Action& action) {
  std::ostringstream text;
  const auto log = logger();
  const auto sinks = std::exchange(log->sinks(), {std::make_shared<spdlog::sinks::ostream_sink_mt>(text)});
  const auto level = log->level();
  log->set_level(spdlog::level::warn);
  action();
  log->set_level(level);
  log->sinks() = sinks;
  return text.str();
}

long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST_F(KernelCacheTest, GivesBackWhatWasPut) {
  KernelCache cache(folder_.path() / "made" / "on" / "the" / "way");
  const std::string bytes("a\0\n\xff", 4);
  EXPECT_FALSE(cache.get("k"));
  cache.put("k", bytes);
  cache.put("empty", "");
  EXPECT_EQ(cache.get("k"), bytes);
  EXPECT_EQ(cache.get("empty"), "");
  cache.put("k", "newer");
  EXPECT_EQ(KernelCache(cache.directory()).get("k"), "newer");
}

TEST_F(KernelCacheTest, DamagedFileIsAMissAndIsWrittenAnew) {
  KernelCache cache(folder_.path());
  const std::string content(1000, 'x');
  const auto damage = [&](const auto& change) {
    cache.put("k", content);
    ASSERT_EQ(cache.get("k"), content);
    change(only_file());
    EXPECT_FALSE(cache.get("k"));
  };
  damage([](const fs::path& file) { fs::resize_file(file, fs::file_size(file) - 1); });
  damage([](const fs::path& file) { fs::resize_file(file, 3); });
  damage([](const fs::path& file) { fs::resize_file(file, 0); });
  damage([](const fs::path& file) { std::ofstream(file, std::ios::app) << "y"; });
  damage([](const fs::path& file) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(-500, std::ios::end).put('y');
  });
  damage([](const fs::path& file) { std::ofstream(file, std::ios::trunc) << "not ours\n"; });
  cache.put("k", content);
  EXPECT_EQ(cache.get("k"), content);
}

TEST_F(KernelCacheTest, PrunesTheLeastRecentlyUsedFirst) {
  KernelCache cache(folder_.path());
  for (const char* key : {"a", "b", "c"}) cache.put(key, std::string(1000, 'x'));
  int hours = 3;
  for (const char* key : {"a", "b", "c"})
    set_age(folder_.path() / (std::string(key) + ".kernel"), std::chrono::hours(hours--));
  EXPECT_TRUE(cache.get("a"));  // used now
  const int64_t size = static_cast<int64_t>(fs::file_size(only_file()));
  const auto pruned = cache.prune(2 * size);
  EXPECT_EQ(pruned.files, 1);
  EXPECT_EQ(pruned.bytes, size);
  EXPECT_FALSE(cache.get("b"));
  EXPECT_TRUE(cache.get("a"));
  EXPECT_TRUE(cache.get("c"));
  EXPECT_EQ(cache.prune(0).files, 2);
  EXPECT_EQ(files(), 0);
  EXPECT_EQ(cache.prune(0).files, 0);
}

TEST_F(KernelCacheTest, KeepsToItsLimitByItself) {
  KernelCache cache(folder_.path(), 5000);
  for (int i = 0; i < 20; ++i) cache.put(std::to_string(i), std::string(1000, 'x'));
  EXPECT_EQ(files(), 4);  // a header line each
}

TEST_F(KernelCacheTest, PruningLeavesOthersFilesAndCollectsWhatACrashLeft) {
  KernelCache cache(folder_.path());
  std::ofstream(folder_.path() / "notes.txt") << "mine";
  std::ofstream(folder_.path() / "k.kernel.1.0.unfinished") << "old";
  std::ofstream(folder_.path() / "k.kernel.2.0.unfinished") << "being written";
  set_age(folder_.path() / "k.kernel.1.0.unfinished", std::chrono::hours(2));
  cache.prune(0);
  EXPECT_TRUE(fs::exists(folder_.path() / "notes.txt"));
  EXPECT_FALSE(fs::exists(folder_.path() / "k.kernel.1.0.unfinished"));
  EXPECT_TRUE(fs::exists(folder_.path() / "k.kernel.2.0.unfinished"));
}

TEST_F(KernelCacheTest, WhereNothingCanBeWrittenItKeepsNothingAndWarnsOnce) {
  std::ofstream(folder_.path() / "file") << "in the way";
  const fs::path below_a_file = folder_.path() / "file" / "below";
  for (const fs::path& directory : {below_a_file, fs::path("/proc/warpfinch"), fs::path()}) {
    const std::string warning = warnings_of([&] {
      KernelCache cache(directory);
      for (int i = 0; i < 3; ++i) cache.put("k", "content");
      EXPECT_FALSE(cache.get("k"));
      EXPECT_EQ(cache.prune(0).files, 0);
    });
    EXPECT_EQ(lines(warning), 1) << warning;
    EXPECT_NE(warning.find("'" + directory.string() + "'"), std::string::npos) << warning;
    EXPECT_NE(warning.find("WARPFINCH_CACHE_DIR"), std::string::npos) << warning;
  }
}

// Runs `right` in a process of its own, which may give up rights or set limits.
template <class Check>
bool holds_in_a_child(const Check& right) {
  const pid_t child = fork();
  if (child == 0) _exit(right() ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0;
}

TEST_F(KernelCacheTest, AReadOnlyDirectoryIsStillRead) {
  KernelCache(folder_.path()).put("k", "content");
  fs::permissions(folder_.path(), fs::perms(0555));
  EXPECT_TRUE(holds_in_a_child([&] {
    constexpr uid_t kNobody = 65534;  // nothing is read-only to root
    if (geteuid() == 0 && setuid(kNobody) != 0) return false;
    bool right = true;
    const std::string warning = warnings_of([&] {
      KernelCache cache(folder_.path());
      cache.put("other", "content");
      right = cache.get("k") == "content" && !cache.get("other");
    });
    return right && lines(warning) == 1;
  }));
  fs::permissions(folder_.path(), fs::perms::owner_all);
  EXPECT_EQ(files(), 1);
}

// A limit on the size of files stands for the full disk: a write ends early with an error.
TEST_F(KernelCacheTest, AFullDiskCostsAWarningAndLeavesNoPiece) {
  KernelCache(folder_.path()).put("before", "content");
  EXPECT_TRUE(holds_in_a_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    bool right = true;
    const std::string warning = warnings_of([&] {
      KernelCache cache(folder_.path());
      for (int i = 0; i < 2; ++i) cache.put("k", std::string(100000, 'x'));
      right = !cache.get("k") && cache.get("before") == "content";
    });
    return right && lines(warning) == 1;
  }));
  EXPECT_EQ(files(), 1);
}

TEST_F(KernelCacheTest, ManyWritersOfOneKeyLeaveAWholeFile) {
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    KernelCache cache(folder_.path());
    const std::string content(100000, static_cast<char>('a' + child));
    bool right = true;
    for (int i = 0; i < 50; ++i) {
      cache.put("k", content);
      const auto seen = cache.get("k");
      right = right && seen && *seen == std::string(content.size(), seen->front());  // somebody's, but whole
    }
    _exit(right ? 0 : 1);
  }
  for (pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(files(), 1);
}

class EnvironmentValue {
 public:
  EnvironmentValue(const char* name, const char* value) : name_(name) {
    if (const char* before = getenv(name)) before_ = before, was_set_ = true;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~EnvironmentValue() { was_set_ ? setenv(name_, before_.c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::string before_;
  bool was_set_ = false;
};

TEST(KernelCacheDirectory, FollowsTheEnvironment) {
  const EnvironmentValue home("HOME", "/home/finch");
  const EnvironmentValue xdg("XDG_CACHE_HOME", nullptr), chosen("WARPFINCH_CACHE_DIR", nullptr);
  EXPECT_EQ(KernelCache::default_directory(), "/home/finch/.cache/warpfinch");
  const EnvironmentValue absolute("XDG_CACHE_HOME", "/var/cache/finch");
  EXPECT_EQ(KernelCache::default_directory(), "/var/cache/finch/warpfinch");
  {
    const EnvironmentValue relative("XDG_CACHE_HOME", "cache");
    EXPECT_EQ(KernelCache::default_directory(), "/home/finch/.cache/warpfinch");
  }
  const EnvironmentValue directory("WARPFINCH_CACHE_DIR", "here");
  EXPECT_EQ(KernelCache::default_directory(), "here");
}

}  // namespace
}  // namespace warpfinch
