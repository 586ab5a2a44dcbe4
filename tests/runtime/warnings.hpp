// What the library would have told its user.
#pragma once

#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "runtime/log.hpp"

namespace warpfinch {

// The warnings that `action` writes to the library's log.
template <class Action>
std::string warnings_of(const Action& action) {
  std::ostringstream text;
  const auto log = logger();
  const auto sinks = std::exchange(log->sinks(), {std::make_shared<spdlog::sinks::ostream_sink_mt>(text)});
  const auto level = log->level();
  log->set_level(spdlog::level::warn);
  action();
  log->set_level(level);
  log->sinks() = sinks;
  return text.str();
}

}  // namespace warpfinch
