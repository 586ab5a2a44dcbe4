// SASS of a cubin, by NVIDIA's own tools: cuobjdump or nvdisasm.
#pragma once

#include <string>

namespace warpfinch {

// Error (environment) where neither is found, or the one that is fails.
std::string disassemble(const std::string& cubin);

}  // namespace warpfinch
