// Copies of a scheduled program: what `via` can move, what lies over what, and the order of the accesses that
// the copy engine makes beside the threads' own.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "generator/ir/ops.hpp"
#include "generator/lower/cp_async.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/verify_rules.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

// --- via -------------------------------------------------------------------------------------------------
std::optional<Rejection> check_tma(const Program& program, const Op& op, const Operand& outside,
                                   const Operand& inside) {
  if (inside.space != Space::shared) return refuse(op, "via=tma moves shared tiles");
  const Tensor &param = *find(program, Space::global, outside.name),
               &tile = *find(program, Space::shared, inside.name);
  if (!tma_can_move(param))
    return refuse(op, fmt::format("via=tma wants an inner stride of 1 and the others positive multiples of "
                                  "16 bytes; @{} has [{}] elements of {} bytes",
                                  param.name, fmt::join(strides_of(param), ", "), size_of(param.type)));
  if (param.type != tile.type)  // a load's types are checked with its shapes
    return refuse(op,
                  fmt::format("via=tma does not convert {} to {}", to_text(tile.type), to_text(param.type)));
  if (op.name == "load" && value(tile.shape[0]) > kMaxBoxRows)
    return refuse(op, fmt::format("via=tma moves up to {} rows, ${} has {}", kMaxBoxRows, tile.name,
                                  value(tile.shape[0])));
  return std::nullopt;
}

std::optional<Rejection> check_cp_async(const Program& program, const Op& load) {
  if (load.operands[0].space != Space::shared) return refuse(load, "via=cp_async fills shared tiles");
  if (const auto obstacle = cp_async_obstacle(program, load)) return refuse(load, *obstacle);
  return std::nullopt;
}

std::optional<Rejection> check_via(const Program& program, const Op& op, const Target& target) {
  const bool is_load = op.name == "load";
  const Operand &outside = op.operands[is_load ? 1 : 0], &inside = op.operands[is_load ? 0 : 1];
  const std::string via = attribute(op.attributes, "via").value_or("");
  if (via == (is_load ? "st" : "ld") || (via == "cp_async" && !is_load))
    return refuse(op, "via=" + via + " is not for a " + op.name);
  const size_t needed = kind_of(program, inside) & (kRows | kColumns) ? 1 : 2;
  if (outside.index.size() < needed)
    return refuse(op, fmt::format("a tile has 2 extents, @{} has 1", outside.name));
  const auto packed = packed_axis(*find(program, Space::global, outside.name));
  if (packed && packed->axis + 1 == outside.index.size() && kind_of(program, inside) != kRows)
    return refuse(
        op, fmt::format("the columns of @{} are packed; only values per row are read so", outside.name));
  if (via != "tma" && has(op.attributes, "evict"))
    return refuse(op, "evict= is a hint to the copy engine, which only via=tma asks");
  if (via == "tma" && !target.tma)
    return refuse(op, fmt::format("via=tma: {} has no copy engine that takes tensor maps", target.name));
  if (via == "tma") return check_tma(program, op, outside, inside);
  if (via == "cp_async") return check_cp_async(program, op);
  if (inside.space == Space::shared && is_load && via.empty())
    return refuse(op, "wants via=tma, ld or cp_async");
  if (inside.space == Space::shared && !is_load) return refuse(op, "a shared tile is stored via=tma");
  return std::nullopt;
}

