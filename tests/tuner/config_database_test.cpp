// The config database: nothing is lost, nothing wrong is best, and a file that is not ours stays as it is.
#include "tuner/config_database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

#include "tests/runtime/environment_value.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"

namespace warpfinch {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kProblem = to_text(parse_problem("gemm m=4096 n=4096 k=4096"));

class Databases : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "configs.db";
};

std::string bytes_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

// The error of opening (and, when that works, of recording); "none" when there is none.
std::string complaint(const std::filesystem::path& file, ErrorKind kind, bool read_only = false) {
  try {
    ConfigDatabase database(file, read_only);
    database.record(made_up(kProblem, "c", measured(1)));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, kind) << error.what();
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  return "none";
}

void execute(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

// --- rows ------------------------------------------------------------------------------------------------
TEST_F(Databases, rows_come_back_as_they_went_in) {
  const std::vector<Evaluation> rows{
      made_up(kProblem, "c1", measured(12.5)), made_up(kProblem, "c2", Prediction{3.25}, "model:sm_90a"),
      made_up(kProblem, "c3", Rejection{"verify", "needs 241 KB, 'quoted', ünicode"})};
  { ConfigDatabase(file_).record(rows); }
  const ConfigDatabase database(file_);
  EXPECT_EQ(database.evaluations(), rows);
  EXPECT_EQ(database.evaluations(kProblem), rows);
  EXPECT_TRUE(database.evaluations("softmax").empty());
}

TEST_F(Databases, a_row_recorded_twice_stands_once) {
  ConfigDatabase database(file_);
  const Evaluation row = made_up(kProblem, "c1", measured(12.5));
  database.record(row);
  database.record(row);
  EXPECT_EQ(database.evaluations().size(), 1U);
}

Evaluation arbitrary_evaluation() {
  const auto word = [] { return "w" + std::to_string(*rc::gen::inRange(0, 5)); };
  const double us = *rc::gen::inRange(1, 1000) / 7.0;
  std::variant<Measurement, Prediction, Rejection> outcome = Prediction{us};
  if (const int kind = *rc::gen::inRange(0, 3); kind == 0)
    outcome = measured(us, *rc::gen::inRange(0, 20) / 10.0);
  else if (kind == 1)
    outcome = Rejection{word(), *rc::gen::string<std::string>()};
  // JSON carries text only as UTF-8; whatever else a reason held is replaced on the way out.
  if (auto* rejection = std::get_if<Rejection>(&outcome))
    for (char& c : rejection->reason) c = static_cast<char>(c & 0x7f);
  return made_up(word(), word(), outcome, word(), word(), word());
}

RC_GTEST_PROP(DatabaseExchange, import_of_an_export_is_the_same_database, ()) {
  const TemporaryFolder folder;
  ConfigDatabase here(folder.path() / "here.db"), there(folder.path() / "there.db");
  std::vector<Evaluation> made;
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i) made.push_back(arbitrary_evaluation());
  here.record(made);
  const auto rows = here.evaluations();
  RC_ASSERT(there.import_json(here.export_json()) == static_cast<int>(rows.size()));
  RC_ASSERT(there.evaluations() == rows);
  RC_ASSERT(there.import_json(here.export_json()) == 0);
  RC_ASSERT(here.import_json(there.export_json()) == 0);
}

TEST_F(Databases, a_bad_line_is_named_and_nothing_is_imported) {
  ConfigDatabase database(file_);
  database.record(made_up(kProblem, "c1", measured(1)));
  const std::string good = database.export_json();
  ConfigDatabase other(folder_.path() / "other.db");
  const auto message = [&](const std::string& text) -> std::string {
    try {
      other.import_json(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::input);
      return error.what();
    }
    return "none";
  };
  EXPECT_THAT(message(good + "{\"problem\": "), AllOf(HasSubstr("line 2"), HasSubstr("not JSON")));
  EXPECT_THAT(message("[1]\n"), AllOf(HasSubstr("line 1"), HasSubstr("object")));
  EXPECT_THAT(message("\n" + good + "{}"), AllOf(HasSubstr("line 3"), HasSubstr("'problem' is missing")));
  std::string odd = good;
  odd.replace(odd.find("measured"), 8, "imagined");
  EXPECT_THAT(message(odd), HasSubstr("imagined"));
  std::string text_time = good;
  text_time.replace(text_time.find("\"median_us\":1.0"), 15, "\"median_us\":\"1\"");
  EXPECT_THAT(message(text_time), HasSubstr("median_us"));
  EXPECT_TRUE(other.evaluations().empty());
}

