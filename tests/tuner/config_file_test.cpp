// Opening the config database: races, media that cannot be written, older schemas, a killed upgrade.
#include "tuner/config_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "generator/problem.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"
#include "tuner/config_database.hpp"
#include "tuner/engine.hpp"
#include "tuner/evaluation_json.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const std::string kProblem = "softmax rows=64 columns=64 dtype=bf16";

class ConfigFiles : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  fs::path file_ = folder_.path() / "configs.db";
};

std::string bytes_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

// The first column of the first row, by a plain connection; "" where there is none, "error: …" where it
// fails.
std::string sqlite_says(const fs::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  std::string answer;
  const auto take = [](void* to, int, char** values, char**) {
    return *static_cast<std::string*>(to) = values[0] ? values[0] : "", 0;
  };
  if (sqlite3_open(file.c_str(), &handle) != SQLITE_OK ||
      sqlite3_exec(handle, sql.c_str(), take, &answer, nullptr) != SQLITE_OK)
    answer = std::string("error: ") + sqlite3_errmsg(handle);
  sqlite3_close(handle);
  return answer;
}

// In a process of its own; work's result is the exit code, 255 for an Error, which goes to standard error.
pid_t begin(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    _exit(work());
  } catch (const std::exception& error) {
    const std::string line = std::string(error.what()) + "\n";
    static_cast<void>(!write(STDERR_FILENO, line.data(), line.size()));
  }
  _exit(255);
}
int end(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// As somebody whom permissions stop.
int as_nobody(const std::function<int()>& work) {
  return end(begin([&] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 254;
    return work();
  }));
}

int rows_of(const fs::path& file) {
  return static_cast<int>(ConfigDatabase(file, true).evaluations().size());
}

// --- who comes first ---------------------------------------------------------------------------------------
TEST_F(ConfigFiles, eight_processes_open_a_new_database_at_once) {
  for (int round = 0; round < 100; ++round) {
    const fs::path file = folder_.path() / fmt::format("{}.db", round);
    int gate[2];
    ASSERT_EQ(pipe(gate), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i)
      children.push_back(begin([&, i] {
        char byte;
        close(gate[1]);
        static_cast<void>(!read(gate[0], &byte, 1));  // until the parent closes its end
        if (i % 2 == 0) return Engine::open("emulator:sm_90a", file), 0;
        ConfigDatabase(file).record(made_up(kProblem, std::to_string(i), measured(1)));
        return 0;
      }));
    close(gate[0]);
    close(gate[1]);
    for (const pid_t child : children) ASSERT_EQ(end(child), 0) << "round " << round;
    ASSERT_EQ(rows_of(file), 4) << "round " << round;
  }
}

TEST_F(ConfigFiles, an_empty_file_is_a_new_database) {
  std::ofstream(file_).close();
  EXPECT_EQ(rows_of(file_), 0);
  EXPECT_EQ(fs::file_size(file_), 0U) << "who only reads leaves it empty";
  ConfigDatabase(file_).record(made_up(kProblem, "c", measured(1)));
  EXPECT_EQ(rows_of(file_), 1);
}

// Closing any descriptor of a file drops the locks that the process holds on it: another process could then
// take the write-ahead log away under a connection that is still open.
TEST_F(ConfigFiles, opening_it_twice_keeps_the_first_one_locked) {
  ConfigDatabase first(file_);
  first.record(made_up(kProblem, "c", measured(1)));
  EXPECT_EQ(rows_of(file_), 1);
  const int code = end(begin([&] {
    return sqlite_says(file_, "PRAGMA journal_mode = DELETE").find("locked") != std::string::npos ? 0 : 1;
  }));
  EXPECT_EQ(code, 0) << "the switch needs the file for itself";
}

int without_locks(int file, int command, ...) {
  if (command == F_SETLK) return errno = ENOLCK, -1;
  return fcntl(file, command, 0);  // none of the others that SQLite uses here has an argument
}

