// The C++ header asks for no more than C++17.
#include <warpfinch/warpfinch.hpp>

warpfinch::Plan plan_by_cpp17(const warpfinch::Engine& engine) {
  engine.tune("softmax rows=64 columns=64", "3", 1,
              [](const wf_progress& progress) { return progress.done < 3; });
  return engine.plan("softmax rows=64 columns=64");
}
