// What another user could have planted in the cache is not loaded: it would run with the rights of whoever
// loads it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "runtime/kernel_cache.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/runtime/warnings.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

const std::string kKey(32, '7');
constexpr uid_t kNobody = 65534;

class CacheTrust : public testing::Test {
 protected:
  void SetUp() override { KernelCache(folder_.path()).put(kKey, "content"); }
  // The one warning of asking twice for what was put; `loaded`: it was given.
  std::string asked_twice(bool loaded) const {
    const std::string warning = warnings_of([&] {
      const KernelCache cache(folder_.path());
      for (int i = 0; i < 2; ++i) EXPECT_EQ(cache.get(kKey).has_value(), loaded);
    });
    EXPECT_EQ(std::count(warning.begin(), warning.end(), '\n'), loaded ? 0 : 1) << warning;
    return warning;
  }
  void expect_not_loaded_but_replaced(const std::string& why) const {
    EXPECT_THAT(asked_twice(false), AllOf(HasSubstr(file_.string()), HasSubstr(why)));
    KernelCache(folder_.path()).put(kKey, "content");
    asked_twice(true);
  }

  const TemporaryFolder folder_;
  const fs::path file_ = folder_.path() / (kKey + ".kernel");
};

TEST_F(CacheTrust, a_file_that_others_can_write_is_not_loaded) {
  for (const mode_t mode : {0666, 0664, 0646}) {
    ASSERT_EQ(chmod(file_.c_str(), mode), 0);
    expect_not_loaded_but_replaced(fmt::format("mode {:04o}", mode));
  }
}

TEST_F(CacheTrust, a_folder_that_others_can_write_gives_nothing) {
  ASSERT_EQ(chmod(folder_.path().c_str(), 0777), 0);
  EXPECT_THAT(asked_twice(false), AllOf(HasSubstr("'" + folder_.path().string() + "'"),
                                        HasSubstr("mode 0777"), HasSubstr("WARPFINCH_CACHE_DIR")));
  KernelCache(folder_.path()).put(std::string(32, '8'), "content");
  EXPECT_FALSE(fs::exists(folder_.path() / (std::string(32, '8') + ".kernel")));
  ASSERT_EQ(chmod(folder_.path().c_str(), 01777), 0);  // as /tmp: others can add files and change no other
  asked_twice(true);
}

TEST_F(CacheTrust, a_file_or_folder_of_another_user_gives_nothing) {
  if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root can give files to another user";
  ASSERT_EQ(chmod(folder_.path().c_str(), 01777), 0);
  ASSERT_EQ(chown(file_.c_str(), kNobody, kNobody), 0);
  expect_not_loaded_but_replaced(fmt::format("belongs to user {}", kNobody));
  ASSERT_EQ(chown(folder_.path().c_str(), kNobody, kNobody), 0);
  EXPECT_THAT(asked_twice(false), HasSubstr(fmt::format("belongs to user {}", kNobody)));
}

// With a umask of 0002, as many have it, new files and folders would be writable for the group.
TEST_F(CacheTrust, what_it_writes_itself_is_loaded_whatever_the_umask) {
  const mode_t before = umask(0);
  const fs::path inner = folder_.path() / "made" / "anew";
  EXPECT_EQ(warnings_of([&] {
              KernelCache cache(inner);
              cache.put(kKey, "content");
              EXPECT_EQ(cache.get(kKey), "content");
            }),
            "");
  umask(before);
}

// Neither waits for a writer nor follows a link.
TEST_F(CacheTrust, a_pipe_and_a_link_are_misses) {
  fs::rename(file_, folder_.path() / "elsewhere");
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_FALSE(KernelCache(folder_.path()).get(kKey));
  fs::remove(file_);
  fs::create_symlink("elsewhere", file_);
  EXPECT_FALSE(KernelCache(folder_.path()).get(kKey));
}

// A key may be the content of another file, as that of the newest cubin is.
TEST_F(CacheTrust, what_is_no_key_is_a_miss) {
  const KernelCache inner(folder_.path() / "inner");
  for (const std::string& key : {"../" + kKey, std::string(), kKey + "/", kKey + "-", kKey.substr(1)})
    EXPECT_FALSE(inner.get(key)) << key;
}

}  // namespace
}  // namespace warpfinch
