#include "runtime/stream_objects.hpp"

namespace warpfinch {

Stream make_stream(const Driver& driver) {
  CUstream stream = nullptr;
  check(driver, driver.stream_create(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  return Stream(stream, CloseHandle{&driver});
}

Event make_event(const Driver& driver) {
  CUevent event = nullptr;
  check(driver, driver.event_create(&event, CU_EVENT_DEFAULT), "cuEventCreate");
  return Event(event, CloseHandle{&driver});
}

}  // namespace warpfinch