TEST_F(ConfigFiles, a_file_system_without_locks_is_called_so_at_once) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
  vfs->xSetSystemCall(vfs, "fcntl", reinterpret_cast<sqlite3_syscall_ptr>(without_locks));
  const auto start = std::chrono::steady_clock::now();
  std::string message;
  try {
    ConfigDatabase database(file_);
  } catch (const Error& error) {
    message = error.what();
  }
  vfs->xSetSystemCall(vfs, "fcntl", nullptr);
  EXPECT_THAT(message, HasSubstr("no file locks"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

// --- media that cannot be written --------------------------------------------------------------------------
// Five rows in the file, five more in the log of a killed process; nothing of it can be written.
fs::path killed_pair(const fs::path& file, const fs::path& folder) {
  end(begin([&] {
    ConfigDatabase database(file);
    for (int i = 0; i < 10; ++i) {
      database.record(made_up(kProblem, std::to_string(i), measured(1 + i)));
      if (i == 4) sqlite_says(file, "PRAGMA wal_checkpoint(TRUNCATE)");
    }
    return raise(SIGKILL);
  }));
  fs::create_directory(folder);
  const fs::path copy = folder / "configs.db";
  for (const char* suffix : {"", "-wal"}) {
    fs::copy_file(file.string() + suffix, copy.string() + suffix);
    fs::permissions(copy.string() + suffix, fs::perms(0444));
  }
  fs::permissions(folder.parent_path(), fs::perms(0755));
  fs::permissions(folder, fs::perms(0555));
  return copy;
}

TEST_F(ConfigFiles, a_read_only_pair_of_a_killed_process_gives_every_committed_row) {
  const fs::path copy = killed_pair(file_, folder_.path() / "medium");
  EXPECT_EQ(as_nobody([&] { return rows_of(copy); }), 10);
  EXPECT_FALSE(fs::exists(copy.string() + "-shm"));
  // Without the log it is the database of five rows that it then is.
  fs::permissions(copy.parent_path(), fs::perms(0755));
  fs::remove(copy.string() + "-wal");
  fs::permissions(copy.parent_path(), fs::perms(0555));
  EXPECT_EQ(as_nobody([&] { return rows_of(copy); }), 5);
  fs::permissions(copy.parent_path(), fs::perms(0755));  // for the folder to be removed
}

TEST_F(ConfigFiles, who_may_not_write_it_is_told_so_when_he_wants_to) {
  ConfigDatabase(file_).record(made_up(kProblem, "c", measured(1)));
  fs::permissions(file_, fs::perms(0444));
  fs::permissions(folder_.path(), fs::perms(0777));
  const int code = as_nobody([&] {
    try {
      ConfigDatabase database(file_);
    } catch (const Error& error) {
      const bool said = std::string(error.what()).find("read-only") != std::string::npos;
      return error.kind == ErrorKind::environment && said ? rows_of(file_) : 100;
    }
    return 101;
  });
  EXPECT_EQ(code, 1);
}

TEST_F(ConfigFiles, who_may_only_read_sees_what_a_living_process_writes) {
  const fs::path folder = folder_.path() / "medium", file = folder / "configs.db";
  fs::create_directory(folder);
  fs::permissions(folder_.path(), fs::perms(0755));
  ConfigDatabase writer(file);
  for (int i = 0; i < 3; ++i) writer.record(made_up(kProblem, std::to_string(i), measured(1 + i)));
  fs::permissions(folder, fs::perms(0555));
  for (const char* suffix : {"", "-wal", "-shm"}) fs::permissions(file.string() + suffix, fs::perms(0444));
  EXPECT_EQ(as_nobody([&] { return rows_of(file); }), 3);
  fs::permissions(folder, fs::perms(0755));
}

// --- older schemas -----------------------------------------------------------------------------------------
// As the first schema was, with rows of that time: right, wrong with a config that nobody knows any more, not
// compiled, and of a problem that nobody knows. The contents are what that program wrote.
constexpr const char* kSchema1 = R"(
PRAGMA journal_mode = WAL;
CREATE TABLE evaluations (
  id INTEGER PRIMARY KEY,
  problem TEXT NOT NULL, config TEXT NOT NULL, digest TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('measured', 'predicted', 'rejected')),
  median_us REAL, min_us REAL, max_us REAL, spread REAL, samples_us TEXT,
  launches_per_sample INTEGER, l2 TEXT, max_error REAL,
  predicted_us REAL,
  stage TEXT, reason TEXT,
  device TEXT NOT NULL, driver TEXT NOT NULL, nvrtc TEXT NOT NULL, time TEXT NOT NULL,
  content TEXT NOT NULL UNIQUE);
CREATE INDEX evaluations_by_problem ON evaluations (problem, device, config);
CREATE INDEX evaluations_by_device ON evaluations (device, outcome, problem);
CREATE TABLE daemon_progress (
  list TEXT NOT NULL, problem TEXT NOT NULL, device TEXT NOT NULL, budget TEXT NOT NULL, time TEXT NOT NULL,
  PRIMARY KEY (list, problem, device, budget)) WITHOUT ROWID;
INSERT INTO evaluations VALUES
 (1, 'softmax rows=64 columns=64 dtype=bf16', 'warps=2 column_tile=128 tile_order=flat',
  '6e7328b80064f8b8acade8273ccc41f5', 'measured', 3.25, 3.0, 9e999, 0.01, '[3.5,3.25,3.0]', 7, 'warm', 0.5,
  NULL, NULL, NULL, 'NVIDIA H200', '13.0 (580.159.04)', '13.0', '2026-11-27T04:40:18.251Z',
  'e5f0fa5992c5076dadf8b063f0e91836'),
 (2, 'softmax rows=64 columns=64 dtype=bf16', 'warps=2 column_tile=128 walk=flat_as_it_was_called',
  'c7db23799a407d1e6dc19b1aa4d570d5', 'measured', 3.0, 3.0, 3.5, 0.0, '[]', 7, 'warm', 1.5,
  NULL, NULL, NULL, 'NVIDIA H200', '13.0 (580.159.04)', '13.0', '2026-11-27T04:40:19.251Z',
  '3a1310b4ae24c520f1c869556e376295'),
 (3, 'softmax rows=64 columns=64 dtype=bf16', 'warps=4 column_tile=64 tile_order=flat', '', 'rejected',
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'compile', 'an "error", ünicode',
  'NVIDIA H200', '', '', '2026-11-27T04:40:20.251Z', '174daea29a364ca0ef01c54af4397d4b'),
 (4, 'written by a version that nobody knows', 'c', 'd', 'predicted',
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1.5, NULL, NULL,
  'model:sm_90a', '', '13.0', '2026-11-27T04:40:21.251Z', '20198bf381d85a2a46e18bdcead5f060');
INSERT INTO daemon_progress VALUES
 ('list 1', 'softmax rows=64 columns=64 dtype=bf16', 'NVIDIA H200', '60s', '2026-11-27T05:00:00.000Z'),
 ('list 2', 'softmax rows=64 columns=64 dtype=bf16', 'NVIDIA H200', '60s', '2026-11-28T05:00:00.000Z');
PRAGMA application_id = 0x57466462;
PRAGMA user_version = 1;
)";

