// The cache on disk: what it keeps, what it forgets, and what happens when the disk says no.
#include "runtime/kernel_cache.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <thread>

#include "tests/runtime/environment_value.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/runtime/warnings.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

class KernelCacheTest : public testing::Test {
 protected:
  long files() const { return std::distance(fs::directory_iterator(folder_.path()), {}); }
  int64_t bytes() const {
    int64_t sum = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path()))
      sum += static_cast<int64_t>(entry.file_size());
    return sum;
  }
  fs::path only_file() const { return fs::directory_iterator(folder_.path())->path(); }
  void set_age(const fs::path& file, std::chrono::hours age) const {
    fs::last_write_time(file, fs::file_time_type::clock::now() - age);
  }
  TemporaryFolder folder_;
};

// A key as the compilers make them.
std::string key(char digit, const char* kind = "") { return std::string(32, digit) + kind; }

long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST_F(KernelCacheTest, GivesBackWhatWasPut) {
  KernelCache cache(folder_.path() / "made" / "on" / "the" / "way");
  const std::string bytes("a\0\n\xff", 4);
  EXPECT_FALSE(cache.get(key('1')));
  cache.put(key('1'), bytes);
  cache.put(key('2', "-e"), "");
  EXPECT_EQ(cache.get(key('1')), bytes);
  EXPECT_EQ(cache.get(key('2', "-e")), "");
  cache.put(key('1'), "newer");
  EXPECT_EQ(KernelCache(cache.directory()).get(key('1')), "newer");
}

TEST_F(KernelCacheTest, DamagedFileIsAMissAndIsWrittenAnew) {
  KernelCache cache(folder_.path());
  const std::string content(1000, 'x');
  const auto damage = [&](const auto& change) {
    cache.put(key('1'), content);
    ASSERT_EQ(cache.get(key('1')), content);
    change(only_file());
    EXPECT_FALSE(cache.get(key('1')));
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
  cache.put(key('1'), content);
  EXPECT_EQ(cache.get(key('1')), content);
}

TEST_F(KernelCacheTest, PrunesTheLeastRecentlyUsedFirst) {
  KernelCache cache(folder_.path());
  for (const char digit : {'a', 'b', 'c'}) cache.put(key(digit), std::string(1000, 'x'));
  int hours = 3;
  for (const char digit : {'a', 'b', 'c'})
    set_age(folder_.path() / (key(digit) + ".kernel"), std::chrono::hours(hours--));
  EXPECT_TRUE(cache.get(key('a')));  // used now
  const int64_t size = static_cast<int64_t>(fs::file_size(only_file()));
  const auto pruned = cache.prune(2 * size);
  EXPECT_EQ(pruned.files, 1);
  EXPECT_EQ(pruned.bytes, size);
  EXPECT_FALSE(cache.get(key('b')));
  EXPECT_TRUE(cache.get(key('a')));
  EXPECT_TRUE(cache.get(key('c')));
  EXPECT_EQ(cache.prune(0).files, 2);
  EXPECT_EQ(files(), 0);
  EXPECT_EQ(cache.prune(0).files, 0);
}

TEST_F(KernelCacheTest, KeepsToItsLimitByItself) {
  const int64_t limit = 64000;
  KernelCache first(folder_.path(), limit),
      second(folder_.path(), limit);  // two that do not know of each other
  for (int i = 0; i < 500; ++i) {
    (i % 2 ? first : second).put(fmt::format("{:032x}", i), std::string(1000, 'x'));
    ASSERT_LE(bytes(), limit) << i;
  }
  EXPECT_GE(bytes(), limit * 3 / 4);
  KernelCache small(folder_.path(), 500);  // less than one file
  small.put(key('1'), std::string(1000, 'x'));
  EXPECT_EQ(files(), 0);
}

// A listing takes away what a crash left: where that stays, nothing was listed.
TEST_F(KernelCacheTest, ListsItsFolderSeldom) {
  const int64_t limit = 640000;
  KernelCache cache(folder_.path(), limit);
  const fs::path witness = folder_.path() / (key('1') + ".kernel.1.0.unfinished");
  int listings = 0;
  int64_t written = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!fs::exists(witness)) {
      std::ofstream(witness) << "";
      set_age(witness, std::chrono::hours(2));
    }
    cache.put(fmt::format("{:032x}", i), std::string(1000, 'x'));
    written += 1000;
    if (!fs::exists(witness)) ++listings;
  }
  EXPECT_GE(listings, 10);
  EXPECT_LE(listings, 1 + written / (limit / 64));
}

