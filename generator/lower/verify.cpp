// The verifier: runs after every pass, and on every program that a user brings. Refuses what cannot work,
// with numbers in the reason. Rules that need a schedule (rings, flight, resources) apply once roles stand.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/verify_rules.hpp"
#include "generator/lower/walk.hpp"

namespace warpfinch::lower {

using namespace ir;

Rejection refuse(const Op& op, const std::string& reason) {
  const std::string where = op.line > 0 ? fmt::format("line {}: ", op.line) : "";
  return {"verify", fmt::format("{}'{}': {}", where, print_head(op), reason)};
}

namespace {

std::string kinds_text(unsigned kinds) {
  const std::pair<unsigned, const char*> names[] = {
      {kGlobal, "@param[…]"}, {kShared, "$tile"},         {kTile, "%tile"},
      {kRows, "%rows"},       {kColumns, "%columns"},     {kNumber, "a number"},
      {kIndex, "an index"},   {kRowIndex, "a row index"}, {kRowPlace, "@param[…]"}};
  std::string text;
  for (const auto& [bit, name] : names)
    if (kinds & bit) text += (text.empty() ? "" : " or ") + std::string(name);
  return text;
}

// --- one op against its row of the table -----------------------------------------------------------------
std::optional<Rejection> check_operand(const Program& program, const Op& op, const OpInfo& info, size_t i) {
  const Operand& operand = op.operands[i];
  const unsigned kind = kind_of(program, operand);
  if (kind == 0) return refuse(op, fmt::format("{}{} is not declared", sigil(operand.space), operand.name));
  const unsigned wanted = operand_info(info, i).kinds;
  if (!(kind & wanted)) return refuse(op, fmt::format("operand {} must be {}", i + 1, kinds_text(wanted)));
  if (!(kind & kGlobal)) return std::nullopt;
  const Tensor& tensor = *find(program, Space::global, operand.name);
  if (operand.index.size() != tensor.shape.size())
    return refuse(op, fmt::format("@{} has {} dimensions, {} coordinates are given", tensor.name,
                                  tensor.shape.size(), operand.index.size()));
  if (op.name == "store" && !has(tensor.attributes, "out"))
    return refuse(op, fmt::format("@{} is not marked `out`", tensor.name));
  return std::nullopt;
}

std::optional<Rejection> check_op(const Program& program, const Op& op, const Target& target) {
  const OpInfo* info = find_op(op.name);
  if (!info) return refuse(op, "unknown op");
  for (const auto& [key, text] : op.attributes)
    if (std::find(info->attributes.begin(), info->attributes.end(), key) == info->attributes.end())
      return refuse(op, fmt::format("unknown attribute '{}'{}", key,
                                    info->attributes.empty()
                                        ? ", it takes none"
                                        : fmt::format("; known: {}", fmt::join(info->attributes, ", "))));
  const size_t given = op.operands.size(), wanted = info->operands.size();
  if (info->traits & kVariadic ? given + 1 < wanted : given != wanted)
    return refuse(op, fmt::format("takes {} operands, {} are given", wanted, given));
  for (size_t i = 0; i < given; ++i)
    if (auto rejection = check_operand(program, op, *info, i)) return rejection;
  return check_shapes(program, op, target);
}

// --- names and blocks ------------------------------------------------------------------------------------
class Scope {
 public:
  Scope(const Program& program, const Target& target) : program_(program), target_(target) {
    walk(program.body, [&](const Op& op) { own_bounds_ |= ir::has(op.attributes, "own"); });
    for (const auto& [name, value] : program.constants) names_.insert(name);
    if (is_walked(program)) {
      for (const KnownName& known : known_names()) names_.emplace(known.name);
      return;
    }
    if (has_roles(program)) names_.insert({"warp", "warpgroup"});
    if (const auto retry = attribute(program.body[0].attributes, "retry")) names_.insert(*retry);
    if (ir::has(program.body[0].attributes, "cluster")) names_.insert("rank");
  }

  std::optional<Rejection> block(const std::vector<Op>& body) {
    const std::set<std::string> outer = names_;
    for (const Op& op : body)
      if (auto rejection = visit(op)) return rejection;
    names_ = outer;
    return std::nullopt;
  }

 private:
  std::optional<Rejection> visit(const Op& op) {
    if (auto rejection = check_names(op)) return rejection;
    if (auto rejection = check_op(program_, op, target_)) return rejection;
    for (const Range& range : op.ranges)
      if (!names_.insert(range.name).second || is_role_s(range.name))
        return refuse(op, fmt::format("the name '{}' is taken", range.name));
    if (op.name == "let") return std::nullopt;
    auto rejection = block(op.body);
    for (const Range& range : op.ranges) names_.erase(range.name);
    return rejection;
  }

