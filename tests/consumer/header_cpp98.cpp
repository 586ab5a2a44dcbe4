// The C header is good for the oldest C++.
#include <warpfinch/warpfinch.h>

const char* version_by_cpp98() { return wf_version(); }

wf_status launch_by_cpp98(const wf_plan_t* plan, void* const* buffers, size_t count) {
  wf_launch_args args = WF_LAUNCH_ARGS_INIT;
  args.buffers = buffers;
  args.buffer_count = count;
  return wf_launch(plan, &args);
}
