// The library's log: one spdlog logger named "warpfinch", to standard error.
#pragma once

#include <spdlog/logger.h>

#include <memory>

namespace warpfinch {

// Its level is WARPFINCH_LOG (trace, debug, info, warn, error, off). Without it a library says nothing; a
// program that talks to its user calls default_log_level(spdlog::level::warn) first.
std::shared_ptr<spdlog::logger> logger();

// Sets the level unless WARPFINCH_LOG does.
void default_log_level(spdlog::level::level_enum level);

}  // namespace warpfinch