TEST_F(KernelCacheTest, PruningLeavesWhatIsNotItsOwn) {
  KernelCache cache(folder_.path());
  cache.put(key('1'), "content");
  const std::string whole = key('1') + ".kernel";
  const std::map<std::string, std::string> others{
      {"notes.txt", "mine"},
      {"rbf.kernel", "warpfinch-kernel 1 of somebody's support vectors"},
      {"download.unfinished", ""},
      {key('2') + ".kernel", "an image of an operating system"},
      {key('3') + ".kernel", ""},
      {key('4') + ".kernel.bak", "warpfinch-kernel 1"},
      {key('G') + ".kernel", "warpfinch-kernel 1"},
      {whole + ".unfinished", "warpfinch-kernel 1"},
      {whole + ".1.x.unfinished", "warpfinch-kernel 1"},
      {whole + ".1.0.unfinished", "of somebody else"},
  };
  for (const auto& [name, text] : others) {
    std::ofstream(folder_.path() / name) << text;
    set_age(folder_.path() / name, std::chrono::hours(2));
  }
  fs::create_directory(folder_.path() / (key('5') + ".kernel"));
  fs::create_symlink(whole, folder_.path() / (key('6') + ".kernel"));
  EXPECT_EQ(cache.prune(0).files, 1);
  EXPECT_FALSE(fs::exists(folder_.path() / whole));
  for (const auto& [name, text] : others) EXPECT_TRUE(fs::exists(folder_.path() / name)) << name;
  EXPECT_EQ(files(), static_cast<long>(others.size()) + 2);
}

TEST_F(KernelCacheTest, PruningCollectsWhatACrashLeft) {
  KernelCache cache(folder_.path());
  const auto unfinished = [&](const char* pid, const char* text, int hours) {
    const fs::path file = folder_.path() / fmt::format("{}.kernel.{}.0.unfinished", key('1', "-newest"), pid);
    std::ofstream(file) << text;
    set_age(file, std::chrono::hours(hours));
    return file;
  };
  const fs::path empty = unfinished("1", "", 2), begun = unfinished("2", "warpfinch-kernel 1 0", 2);
  const fs::path being_written = unfinished("3", "warp", 0);
  cache.prune(0);
  EXPECT_FALSE(fs::exists(empty));
  EXPECT_FALSE(fs::exists(begun));
  EXPECT_TRUE(fs::exists(being_written));
}

TEST_F(KernelCacheTest, WhereNothingCanBeWrittenItKeepsNothingAndWarnsOnce) {
  std::ofstream(folder_.path() / "file") << "in the way";
  const fs::path below_a_file = folder_.path() / "file" / "below";
  for (const fs::path& directory : {below_a_file, fs::path("/proc/warpfinch"), fs::path()}) {
    const std::string warning = warnings_of([&] {
      KernelCache cache(directory);
      for (int i = 0; i < 3; ++i) cache.put(key('1'), "content");
      EXPECT_FALSE(cache.get(key('1')));
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
  KernelCache(folder_.path()).put(key('1'), "content");
  fs::permissions(folder_.path(), fs::perms(0555));
  EXPECT_TRUE(holds_in_a_child([&] {
    constexpr uid_t kNobody = 65534;  // nothing is read-only to root
    if (geteuid() == 0 && setuid(kNobody) != 0) return false;
    bool right = true;
    const std::string warning = warnings_of([&] {
      KernelCache cache(folder_.path());
      cache.put(key('2'), "content");
      right = cache.get(key('1')) == "content" && !cache.get(key('2'));
    });
    return right && lines(warning) == 1;
  }));
  fs::permissions(folder_.path(), fs::perms::owner_all);
  EXPECT_EQ(files(), 1);
}

// A limit on the size of files stands for the full disk: a write ends early with an error.
TEST_F(KernelCacheTest, AFullDiskCostsAWarningAndLeavesNoPiece) {
  KernelCache(folder_.path()).put(key('2'), "content");
  EXPECT_TRUE(holds_in_a_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    bool right = true;
    const std::string warning = warnings_of([&] {
      KernelCache cache(folder_.path());
      for (int i = 0; i < 2; ++i) cache.put(key('1'), std::string(100000, 'x'));
      right = !cache.get(key('1')) && cache.get(key('2')) == "content";
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
      cache.put(key('1'), content);
      const auto seen = cache.get(key('1'));
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
  {
    const EnvironmentValue relative("XDG_CACHE_HOME", "cache"), no_home("HOME", nullptr);
    EXPECT_EQ(KernelCache::default_directory(), "");
    const EnvironmentValue relative_home("HOME", "finch");
    EXPECT_EQ(KernelCache::default_directory(), "");
  }
  const EnvironmentValue directory("WARPFINCH_CACHE_DIR", "here");
  EXPECT_EQ(KernelCache::default_directory(), "here");
}

}  // namespace
}  // namespace warpfinch
