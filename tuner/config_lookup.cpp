// Which configs may serve a problem: the same shape's, the nearest ones', another device's. Only measured and
// right rows answer; predicted ones are a ladder of their own, climbed only when the first leads nowhere.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "tuner/config_connection.hpp"
#include "tuner/shape_distance.hpp"

namespace warpfinch {

namespace {

// A right measurement `e` that counts: no later measurement of that config on that device, and never a wrong
// result of the same source.
constexpr std::string_view kMeasured =
    "e.outcome = 'measured' AND e.max_error <= 1 AND e.median_us > 0 AND e.median_us < 9e999"
    " AND NOT EXISTS (SELECT 1 FROM evaluations w WHERE w.problem = e.problem AND w.device = e.device"
    " AND w.config = e.config AND ("
    "  ((w.outcome = 'measured' OR w.stage = 'correctness') AND (w.time, w.id) > (e.time, e.id)) OR"
    "  (w.digest = e.digest AND (w.stage = 'correctness'"
    "   OR (w.outcome = 'measured' AND coalesce(w.max_error <= 1, 0) = 0)))))";
constexpr std::string_view kPredicted =
    "e.outcome = 'predicted' AND e.predicted_us > 0 AND e.predicted_us < 9e999";

// One kind of answer: which rows, and which of their columns is the time.
struct Ladder {
  std::string_view rows, time;
  bool predicted;
};
constexpr Ladder kLadders[] = {{kMeasured, "e.median_us", false}, {kPredicted, "e.predicted_us", true}};

// Equal times: the smaller text, so that every reader of one file chooses the same.
std::string select_best(const Ladder& ladder, std::string_view where) {
  return fmt::format(
      "SELECT e.problem, e.config, e.device, {} FROM evaluations e WHERE {} AND {} ORDER BY {}, "
      "e.config, e.device LIMIT 1",
      ladder.time, where, ladder.rows, ladder.time);
}

Best read_best(sqlite::Statement& statement, Lookup how, bool predicted) {
  if (!statement.step()) return {};
  return {how, statement.text(0), statement.text(1), statement.text(2), statement.number(3), predicted, 0};
}

Best best_on(const sqlite::Database& database, const Ladder& ladder, const std::string& problem,
             const std::string& device, Lookup how) {
  sqlite::Statement statement(database, select_best(ladder, "e.problem = ? AND e.device = ?"));
  return read_best(statement.bind(problem).bind(device), how, ladder.predicted);
}

Best best_elsewhere(const sqlite::Database& database, const Ladder& ladder, const std::string& problem,
                    const std::string& device) {
  sqlite::Statement statement(database, select_best(ladder, "e.problem = ? AND e.device <> ?"));
  return read_best(statement.bind(problem).bind(device), Lookup::other_device, ladder.predicted);
}

// A row's problem; nothing where this version cannot read it, which is then near to nothing.
std::optional<Problem> read_problem(const std::string& text) {
  try {
    return parse_problem(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

struct Place {
  double distance;
  std::string problem, device;
  auto operator<=>(const Place&) const = default;
};

// Every other problem and device with rows that the config could come from, nearest first.
std::vector<Place> places(const sqlite::Database& database, const Problem& problem) {
  const std::string own = to_text(problem);
  sqlite::Statement statement(database,
                              "SELECT DISTINCT problem, device FROM evaluations WHERE outcome <> 'rejected'");
  std::vector<Place> found;
  while (statement.step()) {
    const std::string text = statement.text(0);
    if (text == own) continue;
    const std::optional<Problem> other = read_problem(text);
    const double distance = other ? shape_distance(problem, *other) : std::numeric_limits<double>::infinity();
    if (std::isfinite(distance)) found.push_back({distance, text, statement.text(1)});
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The best of each of the `count` nearest shapes, on this device or on others.
std::vector<Best> nearest(const sqlite::Database& database, const Ladder& ladder,
                          const std::vector<Place>& places, const std::string& device, bool elsewhere,
                          size_t count) {
  std::vector<Best> found;
  for (const Place& place : places) {
    if (found.size() == count) break;
    if ((place.device != device) != elsewhere) continue;
    Best best = best_on(database, ladder, place.problem, place.device,
                        elsewhere ? Lookup::other_device : Lookup::near_shape);
    if (best.how == Lookup::none) continue;
    best.distance = place.distance;
    found.push_back(std::move(best));
  }
  return found;
}

std::vector<Best> climb(const sqlite::Database& database, const Ladder& ladder, const Problem& problem,
                        const std::string& device, size_t shapes) {
  const std::string text = to_text(problem);
  const std::vector<Place> others = shapes > 0 ? places(database, problem) : std::vector<Place>();
  std::vector<Best> found{best_on(database, ladder, text, device, Lookup::exact)};
  const auto add = [&](const std::vector<Best>& more) {
    found.insert(found.end(), more.begin(), more.end());
  };
  add(nearest(database, ladder, others, device, false, shapes));
  found.push_back(best_elsewhere(database, ladder, text, device));
  add(nearest(database, ladder, others, device, true, shapes));
  std::erase_if(found, [](const Best& best) { return best.how == Lookup::none; });
  return found;
}

}  // namespace

std::vector<Best> ConfigDatabase::answers(const Problem& problem, const std::string& device,
                                          size_t shapes) const {
  const std::lock_guard lock(connection_->mutex);
  return climb(*connection_->database, kLadders[0], problem, device, shapes);
}

Best ConfigDatabase::best(const Problem& problem, const std::string& device, bool allow_predicted) const {
  const std::lock_guard lock(connection_->mutex);
  for (const Ladder& ladder : kLadders) {
    if (ladder.predicted && !allow_predicted) break;
    const std::vector<Best> found = climb(*connection_->database, ladder, problem, device, 1);
    if (!found.empty()) return found.front();
  }
  return {};
}

std::vector<Best> ConfigDatabase::list() const {
  const std::lock_guard lock(connection_->mutex);
  const sqlite::Database& database = *connection_->database;
  sqlite::Statement statement(database,
                              "SELECT DISTINCT problem, device FROM evaluations ORDER BY problem, device");
  std::vector<Best> lines;
  while (statement.step()) {
    for (const Ladder& ladder : kLadders) {
      Best best = best_on(database, ladder, statement.text(0), statement.text(1), Lookup::exact);
      if (best.how == Lookup::none) continue;
      lines.push_back(std::move(best));
      break;
    }
  }
  return lines;
}

}  // namespace warpfinch
