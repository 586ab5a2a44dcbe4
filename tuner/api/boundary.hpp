// The edge of the C interface: what stands behind its handles, and the one place where exceptions become a
// status and a text.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "generator/result.hpp"
#include "runtime/device_memory.hpp"
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

  std::shared_ptr<warpfinch::Device> device;  // of `loaded`
  // For launches that bring none; allocated by the first of them.
  mutable std::mutex workspace_mutex;
  mutable std::optional<warpfinch::DeviceMemory> workspace;
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

// A text of the caller. Error (input) when it is null or longer than the limit.
std::string_view required_text(const char* text, const char* function, const char* name,
                               size_t limit = WF_MAX_TEXT);
// The same, but null is empty.
std::string_view optional_text(const char* text, const char* function, const char* name);

// What a struct's size was in older headers of this soname; its fields end there.
template <class Struct>
inline constexpr std::array<size_t, 0> kOlderSizes = {};

// Error (input) unless `known` bytes or one of `older` are given; what is beyond `known` must be zero.
void check_struct_size(const void* given, size_t known, const size_t* older, size_t older_count,
                       const char* function, const char* type);

// What the caller's struct says, whichever header he has: fields that he does not know are 0 or null.
template <class Struct>
Struct read_struct(const Struct* given, const char* function, const char* type) {
  require(given, function, type);
  check_struct_size(given, sizeof(Struct), kOlderSizes<Struct>.data(), kOlderSizes<Struct>.size(), function,
                    type);
  Struct read{};
  // As bytes: a compiler may take a Struct to be there as a whole.
  std::memcpy(static_cast<void*>(&read), given, std::min(given->struct_size, sizeof(Struct)));
  read.struct_size = sizeof(Struct);
  return read;
}

// Gives the caller as much of `value` as he knows; his struct_size stays.
template <class Struct>
void write_struct(Struct* given, Struct value, const char* function, const char* type) {
  require(given, function, type);
  check_struct_size(given, sizeof(Struct), kOlderSizes<Struct>.data(), kOlderSizes<Struct>.size(), function,
                    type);
  value.struct_size = given->struct_size;
  std::memcpy(static_cast<void*>(given), &value, std::min(given->struct_size, sizeof(Struct)));
}

}  // namespace warpfinch
