// Which config a problem gets: the same shape, else the nearest one, else another device's. Only measured and
// right rows answer; predicted ones are a ladder of their own, climbed only when the first leads nowhere.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "tuner/config_connection.hpp"

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
  return {how, statement.text(0), statement.text(1), statement.text(2), statement.number(3), predicted};
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

// What must be equal for a config to carry over, and the sizes by which shapes are near or far.
struct Shape {
  std::string kind;
  std::vector<int64_t> sizes;
};

Shape shape(const Problem& problem) {
  const std::string name(operation(problem));
  if (const auto* a = attention(problem))
    return {fmt::format("{} {} {} {} {} {} {}", name, to_text(a->dtype), a->head_dim, a->value_dim,
                        value_to_text(a->mask), a->window_left >= 0, a->window_right >= 0),
            {a->batch, a->q_heads, a->kv_heads, a->q_len, a->kv_len}};
  if (const auto* g = std::get_if<Gemm>(&problem))
    return {fmt::format("{} {} {} {}", name, to_text(g->dtype), to_text(g->output), value_to_text(g->layout)),
            {g->batch, g->m, g->n, g->k}};
  const auto& s = std::get<Softmax>(problem);
  return {fmt::format("{} {} {}", name, to_text(s.dtype), value_to_text(s.mask)),
          {s.batch, s.rows, s.columns}};
}

// Octaves between two shapes, summed over their sizes; infinity where a config does not carry over.
double distance(const Shape& a, const Shape& b) {
  if (a.kind != b.kind) return std::numeric_limits<double>::infinity();
  double octaves = 0;
  for (size_t i = 0; i < a.sizes.size(); ++i)
    octaves += std::abs(std::log2(static_cast<double>(a.sizes[i]) / static_cast<double>(b.sizes[i])));
  return octaves;
}

// The shape of a row's problem; one that this version cannot read is near to nothing.
Shape shape_of_text(const std::string& text) {
  try {
    return shape(parse_problem(text));
  } catch (const Error&) {
    return {};
  }
}

Best best_near(const sqlite::Database& database, const Ladder& ladder, const Problem& problem,
               const std::string& device) {
  const Shape wanted = shape(problem);
  sqlite::Statement statement(
      database,
      fmt::format("SELECT DISTINCT e.problem FROM evaluations e WHERE e.device = ? AND {} ORDER BY e.problem",
                  ladder.rows));
  double nearest = std::numeric_limits<double>::infinity();
  std::string found;
  for (statement.bind(device); statement.step();) {
    const double far = distance(wanted, shape_of_text(statement.text(0)));
    if (far < nearest) nearest = far, found = statement.text(0);
  }
  return found.empty() ? Best{} : best_on(database, ladder, found, device, Lookup::near_shape);
}

Best climb(const sqlite::Database& database, const Ladder& ladder, const Problem& problem,
           const std::string& device) {
  const std::string text = to_text(problem);
  Best best = best_on(database, ladder, text, device, Lookup::exact);
  if (best.how == Lookup::none) best = best_near(database, ladder, problem, device);
  if (best.how == Lookup::none) best = best_elsewhere(database, ladder, text, device);
  return best;
}

}  // namespace

Best ConfigDatabase::best(const Problem& problem, const std::string& device, bool allow_predicted) const {
  const std::lock_guard lock(connection_->mutex);
  for (const Ladder& ladder : kLadders) {
    if (ladder.predicted && !allow_predicted) break;
    const Best best = climb(*connection_->database, ladder, problem, device);
    if (best.how != Lookup::none) return best;
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
