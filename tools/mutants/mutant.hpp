// Kernels with one fault of synchronisation each: does the emulator see it?
#pragma once

#include <string>
#include <vector>

#include "generator/config.hpp"
#include "generator/plan.hpp"
#include "generator/problem.hpp"

namespace warpfinch::mutants {

// A right kernel that faults are planted in. Small, but every ring goes round and every loop more than once.
struct Original {
  std::string name;  // "attention_pingpong"
  Problem problem;
  Plan plan;
  double spread = 1;  // of the inputs at odd seeds: where large scores take other ways through the kernel
};
// All operations, and every kind of synchronisation that the generator writes.
std::vector<Original> originals();

struct Mutant {
  std::string original;       // its name
  size_t launch = 0;          // of the plan
  std::string fault;          // "wait removed"
  int line = 0;               // of the kernel's text, 1-based; 0: in the launch's arguments
  std::string before, after;  // that line, trimmed
  std::string behind;         // the last line before it that names a ring
  Plan plan;                  // the original's with that one fault
};
// One mutant per fault and place. The verifier is not asked: the kernel's text is changed, or a tensor map.
std::vector<Mutant> mutants_of(const Original& original);

struct Verdict {
  bool caught = false;
  std::string how;  // "data race: … (IR line 41; and 2 more)", "wrong result: …"
};
// Runs the mutant on the original's problem with schedule seeds 0 .. seeds-1, until one of them shows the
// fault.
Verdict judge(const Mutant& mutant, const Original& original, int seeds);

// Why a mutant computes the same under every schedule; empty where nobody has said so.
std::string why_equivalent(const Mutant& mutant);

}  // namespace warpfinch::mutants