// What `database export` of that time wrote.
constexpr const char* kExport1 =
    R"_({"problem":"softmax rows=64 columns=64 dtype=bf16",)_"
    R"_("config":"warps=2 column_tile=128 tile_order=flat",)_"
    R"_("digest":"6e7328b80064f8b8acade8273ccc41f5","outcome":"measured","median_us":3.25,"min_us":3.0,)_"
    R"_("max_us":null,"spread":0.01,"samples_us":[3.5,3.25,3.0],"launches_per_sample":7,"l2":"warm",)_"
    R"_("max_error":0.5,"device":"NVIDIA H200","driver":"13.0 (580.159.04)","nvrtc":"13.0",)_"
    R"_("time":"2026-11-27T04:40:18.251Z"})_"
    "\n"
    R"_({"problem":"softmax rows=64 columns=64 dtype=bf16",)_"
    R"_("config":"warps=2 column_tile=128 walk=flat_as_it_was_called",)_"
    R"_("digest":"c7db23799a407d1e6dc19b1aa4d570d5","outcome":"measured","median_us":3.0,"min_us":3.0,)_"
    R"_("max_us":3.5,"spread":0.0,"samples_us":[],"launches_per_sample":7,"l2":"warm","max_error":1.5,)_"
    R"_("device":"NVIDIA H200","driver":"13.0 (580.159.04)","nvrtc":"13.0",)_"
    R"_("time":"2026-11-27T04:40:19.251Z"})_"
    "\n"
    R"_({"problem":"softmax rows=64 columns=64 dtype=bf16",)_"
    R"_("config":"warps=4 column_tile=64 tile_order=flat",)_"
    R"_("digest":"","outcome":"rejected","stage":"compile","reason":"an \"error\", ünicode",)_"
    R"_("device":"NVIDIA H200","driver":"","nvrtc":"","time":"2026-11-27T04:40:20.251Z"})_"
    "\n"
    R"_({"problem":"written by a version that nobody knows","config":"c",)_"
    R"_("digest":"d","outcome":"predicted",)_"
    R"_("predicted_us":1.5,"device":"model:sm_90a","driver":"","nvrtc":"13.0",)_"
    R"_("time":"2026-11-27T04:40:21.251Z"})_"
    "\n";