TEST_F(Databases, numbers_that_are_not_finite_are_never_right_again) {
  ConfigDatabase database(file_);
  const double infinite = std::numeric_limits<double>::infinity();
  database.record(made_up(kProblem, "nan", measured(1, std::nan(""))));
  database.record(made_up(kProblem, "infinite", measured(2, infinite)));
  database.record(made_up(kProblem, "never", measured(infinite)));
  database.record(made_up(kProblem, "negative", measured(-1)));
  ConfigDatabase other(folder_.path() / "other.db");
  EXPECT_EQ(other.import_json(database.export_json()), 4);  // null in JSON
  EXPECT_EQ(other.best(parse_problem(kProblem), {"GPU A"}, true).how, Lookup::none);
  EXPECT_EQ(database.best(parse_problem(kProblem), {"GPU A"}, true).how, Lookup::none);
}

// --- best ------------------------------------------------------------------------------------------------
RC_GTEST_PROP(DatabaseBest, never_wrong_rejected_or_predicted, ()) {
  const TemporaryFolder folder;
  ConfigDatabase database(folder.path() / "configs.db");
  std::vector<Evaluation> rows;
  for (int i = *rc::gen::inRange(0, 8); i > 0; --i) {
    rows.push_back(arbitrary_evaluation());
    rows.back().problem = kProblem;
  }
  database.record(rows);
  const Best best = database.best(parse_problem(kProblem), {"w0"});
  if (best.how == Lookup::none) {
    for (const Evaluation& row : rows)
      if (std::holds_alternative<Measurement>(row.outcome)) RC_CLASSIFY(true, "only wrong or superseded");
    return;
  }
  RC_ASSERT(!best.predicted);
  bool measured_right = false;
  for (const Evaluation& row : rows) {
    if (row.config != best.config || row.device != best.device) continue;
    const auto* m = std::get_if<Measurement>(&row.outcome);
    measured_right = measured_right || (m && m->max_error <= 1 && m->median_us == best.median_us);
  }
  RC_ASSERT(measured_right);
}

TEST_F(Databases, the_fastest_right_measurement_is_best) {
  ConfigDatabase database(file_);
  database.record({made_up(kProblem, "slow", measured(20)), made_up(kProblem, "fast", measured(10)),
                   made_up(kProblem, "wrong", measured(5, 1.5)), made_up(kProblem, "dreamt", Prediction{1}),
                   made_up(kProblem, "refused", Rejection{"correctness", "3 times the bound"})});
  const Best best = database.best(parse_problem(kProblem), {"GPU A"});
  EXPECT_EQ(best.how, Lookup::exact);
  EXPECT_EQ(best.config, "fast");
  EXPECT_EQ(best.median_us, 10);
  EXPECT_FALSE(best.predicted);
}

TEST_F(Databases, the_latest_measurement_of_a_config_counts) {
  ConfigDatabase database(file_);
  database.record(made_up(kProblem, "lucky", measured(5), "GPU A", "d1", "2026-01-02"));
  database.record(made_up(kProblem, "steady", measured(8), "GPU A", "d2", "2026-01-03"));
  EXPECT_EQ(database.best(parse_problem(kProblem), {"GPU A"}).config, "lucky");
  database.record(made_up(kProblem, "lucky", measured(9), "GPU A", "d1", "2026-01-04"));
  EXPECT_EQ(database.best(parse_problem(kProblem), {"GPU A"}).config, "steady");
  // An import of old rows changes nothing: their time counts, not when they came in.
  database.record(made_up(kProblem, "lucky", measured(1), "GPU A", "d1", "2026-01-01"));
  EXPECT_EQ(database.best(parse_problem(kProblem), {"GPU A"}).config, "steady");
}

