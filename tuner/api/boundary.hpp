// The edge of the C interface: what stands behind its handles, and the one place where exceptions become a
// status and a text.
#pragma once

#include <cstring>
#include <exception>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <stop_token>
#include <string>
#include <vector>

#include "generator/result.hpp"
#include "tuner/engine.hpp"
#include "warpfinch/warpfinch.h"

struct wf_engine_s {
  std::filesystem::path database;             // empty: none
  std::mutex mutex;                           // of what follows
  std::shared_ptr<warpfinch::Engine> engine;  // replaced after tuning
  std::list<std::stop_source> tunings;        // those that run now
};

struct wf_plan_s {
  std::shared_ptr<const warpfinch::LoadedPlan> loaded;  // null: generated without a device
  warpfinch::Plan generated;
  std::once_flag inlined;
  std::vector<std::string> cuda;  // made when first asked for
  const warpfinch::Plan& plan() const { return loaded ? loaded->plan() : generated; }
};

namespace warpfinch {

// This thread's last error.
std::string& last_error();

// Runs `body`; what it throws becomes status and text.
template <class Body>
wf_status guarded(Body&& body) noexcept {
  const auto failed = [](wf_status status, auto... words) {
    try {
      last_error().clear();  // a callback's call may have left its own
      ((last_error() += words), ...);
    } catch (...) {  // no memory for the text: the status still tells
    }
    return status;
  };
  try {
    last_error().clear();
    body();
    return WF_OK;
  } catch (const Error& error) {
    return failed(error.kind == ErrorKind::input ? WF_ERROR_INPUT : WF_ERROR_ENVIRONMENT, error.what());
  } catch (const std::filesystem::filesystem_error& error) {  // its own words name C++ functions
    return failed(WF_ERROR_ENVIRONMENT, error.path1().c_str(), ": ", std::strerror(error.code().value()));
  } catch (const std::bad_alloc&) {
    return failed(WF_ERROR_ENVIRONMENT, "out of host memory");
  } catch (const std::exception& error) {
    return failed(WF_ERROR_ENVIRONMENT, error.what());
  } catch (...) {
    return failed(WF_ERROR_ENVIRONMENT, "unknown failure");
  }
}

// Error (input) naming function and argument when `argument` is null.
void require(const void* argument, const char* function, const char* name);

}  // namespace warpfinch