// --- declarations ----------------------------------------------------------------------------------------
std::optional<Rejection> check_shared_tile(const Program& program, const Tensor& tile) {
  const int64_t row = value(tile.shape[1]) * size_of(tile.type),
                swizzle = integer(tile.attributes, "swizzle", 128);
  if (row % swizzle != 0)
    return Rejection{"verify", fmt::format("${} has rows of {} bytes, no multiple of swizzle={}", tile.name,
                                           row, swizzle)};
  std::vector<std::string_view> paths;
  for (const char* via : {"tma", "ld", "cp_async"})
    if (filled_via(program, tile.name, via)) paths.push_back(via);
  if (paths.size() > 1)
    return Rejection{"verify",
                     fmt::format("ring ${} is filled via={}", tile.name, fmt::join(paths, " and via="))};
  const auto alias = attribute(tile.attributes, "alias");
  if (!alias) return std::nullopt;
  const Tensor* under = find(program, Space::shared, *alias);
  if (!under || has(under->attributes, "alias"))
    return Rejection{
        "verify", fmt::format("${}: alias={} is no shared tile with a place of its own", tile.name, *alias)};
  if (tile_bytes(tile) * stages(tile) > tile_bytes(*under) * stages(*under))
    return Rejection{
        "verify", fmt::format("${} has {} bytes, alias={} has {}", tile.name, tile_bytes(tile) * stages(tile),
                              *alias, tile_bytes(*under) * stages(*under))};
  return std::nullopt;
}

// --- staged results --------------------------------------------------------------------------------------
// Walks over one role as it runs, over loops twice, so that a trip meets what the one before left. The copy
// engine sees a thread's stores to shared memory behind fence_async, an mma those of its warpgroup behind
// join_warpgroup; an mma sees what cp.async brought behind a fence_async since its wait; a tile that the
// engine still reads must not change hands. An mma that is not asynchronous reads by its lanes, and what
// threads stored for it they write anew behind a join_warpgroup.
class Staging {
 public:
  Staging(const Program& program, const Target& target) : program_(program), target_(target) {}

  std::optional<Rejection> block(const std::vector<Op>& body) {
    for (const Op& op : body) {
      if (auto rejection = visit(op)) return rejection;
      for (int trip = op.name == "for" ? 0 : 1; trip < 2; ++trip)
        if (auto rejection = block(op.body)) return rejection;
    }
    return std::nullopt;
  }
  const std::set<std::string>& being_read() const { return being_read_; }

 private:
  std::optional<Rejection> visit(const Op& op) {
    if (op.name == "join_warpgroup") joined_.insert(written_.begin(), written_.end());
    if (op.name == "join_warpgroup") read_by_lanes_.clear();
    if (op.name == "fence_async" || op.name == "join_warpgroup") written_.clear(), unfenced_.clear();
    const bool by_proxy = target_.mma.asynchronous;  // what an mma reads
    if (op.name == "wait" && by_proxy && is_fenced_by_readers(program_, op.operands[0].name))
      unfenced_.insert(op.operands[0].name);
    if (op.name == "wait_store") being_read_.clear();
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const Operand& operand = op.operands[i];
      if (operand.kind != Operand::Kind::tensor || operand.space != Space::shared) continue;
      const std::string place = place_of(operand.name);
      if (op.name == "mma" && unfenced_.contains(operand.name))
        return refuse(
            op, fmt::format("no fence_async since the wait for ${}, which cp.async fills", operand.name));
      if (op.name == "mma" || (op.name == "copy" && i == 1))
        if (auto rejection = check_filled(op, i)) return rejection;
      if (op.name == "store" && written_.contains(place))
        return refuse(op, fmt::format("no fence_async since ${} was written", operand.name));
      const bool gives_away = op.name == "release" || (op.name == "copy" && i == 0);
      if (gives_away && being_read_.contains(place))
        return refuse(op, fmt::format("no wait_store since ${} was stored", operand.name));
      if (op.name == "copy" && i == 0 && read_by_lanes_.contains(place))
        return refuse(op, fmt::format("no join_warpgroup since an mma read ${}", operand.name));
      if (op.name == "mma" && !by_proxy && joined_.contains(place)) read_by_lanes_.insert(place);
      if (op.name == "copy" && i == 0) written_.insert(place), joined_.erase(place);
      if (op.name == "store") being_read_.insert(place);
    }
    return std::nullopt;
  }
  // Other threads read what a thread has stored: an mma reads all rows of its warpgroup, a copy to registers
  // those of other lanes. So the warpgroup has to join first. All warpgroups read the second factor, and
  // nothing joins those: only a load may fill it.
  std::optional<Rejection> check_filled(const Op& op, size_t i) const {
    const std::string& name = op.operands[i].name;
    if (is_ring(program_, name) || (i == 1 && joined_.contains(place_of(name)))) return std::nullopt;
    if (i == 1 && written_.contains(place_of(name)))
      return refuse(op, fmt::format("no join_warpgroup since ${} was written", name));
    return refuse(op, fmt::format("${} is filled by no load", name));
  }
  std::string place_of(const std::string& tile) const {
    return attribute(find(program_, Space::shared, tile)->attributes, "alias").value_or(tile);
  }

  const Program& program_;
  const Target& target_;
  std::set<std::string> written_, joined_, being_read_, unfenced_, read_by_lanes_;
};

