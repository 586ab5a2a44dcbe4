// How the registers that a launch allots are divided between the roles of a block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "generator/target.hpp"

namespace warpfinch::lower {

// How tiles get to shared memory: by the copy engine, to which one thread talks; by cp.async of all threads,
// which only count addresses (ptxas 13.0: 17 to 37 registers); through the threads' registers.
enum class Copier { engine, async, threads };

struct RoleShares {
  int64_t consumers = 1;  // warpgroups, beside which there is one that produces
  int64_t blocks = 1;     // per multiprocessor
  Copier copier = Copier::engine;
  int64_t producer_regs = 0;  // what the producer keeps, per thread; 0: the least that it needs
};

struct RegisterBudget {
  int64_t producer = 0, consumer = 0;  // per thread; 0: what the launch allots
};

constexpr int64_t kMostOfConsumer = 240;

// What a launch with a producer beside the consumers allots to every thread.
int64_t allotted_registers(const RoleShares& shares, const Target& target);
// None where the target cannot move registers between warpgroups.
RegisterBudget register_budget(const RoleShares& shares, const Target& target);
// Why a producer cannot keep what it is given, or needs.
std::optional<std::string> why_not_kept(const RoleShares& shares, const Target& target);

}  // namespace warpfinch::lower
