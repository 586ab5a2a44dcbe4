// copy_paths: chooses for every copy between global and shared memory how it is done, and lays out the tiles.
//   via=tma where the target has a copy engine and the tensor allows it (inner stride 1, other strides
//   positive multiples of 16 bytes); else via=ld / via=st: any strides, element by element if need be; hints
//   to the copy engine go.
// copy=cp_async has the producer's threads fill the tiles by cp.async where rows begin at multiples of 16
// bytes, else by ld, and copy=ld by ld at once; a tile's own `copy` goes before the kernel's. Only copy=ld of
// the kernel keeps results from the copy engine.
// Results of kernels with mma ops are staged through shared memory for a TMA store where there is room: over
// a tile that is loaded once per row tile (Q) when it is large enough, else, or with staging=own, in space of
// their own; with staging=none never. What threads store for an mma is joined behind, and where
// an mma is not asynchronous in front as well (join_warpgroup).
// Requires: constant shapes. Leaves: a swizzle on every shared tile, `via` on every load into $ and every
// store.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/cp_async.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/text.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

// The widest swizzle span, in bytes, that divides a row, up to what the kernel caps it at. 0: none does.
int64_t swizzle_for(const Program& program, const Tensor& tensor) {
  const int64_t row = value(tensor.shape[1]) * size_of(tensor.type),
                cap = integer(program.attributes, "swizzle", 128);
  for (int64_t span : {128, 64, 32})
    if (span <= cap && row % span == 0) return span;
  return 0;
}

std::optional<Rejection> set_swizzles(Program& program) {
  for (Tensor& tensor : program.tensors) {
    if (tensor.space != Space::shared || has(tensor.attributes, "swizzle")) continue;
    const int64_t swizzle = tensor.shape.size() == 2 ? swizzle_for(program, tensor) : 0;
    if (swizzle == 0)
      return Rejection{"copy_paths",
                       fmt::format("${} needs two extents and rows of a multiple of 32 bytes, it has [{}]",
                                   tensor.name, shape_text(tensor))};
    set(tensor.attributes, "swizzle", number_to_text(swizzle));
  }
  return std::nullopt;
}

bool has_mma(const Program& program) {
  bool found = false;
  walk(program.body, [&](const Op& op) { found |= op.name == "mma"; });
  return found;
}

bool loads(const Op& op, const std::string& name) {
  return op.name == "load" && op.operands[0].space == Space::shared && op.operands[0].name == name;
}

// Is the tile loaded once per tile of the grid, and then read as first factor only, or copied to registers?
// Then each warpgroup is the only one to read its own rows of it, and has done so when its results are ready.
bool is_private_after_use(const Program& program, const std::string& name) {
  const std::vector<Op>& top = program.body[0].body;
  if (std::count_if(top.begin(), top.end(), [&](const Op& op) { return loads(op, name); }) != 1) return false;
  int others = 0;
  walk(top, [&](const Op& op) {
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const bool names_it = op.operands[i].kind == Operand::Kind::tensor &&
                            op.operands[i].space == Space::shared && op.operands[i].name == name;
      const bool by_rows = (op.name == "mma" || op.name == "copy") && i == 1 && !op.operands[i].transposed;
      others += names_it && !by_rows;
    }
  });
  return others == 1;  // the load
}

bool feeds_mma(const Program& program, const Op& copy) {
  bool found = false;
  if (copy.name != "copy" || copy.operands[0].space != Space::shared) return false;
  walk(program.body, [&](const Op& op) {
    found |= op.name == "mma" && mentions(op, Space::shared, copy.operands[0].name);
  });
  return found;
}

// An asynchronous product has been waited for when its factor is written anew. Others have read it lane by
// lane, and nobody knows that all lanes of a warp have.
void join_around_copies(const Program& program, std::vector<Op>& body, const Target& target) {
  for (size_t i = 0; i < body.size(); ++i) {
    join_around_copies(program, body[i].body, target);
    if (!feeds_mma(program, body[i])) continue;
    if (!target.mma.asynchronous) body.insert(body.begin() + i++, op("join_warpgroup", {}));
    body.insert(body.begin() + i + 1, op("join_warpgroup", {}));
  }
}

// A tile whose space is free when results are stored, with the same rows in the same places.
std::string tile_to_reuse(const Program& program, const Tensor& staging) {
  for (const Tensor& tensor : program.tensors)
    if (tensor.space == Space::shared && tensor.name != staging.name && !has(tensor.attributes, "alias") &&
        stages(tensor) == 1 && tensor.shape[0] == staging.shape[0] &&
        integer(tensor.attributes, "swizzle", swizzle_for(program, tensor)) ==
            swizzle_for(program, staging) &&
        tile_bytes(tensor) >= tile_bytes(staging) && is_private_after_use(program, tensor.name))
      return tensor.name;
  return {};
}

