// Vector clocks. Components are the threads of a cluster, the wgmma queue of each warp, and the queues of the
// copy engine; each counts up. An access at (component, epoch) happened before whoever's clock has reached
// it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace warpfinch::emulator {

using Epoch = uint32_t;

class Clock {
 public:
  Epoch at(uint32_t component) const { return component < epochs_.size() ? epochs_[component] : 0; }
  void raise(uint32_t component, Epoch epoch) {
    if (component >= epochs_.size()) epochs_.resize(component + 1, 0);
    epochs_[component] = std::max(epochs_[component], epoch);
  }
  void join(const Clock& other) {
    if (other.epochs_.size() > epochs_.size()) epochs_.resize(other.epochs_.size(), 0);
    Epoch* to = epochs_.data();
    const Epoch* from = other.epochs_.data();
    for (size_t i = 0; i < other.epochs_.size(); ++i) to[i] = to[i] < from[i] ? from[i] : to[i];
  }
  void clear() { epochs_.clear(); }

 private:
  std::vector<Epoch> epochs_;
};

// What happened in other clusters, each with components of its own, by the number of its first block.
using Elsewhere = std::map<int, Clock>;
// Shared, since it is nearly always nothing, or the same for all.
class SharedElsewhere {
 public:
  void join(const SharedElsewhere& other) {
    if (!other.clocks_ || other.clocks_ == clocks_) return;
    if (!clocks_) {
      clocks_ = other.clocks_;
      return;
    }
    auto joined = std::make_shared<Elsewhere>(*clocks_);
    for (const auto& [cluster, clock] : *other.clocks_) (*joined)[cluster].join(clock);
    clocks_ = std::move(joined);
  }
  void join(int cluster, const Clock& clock) {
    SharedElsewhere other;
    other.clocks_ = std::make_shared<Elsewhere>(Elsewhere{{cluster, clock}});
    join(other);
  }
  // Null where nothing is known of that cluster.
  const Clock* find(int cluster) const {
    if (!clocks_) return nullptr;
    const auto found = clocks_->find(cluster);
    return found == clocks_->end() ? nullptr : &found->second;
  }

 private:
  std::shared_ptr<const Elsewhere> clocks_;
};

// What is known to have happened, and which of the generic writes in it a proxy fence has made visible to the
// async proxy (to TMA and wgmma).
struct Knowledge {
  Clock happened, proxied;
  SharedElsewhere elsewhere;
  void join(const Knowledge& other) {
    happened.join(other.happened);
    proxied.join(other.proxied);
    elsewhere.join(other.elsewhere);
  }
};

}  // namespace warpfinch::emulator
