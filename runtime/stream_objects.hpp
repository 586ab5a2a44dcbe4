// Streams, events and graphs that close themselves. Internal to runtime/; made and used with the device's
// context current.
#pragma once

#include <memory>

#include "runtime/driver.hpp"

namespace warpfinch {

// Results of closing calls are dropped: a context that a kernel has broken closes nothing.
struct CloseHandle {
  const Driver* driver = nullptr;
  void operator()(CUstream_st* stream) const { driver->stream_destroy(stream); }
  void operator()(CUevent_st* event) const { driver->event_destroy(event); }
  void operator()(CUgraph_st* graph) const { driver->graph_destroy(graph); }
  void operator()(CUgraphExec_st* graph) const { driver->graph_exec_destroy(graph); }
};
using Stream = std::unique_ptr<CUstream_st, CloseHandle>;
using Event = std::unique_ptr<CUevent_st, CloseHandle>;
using Graph = std::unique_ptr<CUgraphExec_st, CloseHandle>;

Stream make_stream(const Driver& driver);  // does not follow the legacy default stream
Event make_event(const Driver& driver);    // with timing

// Captures what enqueue() puts on the stream. Other threads may go on using the driver meanwhile.
template <class Enqueue>
Graph capture(const Driver& driver, CUstream stream, const Enqueue& enqueue) {
  check(driver, driver.stream_begin_capture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        "cuStreamBeginCapture");
  CUgraph captured = nullptr;
  try {
    enqueue();
  } catch (...) {
    driver.stream_end_capture(stream, &captured);
    const std::unique_ptr<CUgraph_st, CloseHandle> dropped(captured, CloseHandle{&driver});
    throw;
  }
  check(driver, driver.stream_end_capture(stream, &captured), "cuStreamEndCapture");
  const std::unique_ptr<CUgraph_st, CloseHandle> graph(captured, CloseHandle{&driver});
  CUgraphExec executable = nullptr;
  check(driver, driver.graph_instantiate(&executable, graph.get(), 0), "cuGraphInstantiate");
  return Graph(executable, CloseHandle{&driver});
}

}  // namespace warpfinch