// `y`, else `y_out`, `y_out2` …
std::string free_name(const Program& program, const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; find(program, Space::shared, name); ++i)
    name = wanted + "_out" + (i > 1 ? number_to_text(i) : "");
  return name;
}

// Declares the tile that a result is staged in; false where there is no room or TMA cannot store it.
bool declare_staging(Program& program, const Tensor& result, const Tensor& registers, const Target& target,
                     std::string& name) {
  const int64_t blocks = integer(program.attributes, "ctas_per_sm", 1);
  const bool own_place = attribute(program.attributes, "staging") == "own";
  if (!tma_can_move(result) || registers.shape.size() != 2) return false;
  name = free_name(program, result.name);
  Tensor staging{Space::shared, name, result.type, registers.shape, {}};
  if (value(staging.shape[1]) * size_of(staging.type) % 32 != 0) return false;
  const std::string reused = own_place ? "" : tile_to_reuse(program, staging);
  if (!reused.empty())
    set(staging.attributes, "alias", reused);
  else if (shared_bytes(program) + tile_bytes(staging) > shared_limit(target, blocks))
    return false;
  program.tensors.push_back(staging);
  return true;
}

std::vector<Op> staged_store(const Op& store, const std::string& name) {
  Op tma = store;
  tma.operands[1] = shared(name);
  set(tma.attributes, "via", "tma");
  return {op("copy", {shared(name), store.operands[1]}), op("fence_async", {}), tma, op("wait_store", {})};
}

void choose_store(Program& program, std::vector<Op>& body, size_t& i, bool staged, const Target& target) {
  Op& store = body[i];
  if (has(store.attributes, "via") || store.operands[1].space != Space::register_) return;
  const Tensor result = *find(program, Space::global, store.operands[0].name);
  const Tensor registers = *find(program, Space::register_, store.operands[1].name);
  std::string name;
  if (!staged || !declare_staging(program, result, registers, target, name)) {
    set(store.attributes, "via", "st");
    remove(store.attributes, "evict");
    return;
  }
  const std::vector<Op> ops = staged_store(store, name);
  body.erase(body.begin() + i);
  body.insert(body.begin() + i, ops.begin(), ops.end());
  i += ops.size() - 1;
}

std::string path_of_all(const Program& program) {
  return attribute(program.attributes, "copy").value_or("auto");
}

// What fills the tile, as far as the load and the target allow. Without a copy engine auto is cp_async.
std::string path_into(const Program& program, const Op& load, const Target& target) {
  const Tensor& tile = *find(program, Space::shared, load.operands[0].name);
  const std::string named = attribute(tile.attributes, "copy").value_or(path_of_all(program));
  const std::string wanted = named == "auto" && !target.tma ? "cp_async" : named;
  if (wanted == "cp_async" && !cp_async_obstacle(program, load)) return "cp_async";
  const bool fits_box = value(tile.shape[0]) <= kMaxBoxRows;
  if (wanted == "auto" && fits_box && tma_can_move(*find(program, Space::global, load.operands[1].name)))
    return "tma";
  return "ld";
}

void choose_load(const Program& program, Op& load, const Target& target) {
  if (load.operands[0].space != Space::shared || has(load.attributes, "via")) return;
  const std::string path = path_into(program, load, target);
  set(load.attributes, "via", path);
  if (path != "tma") remove(load.attributes, "evict");
}

void choose(Program& program, std::vector<Op>& body, bool staged, const Target& target) {
  for (size_t i = 0; i < body.size(); ++i) {
    choose(program, body[i].body, staged, target);
    if (body[i].name == "store") choose_store(program, body, i, staged, target);
    if (body[i].name == "load") choose_load(program, body[i], target);
  }
}

}  // namespace

Lowered copy_paths(const Program& program, const Target& target) {
  Program result = program;
  const bool staged = target.tma && has_mma(program) && path_of_all(program) != "ld" &&
                      attribute(program.attributes, "staging") != "none";
  choose(result, result.body, staged, target);
  remove(result.attributes, "copy");
  for (Tensor& tensor : result.tensors) remove(tensor.attributes, "copy");
  join_around_copies(program, result.body, target);
  remove(result.attributes, "staging");
  if (auto rejection = set_swizzles(result)) return *rejection;
  remove(result.attributes, "swizzle");
  return result;
}

}  // namespace warpfinch::lower
