// Which configs may serve a problem: the same shape's, the nearest ones', another device's. Only measured and
// right rows answer; predicted ones are a ladder of their own, climbed only when the first leads nowhere.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "tuner/config_columns.hpp"
#include "tuner/config_connection.hpp"
#include "tuner/evaluation_json.hpp"
#include "tuner/shape_distance.hpp"

namespace warpfinch {

namespace {

// A right measurement `e` of one of our kernels that counts: no later measurement of that config in the same
// place and regime and no later wrong result, and never a wrong result of the same kernel, whatever its
// config was called: the same text by the same NVRTC, or the same cubin.
constexpr std::string_view kMeasured =
    "e.outcome = 'measured' AND e.cost_us IS NOT NULL AND e.provider = 'generator'"
    " AND NOT EXISTS (SELECT 1 FROM evaluations w WHERE w.problem = e.problem AND w.device = e.device"
    "  AND w.config = e.config AND (w.time, w.content) > (e.time, e.content)"
    "  AND w.sizes = e.sizes AND w.target = e.target AND (w.wrong = 1 OR"
    "   (w.outcome = 'measured' AND w.launch = e.launch AND w.l2 = e.l2 AND w.data = e.data)))"
    " AND NOT EXISTS (SELECT 1 FROM evaluations w WHERE w.digest = e.digest AND w.digest <> ''"
    "  AND w.nvrtc = e.nvrtc AND w.wrong = 1 AND w.problem = e.problem AND w.device = e.device)"
    " AND NOT EXISTS (SELECT 1 FROM evaluations w WHERE w.cubin = e.cubin AND w.cubin <> ''"
    "  AND w.wrong = 1 AND w.problem = e.problem AND w.device = e.device)";
constexpr std::string_view kPredicted = "e.outcome = 'predicted' AND e.cost_us IS NOT NULL";

// The two kinds of answer, and which rows give it.
struct Ladder {
  std::string_view rows;
  bool predicted;
};
constexpr Ladder kLadders[] = {{kMeasured, false}, {kPredicted, true}};

// What is asked of the rows.
struct Question {
  const Problem& problem;
  const Machine& machine;
  const Regime& regime;
};

// The best of a problem's rows whose device is, or is not, the one that asks. Equal times: the smaller text,
// so that every reader of one file chooses the same.
Best best_of(const sqlite::Database& database, const Ladder& ladder, const Question& question,
             const std::string& problem, const std::string& device, bool elsewhere, Lookup how) {
  sqlite::Statement row(
      database,
      fmt::format("SELECT e.config, e.cost_us, {} FROM evaluations e WHERE e.problem = ?1 AND e.device {} ?2"
                  " AND e.target = ?3 AND e.sizes = '' AND (e.outcome <> 'measured' OR"
                  " (e.launch = ?4 AND e.l2 = ?5 AND e.data = ?6)) AND {}"
                  " ORDER BY e.cost_us, e.config, e.device LIMIT 1",
                  machine_column_names("e."), elsewhere ? "<>" : "=", ladder.rows));
  const Regime& regime = question.regime;
  row.bind(problem).bind(device).bind(question.machine.target);
  row.bind(regime.launch).bind(regime.l2).bind(regime.data);
  if (!row.step()) return {};
  const Machine machine = read_machine(row, 2);
  return {.how = how,
          .problem = problem,
          .config = row.text(0),
          .device = machine.device,
          .median_us = row.number(1),
          .predicted = ladder.predicted,
          .differences = how == Lookup::other_device ? "" : differences(question.machine, machine)};
}

// A row's problem; nothing where this version cannot read it, which is then near to nothing.
std::optional<Problem> read_problem(const std::string& text) {
  try {
    return parse_problem(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// All pairs of problem and device. Each is found by one step in the index, over all rows of the one before
// it.
constexpr const char* kPlaces =
    "WITH RECURSIVE problems (problem) AS ("
    "  SELECT min(problem) FROM evaluations UNION ALL"
    "  SELECT (SELECT min(e.problem) FROM evaluations e WHERE e.problem > problems.problem)"
    "  FROM problems WHERE problem IS NOT NULL),"
    " places (problem, device) AS ("
    "  SELECT problem, (SELECT min(e.device) FROM evaluations e WHERE e.problem = problems.problem)"
    "  FROM problems WHERE problem IS NOT NULL UNION ALL"
    "  SELECT problem, (SELECT min(e.device) FROM evaluations e"
    "   WHERE e.problem = places.problem AND e.device > places.device)"
    "  FROM places WHERE device IS NOT NULL)"
    " SELECT problem, device FROM places WHERE device IS NOT NULL";

struct Place {
  double distance;
  std::string problem, device;
  auto operator<=>(const Place&) const = default;
};

// Every other problem and device with rows that the config could come from, nearest first.
std::vector<Place> places(const sqlite::Database& database, const Problem& problem) {
  const std::string own = to_text(problem);
  sqlite::Statement statement(database, kPlaces);
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
std::vector<Best> nearest(const sqlite::Database& database, const Ladder& ladder, const Question& question,
                          const std::vector<Place>& places, bool elsewhere, size_t count) {
  std::vector<Best> found;
  for (const Place& place : places) {
    if (found.size() == count) break;
    if ((place.device != question.machine.device) != elsewhere) continue;
    Best best = best_of(database, ladder, question, place.problem, place.device, false,
                        elsewhere ? Lookup::other_device : Lookup::near_shape);
    if (best.how == Lookup::none) continue;
    best.distance = place.distance;
    found.push_back(std::move(best));
  }
  return found;
}

std::vector<Best> climb(const sqlite::Database& database, const Ladder& ladder, const Question& question,
                        size_t shapes) {
  const std::string text = to_text(question.problem), &device = question.machine.device;
  const std::vector<Place> others = shapes > 0 ? places(database, question.problem) : std::vector<Place>();
  std::vector<Best> found{best_of(database, ladder, question, text, device, false, Lookup::exact)};
  const auto add = [&](const std::vector<Best>& more) {
    found.insert(found.end(), more.begin(), more.end());
  };
  add(nearest(database, ladder, question, others, false, shapes));
  found.push_back(best_of(database, ladder, question, text, device, true, Lookup::other_device));
  add(nearest(database, ladder, question, others, true, shapes));
  std::erase_if(found, [](const Best& best) { return best.how == Lookup::none; });
  return found;
}

// The best row of each problem, sizes, device, target and regime. Of equal ones the latest is told.
std::vector<Evaluation> best_rows(const sqlite::Database& database, const Ladder& ladder) {
  sqlite::Statement statement(
      database,
      fmt::format("SELECT {} FROM evaluations WHERE id IN (SELECT id FROM (SELECT e.id, row_number() OVER"
                  " (PARTITION BY e.problem, e.device, e.sizes, e.target, e.launch, e.l2, e.data"
                  "  ORDER BY e.cost_us, e.config, e.time DESC, e.content) AS place"
                  " FROM evaluations e WHERE {}) AS ranked WHERE place = 1)"
                  " ORDER BY problem, device, sizes, target, launch, l2, data",
                  column_names(), ladder.rows));
  std::vector<Evaluation> rows;
  while (statement.step()) rows.push_back(read_evaluation(statement));
  return rows;
}

Best line_of(const Evaluation& row, bool predicted) {
  return {.how = Lookup::exact,
          .problem = row.problem,
          .config = row.config,
          .device = row.device,
          .median_us = cost_us(row),
          .predicted = predicted};
}

}  // namespace

std::vector<Best> ConfigDatabase::answers(const Problem& problem, const Machine& machine, size_t shapes,
                                          const Regime& regime) const {
  const std::lock_guard lock(connection_->mutex);
  return climb(*connection_->database, kLadders[0], {problem, machine, regime}, shapes);
}

Best ConfigDatabase::best(const Problem& problem, const Machine& machine, bool allow_predicted) const {
  const std::lock_guard lock(connection_->mutex);
  const Regime regime;
  for (const Ladder& ladder : kLadders) {
    if (ladder.predicted && !allow_predicted) break;
    const std::vector<Best> found = climb(*connection_->database, ladder, {problem, machine, regime}, 1);
    if (!found.empty()) return found.front();
  }
  return {};
}

std::vector<Best> ConfigDatabase::list() const {
  const std::lock_guard lock(connection_->mutex);
  // By problem and device; what was measured keeps out what was predicted.
  std::map<std::pair<std::string, std::string>, std::vector<Best>> lines;
  for (const Ladder& ladder : kLadders)
    for (const Evaluation& row : best_rows(*connection_->database, ladder)) {
      std::vector<Best>& known = lines[{row.problem, row.device}];
      if (known.empty() || known.front().predicted == ladder.predicted)
        known.push_back(line_of(row, ladder.predicted));
    }
  std::vector<Best> all;
  for (auto& [place, found] : lines) all.insert(all.end(), found.begin(), found.end());
  return all;
}

std::string ConfigDatabase::export_best(const std::string& problem) const {
  const std::lock_guard lock(connection_->mutex);
  std::string text;
  for (const Evaluation& row : best_rows(*connection_->database, kLadders[0]))
    if (problem.empty() || row.problem == problem) text += to_line(to_json(row)) + "\n";
  return text;
}

}  // namespace warpfinch
