#include "generator/lower/guard.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "generator/lower/tensors.hpp"

namespace warpfinch::lower {

using namespace ir;

bool is_async_load(const Op& op) { return op.name == "load" && op.operands[0].space == Space::shared; }

namespace {

using Body = std::vector<Op>;

bool is_load_of(const Op& op, const std::string& tile) {
  return is_async_load(op) && op.operands[0].name == tile;
}

bool contains_load_of(const Op& op, const std::string& tile) {
  return is_load_of(op, tile) || std::any_of(op.body.begin(), op.body.end(),
                                             [&](const Op& inner) { return contains_load_of(inner, tile); });
}

// Does the op touch the tile, or what lies over it?
bool uses(const Program& program, const Op& op, const std::string& tile) {
  if (mentions(op, Space::shared, tile)) return true;
  return std::any_of(program.tensors.begin(), program.tensors.end(), [&](const Tensor& tensor) {
    return attribute(tensor.attributes, "alias") == tile && mentions(op, Space::shared, tensor.name);
  });
}

// First and last op of body[from, to) that uses the tile; nothing where none does.
struct Span {
  size_t first, last;
};
std::optional<Span> find_uses(const Program& program, const Body& body, size_t from, size_t to,
                              const std::string& tile) {
  std::optional<Span> span;
  for (size_t i = from; i < to; ++i)
    if (uses(program, body[i], tile)) span = Span{span ? span->first : i, i};
  return span;
}

void insert(Body& body, size_t at, const char* name, const std::string& tile) {
  body.insert(body.begin() + static_cast<std::ptrdiff_t>(at), op(name, {shared(tile)}));
}

// Behind body[last]; a TMA store reads its tile until wait_store.
void release_behind(Body& body, size_t last, const std::string& tile) {
  while (last + 1 < body.size() && body[last].name == "store" && body[last + 1].name == "wait_store") ++last;
  insert(body, last + 1, "release", tile);
}

// Does the loop use the tile as it came, before it loads it again?
bool carries_in(const Program& program, const Op& loop, const std::string& tile) {
  const auto load = std::find_if(loop.body.begin(), loop.body.end(),
                                 [&](const Op& op) { return contains_load_of(op, tile); });
  return std::any_of(loop.body.begin(), load, [&](const Op& op) { return uses(program, op, tile); });
}

std::optional<Rejection> guard(const Program& program, Body& body, size_t at, bool in_loop) {
  const std::string tile = body[at].operands[0].name;
  body.erase(body.begin() + static_cast<std::ptrdiff_t>(at));
  size_t next = at;  // load
  while (next < body.size() && !contains_load_of(body[next], tile)) ++next;
  const auto ahead = find_uses(program, body, at, next, tile), before = find_uses(program, body, 0, at, tile);
  if (!ahead)
    return Rejection{"roles", fmt::format("${} is loaded, but nothing in the same block uses it", tile)};
  const bool held = next < body.size() && carries_in(program, body[next], tile);
  const bool held_over_end = in_loop && before && body[before->first].name != "wait";
  if (!held && !held_over_end) release_behind(body, ahead->last, tile);
  insert(body, ahead->first, "wait", tile);
  if (held_over_end) release_behind(body, before->last, tile);
  return std::nullopt;
}

// What the loop at body[at] holds where it is left.
std::vector<std::string> held_at_leave(const Op& loop) {
  std::vector<std::string> held;
  for (const Op& op : loop.body) {
    if (op.name == "leave") return held;
    if (op.name == "wait") held.push_back(op.operands[0].name);
    if (op.name == "release") std::erase(held, op.operands[0].name);
  }
  return {};
}

void release_behind_loop(const Program& program, Body& body, size_t at) {
  for (const std::string& tile : held_at_leave(body[at])) {
    const auto span = find_uses(program, body, at + 1, body.size(), tile);
    release_behind(body, span ? span->last : at, tile);
  }
}

std::optional<Rejection> guard_block(const Program& program, Body& body, bool in_loop) {
  for (size_t i = 0; i < body.size(); ++i) {
    if (is_async_load(body[i])) {
      if (auto rejection = guard(program, body, i, in_loop)) return rejection;
      --i;
      continue;
    }
    if (auto rejection = guard_block(program, body[i].body, body[i].name == "for")) return rejection;
    if (body[i].name == "for") release_behind_loop(program, body, i);
  }
  return std::nullopt;
}

bool wants_fence(const Program& program, const Op& wait) {
  return wait.name == "wait" && is_fenced_by_readers(program, wait.operands[0].name);
}

}  // namespace

// One fence behind waits that follow each other.
void fence_copies(const Program& program, Body& body) {
  for (size_t i = 0; i < body.size(); ++i) {
    fence_copies(program, body[i].body);
    const bool another = i + 1 < body.size() && wants_fence(program, body[i + 1]);
    if (wants_fence(program, body[i]) && !another)
      body.insert(body.begin() + static_cast<std::ptrdiff_t>(i) + 1, op("fence_async", {}));
  }
}

std::optional<Rejection> guard_rings(const Program& program, Body& body) {
  return guard_block(program, body, false);
}

}  // namespace warpfinch::lower
