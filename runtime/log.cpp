#include "runtime/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <cstdlib>
#include <string>

namespace warpfinch {
namespace {

// Kept out of spdlog's registry, whose names belong to the program that links us.
std::shared_ptr<spdlog::logger> make_logger() {
  const auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto log = std::make_shared<spdlog::logger>("warpfinch", sink);
  log->set_pattern("%n: %l: %v");
  const char* level = std::getenv("WARPFINCH_LOG");
  // An unknown word reads as "off".
  log->set_level(level ? spdlog::level::from_str(level) : spdlog::level::off);
  log->flush_on(spdlog::level::warn);
  return log;
}

}  // namespace

std::shared_ptr<spdlog::logger> logger() {
  static const std::shared_ptr<spdlog::logger> log = make_logger();
  return log;
}

void default_log_level(spdlog::level::level_enum level) {
  if (!std::getenv("WARPFINCH_LOG")) logger()->set_level(level);
}

}  // namespace warpfinch