  std::optional<Rejection> check_names(const Op& op) const {
    std::set<std::string> used = names_in(op);
    // What a loop's own bounds are made of: each warpgroup takes its own number.
    if (op.name == "let" && own_bounds_) used.erase("warpgroup");
    for (const std::string& name : used)
      if (!names_.contains(name)) return refuse(op, fmt::format("'{}' is not defined here", name));
    return std::nullopt;
  }

  // Before the walk stands as ops, roles give these names by themselves.
  bool is_role_s(const std::string& name) const {
    return !is_walked(program_) && (name == "warp" || name == "warpgroup");
  }

  const Program& program_;
  const Target& target_;
  std::set<std::string> names_;
  bool own_bounds_ = false;  // before roles: does a loop tell a warpgroup's own?
};

std::optional<Rejection> check_declarations(const Program& program) {
  for (size_t i = 0; i < program.tensors.size(); ++i) {
    const Tensor& tensor = program.tensors[i];
    const std::string name = sigil(tensor.space) + tensor.name;
    if (find(program, tensor.space, tensor.name) != &tensor)
      return Rejection{"verify", fmt::format("{} is declared twice", name)};
    const size_t rank = tensor.shape.size(), most = tensor.space == Space::global ? 5 : 2;
    if (rank > most || (tensor.space == Space::shared && rank != 2))
      return Rejection{"verify", fmt::format("{} has {} extents; {}", name, rank,
                                             tensor.space == Space::global   ? "params take 1 to 5"
                                             : tensor.space == Space::shared ? "shared tiles take 2"
                                                                             : "register tiles take 1 or 2")};
    for (const Expr& extent : tensor.shape)
      if (is_constant(extent) && value(extent) <= 0)
        return Rejection{"verify", fmt::format("{} has an extent of {}", name, value(extent))};
    if (tensor.space == Space::global && has(tensor.attributes, "strides") &&
        integer_list(*attribute(tensor.attributes, "strides")).size() != tensor.shape.size())
      return Rejection{"verify", fmt::format("{}: {} dimensions, but strides={}", name, tensor.shape.size(),
                                             *attribute(tensor.attributes, "strides"))};
    const bool per_line = has(tensor.attributes, "rows") || has(tensor.attributes, "columns");
    if (tensor.space == Space::register_ && (rank == 1) != per_line)
      return Rejection{
          "verify",
          fmt::format("{}: a register tensor has two extents, or one and `rows` or `columns`", name)};
  }
  return std::nullopt;
}

// Has the pass `tile` put numbers in place of names? Rules about bytes and registers need them.
bool is_tiled(const Program& program) {
  return program.constants.empty() &&
         std::all_of(program.tensors.begin(), program.tensors.end(), [](const Tensor& tensor) {
           return std::all_of(tensor.shape.begin(), tensor.shape.end(), is_constant);
         });
}

}  // namespace

namespace {

// What the names and the ops of a program do not say yet.
std::optional<Rejection> check_rules(const Program& program, const Target& target) {
  if (auto rejection = check_structure(program, target)) return rejection;
  if (auto rejection = check_values(program, target)) return rejection;
  if (!has_roles(program) || !is_tiled(program)) return std::nullopt;
  for (auto* rule : {check_copies, check_resources, check_producers, check_rings, check_flight,
                     check_pingpongs, check_producer_names, check_clusters})
    if (auto rejection = rule(program, target)) return rejection;
  return std::nullopt;
}

}  // namespace

std::optional<Rejection> verify(const Program& program, const Target& target) {
  const bool walked = is_walked(program);
  if (!walked && (program.body.size() != 1 || program.body[0].name != "grid"))
    return Rejection{"verify", fmt::format("kernel {} must hold one grid", program.name)};
  if (auto rejection = check_attributes(program, target)) return rejection;
  if (auto rejection = check_declarations(program)) return rejection;
  if (auto rejection = Scope(program, target).block(program.body)) return rejection;
  if (!walked) return check_rules(program, target);
  const auto scheduled = unwalked(program);
  if (!scheduled) return scheduled.rejection();
  if (auto rejection = check_rules(*scheduled, target)) return rejection;
  return check_walked(program, *scheduled, target);
}

}  // namespace warpfinch::lower
