// The emulator as a device: "emulator:sm_90a" stands wherever "cuda:0" does. Its memory is this process's
// own, its compiler the host's, a launch runs to its end before it returns.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/device.hpp"
#include "runtime/emulator/emulator.hpp"

namespace warpfinch::emulator {

// Does the text name an emulator, well or badly?
bool is_emulator(std::string_view id);
// "emulator:<target>", or with the order in which things happen and the seconds that a launch may take:
// "emulator:sm_90a,seed=7,limit=60". `threads`: of the host, for each launch; 0: all that the machine has.
// `stop`: ends what the device builds and runs at that moment, with an Error (environment). Error (input).
std::shared_ptr<Device> open_device(std::string_view id, int threads = 0, std::stop_token stop = {});
// The same device with that schedule seed; Error (input) where it has another one, or is not emulated.
std::string with_schedule_seed(std::string_view id, uint64_t seed);
// The same device with that limit, where it has none.
std::string with_limit(std::string_view id, uint64_t seconds);

// A launch that met hazards. what() is the whole report; its last line shows it again when pasted.
class HazardError : public Error {
 public:
  HazardError(Report report, const std::string& reproduce);
  // The same with another line to paste, from a caller who knows more than the plan does.
  HazardError with_line(const std::string& reproduce) const;
  // "data race: … (IR line 41; 2 more hazards)": what fits on one line.
  std::string summary() const;

 private:
  Report report_;
};

}  // namespace warpfinch::emulator