TEST_F(ConfigFiles, the_first_schema_is_upgraded_and_every_row_stays_the_same_row) {
  ASSERT_EQ(sqlite_says(file_, kSchema1).substr(0, 5), "wal");
  ConfigDatabase database(file_);
  EXPECT_EQ(sqlite_says(file_, "PRAGMA user_version"), "3");
  EXPECT_EQ(database.export_json(), kExport1);
  EXPECT_EQ(database.import_json(kExport1), 0) << "its rows are known from their exports";
  const Best best = database.best(parse_problem(kProblem), {"NVIDIA H200"});
  EXPECT_EQ(best.median_us, 3.25);
  // Finished with what the rows say they were measured with, whichever list it was.
  ConfigDatabase::Task task{kProblem, "", "sm_90a", "NVIDIA H200", "13.0 (580.159.04)", "13.0", "60s"};
  EXPECT_TRUE(database.finished(task));
  task.nvrtc = "13.1";
  EXPECT_FALSE(database.finished(task));
}

TEST_F(ConfigFiles, old_exports_are_still_read) {
  ConfigDatabase database = ConfigDatabase::in_memory();
  EXPECT_EQ(database.import_json(kExport1), 4);
  EXPECT_EQ(database.export_json(), kExport1);
}

TEST_F(ConfigFiles, who_only_reads_an_older_schema_sees_its_rows_and_leaves_it) {
  sqlite_says(file_, kSchema1);
  const std::string before = bytes_of(file_);
  EXPECT_EQ(ConfigDatabase(file_, true).export_json(), kExport1);
  EXPECT_EQ(bytes_of(file_), before);
  EXPECT_EQ(sqlite_says(file_, "PRAGMA user_version"), "1");
}

// Schema 2 differs from today's only in the words of configs.
TEST_F(ConfigFiles, configs_in_former_words_are_written_in_todays) {
  constexpr std::string_view kWas =
      "consumers=2 key_tile=64 k_stages=2 v_stages=2 order=s0 baton=issue reference=r2 tile_order=flat "
      "mask_loop=split blocks=2 settle=none";
  constexpr std::string_view kIs =
      "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=2 order=pv_first pingpong=issue "
      "max_policy=speculative tile_order=flat mask_loop=split ctas_per_sm=2 pin=none";
  const Problem problem = parse_problem("attention_forward q_len=64 head_dim=64 dtype=fp16");
  const Evaluation was = made_up(to_text(problem), std::string(kWas), measured(1));
  const Evaluation is = made_up(to_text(problem), std::string(kIs), measured(1));
  ConfigDatabase(file_).record(was);
  sqlite_says(file_, "PRAGMA user_version = 2");
  const std::string before = bytes_of(file_);
  EXPECT_EQ(ConfigDatabase(file_, true).evaluations(), std::vector{is});
  EXPECT_EQ(bytes_of(file_), before) << "who only reads leaves it";
  ConfigDatabase database(file_);
  EXPECT_EQ(database.evaluations(), std::vector{is});
  EXPECT_EQ(database.import_json(to_line(to_json(was))), 0) << "the same row from a file of that time";
}

TEST_F(ConfigFiles, a_column_that_a_file_does_not_have_yet_is_added) {
  const Evaluation row = made_up(kProblem, "c", measured(1));
  ConfigDatabase(file_).record(row);
  ASSERT_EQ(sqlite_says(file_, "ALTER TABLE evaluations DROP COLUMN provider_version"), "");
  EXPECT_EQ(ConfigDatabase(file_, true).evaluations(), std::vector{row});
  EXPECT_EQ(ConfigDatabase(file_).evaluations(), std::vector{row});
}

// Killed at whatever it was doing: the file is of the one schema or of the other, with all rows.
TEST_F(ConfigFiles, a_killed_upgrade_leaves_the_file_whole) {
  constexpr int kRows = 20000;
  sqlite_says(file_, kSchema1);
  sqlite_says(file_,
              fmt::format("WITH RECURSIVE n (i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
                          " INSERT INTO evaluations (problem, config, digest, outcome, predicted_us,"
                          " device, driver, nvrtc, time, content)"
                          " SELECT 'p' || i % 100, 'c' || i, 'd' || i, 'predicted', i, 'model', '', '',"
                          " 't', 'content' || i FROM n",
                          kRows));
  int killed = 0, round = 0;
  for (; sqlite_says(file_, "PRAGMA user_version") == "1" && round < 100; ++round) {
    const pid_t child = begin([&] { return ConfigDatabase(file_), 0; });
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
    kill(child, SIGKILL);
    killed += end(child) == -SIGKILL ? 1 : 0;
    ASSERT_EQ(sqlite_says(file_, "PRAGMA integrity_check"), "ok");
    ASSERT_EQ(sqlite_says(file_, "SELECT count(*) FROM evaluations"), std::to_string(kRows));
  }
  EXPECT_GT(killed, 0);
  EXPECT_EQ(ConfigDatabase(file_).evaluations().size(), static_cast<size_t>(kRows));
}

}  // namespace
}  // namespace warpfinch