TEST_F(Databases, a_source_that_was_ever_wrong_is_never_best_again) {
  ConfigDatabase database(file_);
  database.record(made_up(kProblem, "race", Rejection{"correctness", "x"}, "GPU A", "d1", "2026-01-01"));
  database.record(made_up(kProblem, "race", measured(5), "GPU A", "d1", "2026-01-02"));
  EXPECT_EQ(database.best(parse_problem(kProblem), {"GPU A"}).how, Lookup::none);
  database.record(made_up(kProblem, "race", measured(6), "GPU A", "repaired", "2026-01-03"));
  EXPECT_EQ(database.best(parse_problem(kProblem), {"GPU A"}).median_us, 6);
}

TEST_F(Databases, the_nearest_shape_answers_where_the_shape_is_new) {
  ConfigDatabase database(file_);
  const auto attention = [](int batch, int length, const std::string& rest) {
    return to_text(
        parse_problem(fmt::format("attention_forward batch={} q_heads=16 q_len={} {}", batch, length, rest)));
  };
  const std::string kind = "head_dim=128 dtype=bf16 mask=causal";
  database.record(
      {made_up(attention(1, 1024, kind), "near", measured(50)),
       made_up(attention(1, 16384, kind), "far", measured(1)),
       made_up(attention(1, 2048, "head_dim=64 dtype=bf16 mask=causal"), "other head_dim", measured(1)),
       made_up(attention(1, 2048, "head_dim=128 dtype=bf16 mask=none"), "other mask", measured(1)),
       made_up(attention(1, 2048, kind), "wrong", measured(1, 2)),
       made_up("written by a later version", "odd", measured(1)),
       made_up(attention(1, 2048, kind), "elsewhere", measured(1), "GPU B")});
  const Best best = database.best(parse_problem(attention(1, 2048, kind)), {"GPU A"});
  EXPECT_EQ(best.how, Lookup::near_shape);
  EXPECT_EQ(best.config, "near");
  EXPECT_EQ(best.problem, attention(1, 1024, kind));
}

TEST_F(Databases, another_device_answers_last) {
  ConfigDatabase database(file_);
  database.record(made_up(kProblem, "c", measured(7), "GPU B"));
  const Best best = database.best(parse_problem(kProblem), {"GPU A"});
  EXPECT_EQ(best.how, Lookup::other_device);
  EXPECT_EQ(best.device, "GPU B");
  EXPECT_EQ(database.best(parse_problem("softmax rows=8 columns=8"), {"GPU A"}).how, Lookup::none);
}

TEST_F(Databases, predictions_answer_only_when_allowed_and_nothing_was_measured) {
  ConfigDatabase database(file_);
  database.record(made_up(kProblem, "dreamt", Prediction{1}, "model:sm_90a"));
  EXPECT_EQ(database.best(parse_problem(kProblem), {"model:sm_90a"}).how, Lookup::none);
  const Best predicted = database.best(parse_problem(kProblem), {"model:sm_90a"}, true);
  EXPECT_EQ(predicted.config, "dreamt");
  EXPECT_TRUE(predicted.predicted);
  database.record(made_up(kProblem, "real", measured(100), "GPU B"));
  EXPECT_EQ(database.best(parse_problem(kProblem), {"model:sm_90a"}, true).config, "real");
}

TEST_F(Databases, list_has_one_line_per_problem_and_device) {
  ConfigDatabase database(file_);
  database.record({made_up(kProblem, "a", measured(3)), made_up(kProblem, "b", measured(2)),
                   made_up(kProblem, "c", measured(9), "GPU B"), made_up(kProblem, "d", Prediction{1}),
                   made_up(kProblem, "e", Prediction{4}, "model:sm_90a"),
                   made_up(kProblem, "f", Rejection{"crash", "x"}, "GPU C")});
  const auto lines = database.list();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].config, "b");
  EXPECT_EQ(lines[1].config, "c");
  EXPECT_EQ(lines[2].config, "e");
  EXPECT_TRUE(lines[2].predicted);
}

