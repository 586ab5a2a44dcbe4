// The faults, as changes of one line of a kernel's text. Internal to tools/mutants.
#pragma once

#include <functional>
#include <regex>
#include <string>
#include <vector>

namespace warpfinch::mutants {

// A line that matches gets one mutant per change. The change makes the new text of what the pattern covers.
struct Fault {
  std::string name;
  std::regex pattern;
  std::function<std::string(const std::smatch&)> change;
};
// Of the lines that synchronise, one at a time.
const std::vector<Fault>& line_faults();

// A ring as the kernel declares it.
struct RingDeclaration {
  std::string name, kind, blocks;                 // kind: "Ring", or "ClusterRing" with blocks ", 2"
  std::string type, shape, swizzle, initializer;  // type: "bf16", shape: "64, 64"
  int stages = 0, stage_bytes = 0;
};
std::vector<RingDeclaration> rings_of(const std::vector<std::string>& lines);
// What makes one role see a ring otherwise than the others do, as text that opens the role's body.
struct RingFault {
  std::string name, text;
};
std::vector<RingFault> ring_faults(const RingDeclaration& ring);

}  // namespace warpfinch::mutants
