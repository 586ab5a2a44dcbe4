// The text that a compiler gets: the kernel, and the headers that it includes, all in memory. The emulator
// and the export replace or inline headers by name; digests are taken over both, without comments.
#pragma once

#include <string>
#include <vector>

namespace warpfinch {

struct Header {
  std::string name;  // as the #include spells it, e.g. "sm90/ptx.cuh"
  std::string text;
  bool operator==(const Header&) const = default;
};

struct CudaSource {
  std::string entry;            // name of the extern "C" kernel
  std::string target;           // "sm_90a"
  std::string kernel;           // the translation unit
  std::vector<Header> headers;  // in order of inclusion, dependencies first
  std::vector<int> ir_lines;    // for each line of `kernel` (0-based): line of the printed IR, or 0
  bool operator==(const CudaSource&) const = default;
};

// Everything in one file without includes: headers in order, then the kernel.
std::string inlined(const CudaSource& source);
// The text without // and /* */ comments, trailing blanks and empty lines.
std::string without_comments(const std::string& text);
// 32 hex digits over entry, target, kernel and headers, comments left out.
std::string digest(const CudaSource& source);

}  // namespace warpfinch
