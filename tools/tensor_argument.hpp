// `--tensor name=dtype[d0,d1]@file.npy|random|zeros` and `--output name=file.npy`: which data a run works on,
// and where its results go.
#pragma once

#include <string>
#include <vector>

#include "runtime/workload.hpp"

namespace warpfinch {

struct TensorArgument {
  std::string name;
  std::string type;  // "bf16"
  std::vector<int64_t> shape;
  std::string source;  // a file, "random" or "zeros"
};
// Error (input) quotes the text and says what would be right.
TensorArgument parse_tensor_argument(const std::string& text);

// Every buffer as the arguments say; those without one as workload() makes them. Error (input) where a name,
// type or shape is not the buffer's.
std::vector<HostTensor> load_tensors(const std::vector<Buffer>& buffers,
                                     const std::vector<std::string>& arguments, uint64_t seed, double spread,
                                     InputKind kind = InputKind::random);

// Before anything runs: do names, types, shapes and files fit the buffers?
void check_tensors(const std::vector<Buffer>& buffers, const std::vector<std::string>& arguments);
// Writes what `name=file.npy` asks for; check_outputs looks at names and files before anything runs.
void check_outputs(const std::vector<Buffer>& buffers, const std::vector<std::string>& outputs);
void write_outputs(const std::vector<HostTensor>& tensors, const std::vector<std::string>& outputs);

}  // namespace warpfinch
