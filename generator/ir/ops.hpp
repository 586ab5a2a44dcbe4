// The table of ops: for each its operands, attributes and one line of meaning. Parser, verifier, emitter and
// documentation follow from it. A new op is a row here, a primitive of the same name in templates/, a golden.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "generator/ir/program.hpp"

namespace warpfinch::ir {

// What an operand may be; a mask.
enum Kinds : unsigned {
  kGlobal = 1,      // @name[coordinates]
  kShared = 2,      // $name
  kTile = 4,        // %name of rank 2
  kRows = 8,        // %name of rank 1, one value per row
  kColumns = 16,    // %name of rank 1, one value per column
  kNumber = 32,     // 0.5, -inf, 3
  kIndex = 64,      // integer expression
  kRowIndex = 128,  // integer expression: coordinate of a tile's first row
  kRowPlace = 256   // @name[coordinates], of a tile whose rows the warpgroups share
};

enum class Access { read, write, update };

struct OperandInfo {
  Access access;
  unsigned kinds;
};

// What an op does with respect to roles, for passes and the emitter.
enum class Group { structure, movement, mma, arithmetic, synchronisation };

// What else passes, verifier and emitter ask about an op; a mask.
enum Traits : unsigned {
  kVariadic = 1,    // the last operand may repeat, or be absent
  kBlock = 2,       // holds other ops
  kBranch = 4,      // runs them once or not at all
  kMovesTile = 8,   // between global memory and a place of the block
  kFillsRing = 16,  // a producer's, about the stage that it fills
  kReduces = 32,    // the result is not of the extents of what it is made of
  kDeclares = 64,   // an object of the kernel
  kWalk = 128,      // its body is run for one tile after the other, by its object
  kLeaves = 256,    // the loop around it, unless the call is true
  kPasses = 512     // to the next tile, unless the call is true
};

struct OpInfo {
  std::string_view name;
  Group group;
  std::vector<OperandInfo> operands;
  // That it may carry. Those that the call says, it says in this order.
  std::vector<std::string_view> attributes;
  std::string_view meaning;
  unsigned traits = 0;
  // Objects of the kernel that the call takes behind them, and what it declares or walks by in front.
  std::vector<std::string_view> implied = {};
  std::string_view former = {};  // what it was called before
  // The class of the object that it declares, or walks by, and the object's name.
  std::string_view type = {}, object = {};
};

const std::vector<OpInfo>& ops();
// In today's words, the name of an op that may be in those of an earlier version.
std::string op_in_present_words(std::string name);
// nullptr for an unknown op.
const OpInfo* find_op(std::string_view name);
bool has_trait(const Op& op, Traits trait);
// The info of operand i (the last one's where the op is variadic).
const OperandInfo& operand_info(const OpInfo& info, size_t i);
// The kind mask of an operand as it stands; 0 where its tensor is not declared.
unsigned kind_of(const Program& program, const Operand& operand);

// What a kernel knows by itself: the integers that expressions of a walked program may name.
struct KnownName {
  std::string_view name, spelling, meaning;
};
const std::vector<KnownName>& known_names();

// Register tensors that the op itself (not its body) reads and writes.
struct RegisterUse {
  std::vector<std::string> reads, writes;
};
RegisterUse register_use(const Op& op);
// The names in an op's ranges, operands and their indices; of a body, with all that stands inside.
std::set<std::string> names_in(const Op& op);
std::set<std::string> names_in(const std::vector<Op>& body);
// producer, consumer or compute; empty where a role says none of them.
std::string_view role_kind(const Op& role);
// Does the op hold others?
bool opens_block(const Op& op);
// Does the op copy a tile from or to global memory? And its operand there.
bool moves_tile(const Op& op);
const Operand& global_operand(const Op& op);
// Does the op run its body once or not at all?
bool is_branch(const Op& op);
// Is the op a branch that few take, so that what it touches is waited for inside, by those who take it?
bool waits_inside(const Op& op);
// Do two ops, with all inside them, have to stay in order for the registers, or stored tiles, they touch?
bool conflict(const Op& a, const Op& b);

}  // namespace warpfinch::ir
