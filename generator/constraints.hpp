// Constraints that kernels of several operations have. A constraint says yes rather than no when it is in
// doubt; the lowering and ptxas have the last word.
#pragma once

#include <cstdint>
#include <string>

#include "generator/genes.hpp"
#include "generator/kernel_choices.hpp"
#include "generator/lower/register_budget.hpp"
#include "generator/target.hpp"

namespace warpfinch {

inline constexpr int kBarrierRoom = 1024;   // bytes: mbarriers, and the alignment of swizzled tiles
inline constexpr int kOtherRegisters = 30;  // addresses, row state, loop (measured from ptxas, all orders)
inline constexpr int kMostStages = 32;      // of a ring: two mbarriers each, 512 bytes of kBarrierRoom

// Consumers are warpgroups beside one that produces.
Reason consumers_violated(int consumers, const Target& target);
// Only attention makes lists (tile_order=balanced), and only under a mask with one edge.
Reason equal_tiles_listed(TileOrder order);

// `of`: what the bytes or registers are made of, in words.
Reason bytes_violated(int64_t bytes, const std::string& of, int64_t most);
// Registers of a thread of a consumer: 240, 240, 160, 112 on sm_90a with 1 to 4 consumers, where the copy
// engine brings the tiles.
Reason consumer_need_violated(int need, const std::string& of, const lower::RoleShares& shares,
                              const Target& target);
// ptxas places a wgmma's operands within the launch's allotment, whatever setmaxnreg adds later (C7602).
// `beside`: what ptxas 13.0 asks for beside the N / 2 sums of m64nN.
inline constexpr int kBesideSums = 26;           // with both factors in shared memory
inline constexpr int kBesideSumsAndFactor = 30;  // with one of them in registers
Reason instruction_violated(int columns, int beside, int consumers, int blocks, const Target& target);

}  // namespace warpfinch
