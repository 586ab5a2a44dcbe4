#include "runtime/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <cstdlib>
#include <string>

#include "generator/former_words.hpp"
#include "generator/quote.hpp"

namespace warpfinch {
namespace {

// The pattern's %*: what %v gives, on one printable line, since it may hold paths and words of other
// programs.
class MessageOnOneLine : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
    const std::string text = one_line({message.payload.data(), message.payload.size()});
    line.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<MessageOnOneLine>();
  }
};

// Kept out of spdlog's registry, whose names belong to the program that links us.
std::shared_ptr<spdlog::logger> make_logger() {
  const auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto log = std::make_shared<spdlog::logger>("warpfinch", sink);
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<MessageOnOneLine>('*').set_pattern("%n: %l: %*");
  log->set_formatter(std::move(formatter));
  const char* level = std::getenv("WARPFINCH_LOG");
  // An unknown word reads as "off".
  log->set_level(level ? spdlog::level::from_str(level) : spdlog::level::off);
  log->flush_on(spdlog::level::warn);
  return log;
}

// Words of earlier versions are warned about, whoever reads them.
const bool kSaysFormerWords = [] {
  set_former_word_sink([](std::string_view was, std::string_view is) {
    logger()->warn("{} is now called {}; it is still read", quote(was), quote(is));
  });
  return true;
}();

}  // namespace

std::shared_ptr<spdlog::logger> logger() {
  static const std::shared_ptr<spdlog::logger> log = make_logger();
  return log;
}

void default_log_level(spdlog::level::level_enum level) {
  if (!std::getenv("WARPFINCH_LOG")) logger()->set_level(level);
}

}  // namespace warpfinch