// --- the producer ----------------------------------------------------------------------------------------
// acquire, load, publish or publish_copies (where threads copied) and advance of one ring follow each other
// in one block.
class Filling {
 public:
  Filling(const Program& program) : program_(program) {}

  std::optional<Rejection> block(const std::vector<Op>& body) {
    std::map<std::string, std::string> last;  // by ring: the op that came last; empty: none is open
    for (const Op& op : body) {
      if (op.operands.empty() || op.operands[0].space != Space::shared || op.name == "if") {
        if (auto rejection = block(op.body)) return rejection;
        continue;
      }
      const std::string& ring = op.operands[0].name;
      if (auto rejection = step(op, last[ring])) return rejection;
      last[ring] = op.name == "advance" ? "" : op.name;
    }
    for (const auto& [ring, name] : last)
      if (!name.empty())
        return Rejection{"verify", fmt::format("ring ${}: '{}' is followed by no '{}' in its block", ring,
                                               name, next(ring, name))};
    return std::nullopt;
  }

 private:
  bool by_tma(const std::string& ring) const { return filled_via(program_, ring, "tma"); }
  std::string next(const std::string& ring, const std::string& last) const {
    if (last.empty()) return "acquire";
    if (last == "acquire") return "load";
    if (last != "load" || by_tma(ring)) return "advance";
    return filled_via(program_, ring, "cp_async") ? "publish_copies" : "publish";
  }
  std::optional<Rejection> step(const Op& op, const std::string& last) const {
    const std::string& ring = op.operands[0].name;
    const std::string wanted = next(ring, last);
    if (op.name != wanted) return refuse(op, fmt::format("'{} ${}' expected in its place", wanted, ring));
    if (op.name != "acquire") return std::nullopt;
    const Tensor& tile = *find(program_, Space::shared, ring);
    const int64_t bytes = value(tile.shape[0]) * value(tile.shape[1]) * size_of(tile.type),
                  announced = integer(op.attributes, "bytes", 0);
    if (announced != (by_tma(ring) ? bytes : 0))
      return refuse(op, fmt::format("bytes={}, but TMA brings {}", announced, by_tma(ring) ? bytes : 0));
    return std::nullopt;
  }

  const Program& program_;
};

}  // namespace

std::optional<Rejection> check_copies(const Program& program, const Target& target) {
  for (const Tensor& tensor : program.tensors)
    if (tensor.space == Space::shared)
      if (auto rejection = check_shared_tile(program, tensor)) return rejection;
  std::optional<Rejection> found;
  walk(program.body, [&](const Op& op) {
    if (!found && (op.name == "load" || op.name == "store")) found = check_via(program, op, target);
  });
  if (found) return found;
  for (const Op& role : program.body[0].body) {
    Staging staging(program, target);
    if (auto rejection = staging.block(role.body)) return rejection;
    if (!staging.being_read().empty())
      return refuse(role, fmt::format("no wait_store since ${} was stored", *staging.being_read().begin()));
  }
  return std::nullopt;
}

std::optional<Rejection> check_producers(const Program& program, const Target&) {
  for (const Op& role : program.body[0].body)
    if (has(role.attributes, "producer"))
      if (auto rejection = Filling(program).block(role.body)) return rejection;
  return std::nullopt;
}

}  // namespace warpfinch::lower
