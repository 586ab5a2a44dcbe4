#include "runtime/run_once.hpp"

#include "runtime/device_memory.hpp"

namespace warpfinch {

constexpr int kPoison = 0xff;  // every byte 0xff is a NaN in bf16, fp16 and fp32

void run_once(const std::shared_ptr<Device>& device, const LoadedPlan& plan,
              std::vector<HostTensor>& tensors) {
  std::vector<DeviceMemory> memories;
  std::vector<DevicePointer> pointers;
  for (const HostTensor& tensor : tensors) {
    memories.emplace_back(device, tensor.data.size());
    memories.back().upload(tensor.data.data(), tensor.data.size());
    pointers.push_back(memories.back().pointer());
  }
  DeviceMemory workspace(device, static_cast<size_t>(plan.plan().workspace_bytes));
  workspace.fill(kPoison);
  plan.launch(pointers, workspace.pointer(), nullptr);
  synchronize(*device);
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].buffer.output) memories[i].download(tensors[i].data.data(), tensors[i].data.size());
}

}  // namespace warpfinch