TEST_F(Databases, exporting_the_best_leaves_one_row_per_problem_and_device) {
  ConfigDatabase database(file_);
  database.record({made_up(kProblem, "slow", measured(9)), made_up(kProblem, "fast", measured(3)),
                   made_up(kProblem, "wrong", measured(1, 2)),
                   made_up(kProblem, "else", measured(7), "GPU B"),
                   made_up(kProblem, "dreamt", Prediction{1}, "model:sm_90a")});
  ConfigDatabase other = ConfigDatabase::in_memory();
  EXPECT_EQ(other.import_json(database.export_best()), 2);
  EXPECT_EQ(other.best(parse_problem(kProblem), {"GPU A"}).config, "fast");
  EXPECT_EQ(other.best(parse_problem(kProblem), {"GPU B"}).config, "else");
  EXPECT_EQ(database.export_best("softmax rows=1 columns=1 dtype=bf16"), "");
}

TEST_F(Databases, find_prefers_wrong_over_times_over_rejections) {
  ConfigDatabase database(file_);
  const Evaluation like = made_up(kProblem, "", Prediction{}, "GPU A", "d");
  EXPECT_FALSE(database.find(like));
  database.record(made_up(kProblem, "c", measured(3), "GPU A", "d", "2026-01-01"));
  database.record(made_up(kProblem, "c", Rejection{"time limit", "x"}, "GPU A", "d", "2026-01-02"));
  EXPECT_EQ(cost_us(*database.find(like)), 3);
  EXPECT_FALSE(database.find(made_up(kProblem, "", Prediction{}, "GPU B", "d")));
  database.record(made_up(kProblem, "c", Rejection{"correctness", "x"}, "GPU A", "d", "2025-01-01"));
  EXPECT_TRUE(std::isinf(cost_us(*database.find(like))));
}

// --- files that are not ours, disks that are full ----------------------------------------------------------
TEST_F(Databases, a_newer_schema_is_refused_and_left_alone) {
  { ConfigDatabase(file_).record(made_up(kProblem, "c", measured(1))); }
  execute(file_, "PRAGMA user_version = 99");
  const std::string before = bytes_of(file_);
  EXPECT_THAT(complaint(file_, ErrorKind::input), AllOf(HasSubstr("schema 99"), HasSubstr(file_.string())));
  EXPECT_THAT(complaint(file_, ErrorKind::input, true), HasSubstr("schema 99"));
  EXPECT_EQ(bytes_of(file_), before);
}

TEST_F(Databases, another_programs_database_is_refused_and_left_alone) {
  execute(file_, "PRAGMA user_version = 1; CREATE TABLE evaluations (theirs)");
  const std::string before = bytes_of(file_);
  EXPECT_THAT(complaint(file_, ErrorKind::input), HasSubstr("another program"));
  EXPECT_EQ(bytes_of(file_), before);
  const auto plain = folder_.path() / "plain.db";
  execute(plain, "CREATE TABLE theirs (x)");  // version and application id 0
  EXPECT_THAT(complaint(plain, ErrorKind::input), HasSubstr("another program"));
}

TEST_F(Databases, what_is_no_database_is_refused_and_left_alone) {
  for (const std::string& text : {std::string("problem,config\n"), std::string(5000, 'x')}) {
    std::ofstream(file_) << text;
    EXPECT_THAT(complaint(file_, ErrorKind::input), HasSubstr("not a SQLite database"));
    EXPECT_EQ(bytes_of(file_), text);
  }
  EXPECT_THAT(complaint(folder_.path(), ErrorKind::input), HasSubstr("directory"));
}

TEST_F(Databases, a_damaged_database_is_an_error_of_one_line) {
  { ConfigDatabase(file_).record(made_up(kProblem, "c", measured(1))); }
  std::string bytes = bytes_of(file_);
  for (size_t i = 100; i < bytes.size(); ++i) bytes[i] = 'x';
  std::ofstream(file_, std::ios::binary) << bytes;
  EXPECT_THAT(complaint(file_, ErrorKind::input), HasSubstr("damaged"));
}

