#include "generator/lower/balance.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "generator/ir/ops.hpp"
#include "generator/lower/tensors.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

// --- costs -----------------------------------------------------------------------------------------------
using Values = std::vector<std::pair<std::string, Expr>>;

// A bound names axes and lets, whose values are here. It may also name the second try or the warpgroup; their
// first, number 0, stands for all of them.
int64_t value_of(Expr expr, const Values& values) {
  for (size_t i = values.size(); i-- > 0;) expr = substitute(expr, values[i].first, values[i].second);
  std::set<std::string> unknown;
  collect_names(expr, unknown);
  for (const std::string& name : unknown) expr = substitute(expr, name, 0);
  return value(expr);
}

int64_t loaded_bytes(const Program& program, const Op& load) {
  const Tensor& tile = *find(program, load.operands[0].space, load.operands[0].name);
  int64_t bytes = size_of(tile.type);
  for (const Expr& extent : tile.shape) bytes *= value(extent);
  return bytes;
}

int64_t cost_of(const Program& program, const std::vector<Op>& body, Values values) {
  int64_t cost = 0;
  for (const Op& op : body) {
    if (op.name == "load") cost += loaded_bytes(program, op);
    if (op.name == "let") values.emplace_back(op.ranges[0].name, Expr(value_of(op.operands[0].expr, values)));
    int64_t trips = 1;
    if (op.name == "for") {
      const Range& range = op.ranges[0];
      const int64_t length = value_of(range.end, values) - value_of(range.begin, values);
      trips = std::max<int64_t>(0, (length + value(range.step) - 1) / value(range.step));
    }
    cost += trips * cost_of(program, op.body, values);
  }
  return cost;
}

// The names that decide how often loops run.
void collect_deciding(const std::vector<Op>& body, std::set<std::string>& names) {
  for (const Op& op : body) {
    if (op.name == "let") collect_names(op.operands[0].expr, names);
    if (op.name == "for")
      for (const Expr* bound : {&op.ranges[0].begin, &op.ranges[0].end}) collect_names(*bound, names);
    collect_deciding(op.body, names);
  }
}

// The grid's axes at a tile: the last one fastest.
Values axes_at(const Op& grid, int64_t tile) {
  const std::optional<std::string> descending = attribute(grid.attributes, "descending");
  Values values;
  for (size_t i = grid.ranges.size(); i-- > 0;) {
    const Range& range = grid.ranges[i];
    const int64_t count = axis_count(range), ascending = tile % count;
    const int64_t place = descending == range.name ? count - 1 - ascending : ascending;
    values.emplace_back(range.name, Expr(value(range.begin) + place * value(range.step)));
    tile /= count;
  }
  return values;
}

// --- lists -----------------------------------------------------------------------------------------------
struct Lists {
  const std::vector<int64_t>& costs;
  std::vector<std::vector<int64_t>> tiles;
  std::vector<int64_t> sums;

  int64_t cost(int64_t tile) const { return costs[static_cast<size_t>(tile)]; }
  size_t longest() const { return std::max_element(sums.begin(), sums.end()) - sums.begin(); }
  size_t shortest() const { return std::min_element(sums.begin(), sums.end()) - sums.begin(); }
};

// An exchange: the longest list gives list `with` the tile `give`, and gets the tile `take` for it, or
// nothing.
struct Swap {
  size_t with = 0;
  size_t give = 0;
  std::optional<size_t> take;
  int64_t moved = 0;  // cost that leaves the longest list
  int64_t gain = 0;   // half of what the sum of squares loses
};

Swap best_swap(const Lists& lists) {
  const size_t from = lists.longest();
  Swap best;
  const auto consider = [&](size_t with, size_t give, std::optional<size_t> take) {
    const int64_t moved =
        lists.cost(lists.tiles[from][give]) - (take ? lists.cost(lists.tiles[with][*take]) : 0);
    const int64_t gain = moved * (lists.sums[from] - lists.sums[with] - moved);
    if (moved > 0 && gain > best.gain) best = {with, give, take, moved, gain};
  };
  for (size_t with = 0; with < lists.tiles.size(); ++with)
    for (size_t give = 0; with != from && give < lists.tiles[from].size(); ++give) {
      consider(with, give, std::nullopt);
      for (size_t take = 0; take < lists.tiles[with].size(); ++take) consider(with, give, take);
    }
  return best;
}

void apply(Lists& lists, const Swap& swap) {
  const size_t from = lists.longest();
  std::vector<int64_t>&own = lists.tiles[from], &other = lists.tiles[swap.with];
  if (swap.take) {
    std::swap(own[swap.give], other[*swap.take]);
  } else {
    other.push_back(own[swap.give]);
    own.erase(own.begin() + static_cast<std::ptrdiff_t>(swap.give));
  }
  lists.sums[from] -= swap.moved;
  lists.sums[swap.with] += swap.moved;
}

// Tiles of the same cost may change places between lists. They are dealt out once more in their own order, so
// that blocks that run at the same time work on neighbouring tiles.
void deal_anew(Lists& lists) {
  std::map<int64_t, std::vector<int64_t>> alike;  // tiles of a cost, last ones first
  for (auto tile = static_cast<int64_t>(lists.costs.size()); tile-- > 0;)
    alike[lists.cost(tile)].push_back(tile);
  size_t rounds = 0;
  for (std::vector<int64_t>& list : lists.tiles) {
    std::sort(list.begin(), list.end(), [&](int64_t a, int64_t b) { return lists.cost(a) > lists.cost(b); });
    rounds = std::max(rounds, list.size());
  }
  for (size_t round = 0; round < rounds; ++round)
    for (std::vector<int64_t>& list : lists.tiles) {
      if (round >= list.size()) continue;
      std::vector<int64_t>& left = alike[lists.cost(list[round])];
      list[round] = left.back();
      left.pop_back();
    }
}

}  // namespace

std::vector<int64_t> tile_costs(const Program& program) {
  const Op& grid = program.body[0];
  std::set<std::string> deciding;
  collect_deciding(grid.body, deciding);
  std::map<std::vector<int64_t>, int64_t> known;
  std::vector<int64_t> costs;
  for (int64_t tile = 0; tile < tile_count(grid); ++tile) {
    const Values axes = axes_at(grid, tile);
    std::vector<int64_t> key;
    for (const auto& [name, place] : axes)
      if (deciding.contains(name)) key.push_back(value(place));
    const auto [at, is_new] = known.try_emplace(key, 0);
    if (is_new) at->second = cost_of(program, grid.body, axes);
    costs.push_back(at->second);
  }
  return costs;
}

std::vector<std::vector<int64_t>> balanced_lists(const std::vector<int64_t>& costs, int64_t count) {
  const auto size = static_cast<size_t>(count);
  Lists lists{costs, std::vector<std::vector<int64_t>>(size), std::vector<int64_t>(size, 0)};
  std::vector<int64_t> order(costs.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return lists.cost(a) > lists.cost(b); });
  for (int64_t tile : order) {
    const size_t to = lists.shortest();
    lists.tiles[to].push_back(tile);
    lists.sums[to] += lists.cost(tile);
  }
  for (Swap swap = best_swap(lists); swap.gain > 0; swap = best_swap(lists)) apply(lists, swap);
  deal_anew(lists);
  return std::move(lists.tiles);
}

}  // namespace warpfinch::lower
