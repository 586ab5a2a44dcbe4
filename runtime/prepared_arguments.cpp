#include "runtime/prepared_arguments.hpp"

#include "runtime/tensor_map.hpp"

namespace warpfinch {

PreparedArguments::PreparedArguments(const Driver& driver, const Plan& plan,
                                     std::vector<DevicePointer> pointers, DevicePointer workspace,
                                     DevicePointer counter)
    : pointers_(std::move(pointers)), workspace_(workspace) {
  for (const Launch& launch : plan.launches) {
    std::vector<Value>& values = values_.emplace_back();
    values.reserve(launch.arguments.size());  // the addresses below must stay
    std::vector<void*>& parameters = parameters_.emplace_back();
    for (const Argument& argument : launch.arguments) {
      const int buffer = argument.buffer.buffer;
      const DevicePointer base = buffer < 0 ? workspace_ : pointers_.at(static_cast<size_t>(buffer));
      const DevicePointer address = base + static_cast<DevicePointer>(argument.buffer.offset);
      Value& value = values.emplace_back();
      if (argument.kind == Argument::Kind::tensor_map)
        value.map = encode(driver, argument.map, address,
                           buffer < 0 ? "workspace" : plan.buffers[static_cast<size_t>(buffer)].name);
      else
        value.pointer = argument.kind == Argument::Kind::counter ? counter : address;
      parameters.push_back(&value);
    }
  }
}

std::shared_ptr<const PreparedArguments> ArgumentCache::find_or_prepare(
    const Driver& driver, const Plan& plan, const std::vector<DevicePointer>& pointers,
    DevicePointer workspace, TileCounters& counters) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : ring_)
      if (entry && entry->is_for(pointers, workspace)) return entry;
  }
  // Encoded outside of the lock: another thread with the same pointers costs a second entry, no harm.
  auto prepared =
      std::make_shared<const PreparedArguments>(driver, plan, pointers, workspace, counters.of(pointers));
  const std::lock_guard lock(mutex_);
  ring_[oldest_] = prepared;
  oldest_ = (oldest_ + 1) % ring_.size();
  return prepared;
}

}  // namespace warpfinch