TEST_F(Databases, a_place_where_nothing_can_be_made_is_an_error_of_the_environment) {
  EXPECT_THAT(complaint("/proc/warpfinch/configs.db", ErrorKind::environment), HasSubstr("/proc/warpfinch"));
  EXPECT_THAT(complaint("/proc/configs.db", ErrorKind::environment), HasSubstr("/proc/configs.db"));
  EXPECT_THAT(complaint(folder_.path() / "missing.db", ErrorKind::input, true), HasSubstr("no such file"));
}

TEST_F(Databases, a_read_only_file_is_read_but_not_written) {
  { ConfigDatabase(file_).record(made_up(kProblem, "c", measured(1))); }
  EXPECT_THAT(complaint(file_, ErrorKind::environment, true), HasSubstr("cannot be written"));
  EXPECT_EQ(ConfigDatabase(file_, true).best(parse_problem(kProblem), {"GPU A"}).config, "c");
}

// A child, so that its limit on the size of files stays its own. The file system refuses to grow the file, as
// a full disk does.
TEST_F(Databases, a_disk_without_room_loses_no_row_that_was_recorded) {
  { ConfigDatabase(file_).record(made_up(kProblem, "first", measured(1))); }
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{60000, 60000};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      ConfigDatabase database(file_);
      for (int i = 0; i < 1000; ++i)
        database.record(made_up(kProblem, std::string(1000, 'x'), measured(2 + i)));
    } catch (const Error& error) {
      const bool one_line = std::string(error.what()).find('\n') == std::string::npos;
      _exit(error.kind == ErrorKind::environment && one_line ? 42 : 1);
    }
    _exit(2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  ConfigDatabase database(file_);
  EXPECT_EQ(database.best(parse_problem(kProblem), {"GPU A"}).config, "first");
  database.record(made_up(kProblem, "after", measured(0.5)));
  EXPECT_EQ(database.best(parse_problem(kProblem), {"GPU A"}).config, "after");
}

TEST_F(Databases, a_killed_process_loses_no_row_that_was_recorded) {
  const pid_t child = fork();
  if (child == 0) {
    ConfigDatabase database(file_);
    for (int i = 0; i < 20; ++i) database.record(made_up(kProblem, std::to_string(i), measured(1 + i)));
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(ConfigDatabase(file_).evaluations().size(), 20U);
}

TEST_F(Databases, several_connections_create_and_fill_one_file_together) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      ConfigDatabase database(file_);
      for (int i = 0; i < 10; ++i)
        database.record(made_up(kProblem, fmt::format("{} {}", t, i), measured(1 + i)));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ConfigDatabase(file_).evaluations().size(), 40U);
}

TEST_F(Databases, what_the_daemon_finished_is_remembered) {
  const ConfigDatabase::Task task{kProblem, "", "sm_90a", "GPU A", "13.0", "13.0", "60s"};
  {
    ConfigDatabase database(file_);
    EXPECT_FALSE(database.finished(task));
    database.set_finished(task);
    database.set_finished(task);
  }
  const ConfigDatabase database(file_);
  EXPECT_TRUE(database.finished(task));
  EXPECT_FALSE(database.finished({kProblem, "", "sm_90a", "GPU A", "13.0", "13.0", "61s"}));
  EXPECT_FALSE(database.finished({kProblem, "", "sm_90a", "GPU A", "13.0", "", "60s"}));
}

TEST(DatabaseDefault, follows_xdg_then_home) {
  const EnvironmentValue xdg("XDG_DATA_HOME", "/somewhere"), home("HOME", "/home/finch");
  EXPECT_EQ(ConfigDatabase::default_file(), "/somewhere/warpfinch/configs.db");
  for (const char* not_absolute : {static_cast<const char*>(nullptr), "", "data"}) {
    const EnvironmentValue no_xdg("XDG_DATA_HOME", not_absolute);
    EXPECT_EQ(ConfigDatabase::default_file(), "/home/finch/.local/share/warpfinch/configs.db");
    const EnvironmentValue no_home("HOME", not_absolute);
    EXPECT_EQ(ConfigDatabase::default_file(), "");
  }
}

}  // namespace
}  // namespace warpfinch
