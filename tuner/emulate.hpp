// Candidates in the emulator, before they cost GPU time or where there is no GPU.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "tuner/candidate.hpp"

namespace warpfinch {

// Why a config must not go to a GPU: a hazard, a wrong result or a launch beyond the time limit, on the
// problem shrunk to what the config needs (stage "emulator", with the line to paste that shows it).
// emulator: the device, "emulator:sm_90a,seed=7"; without a limit of its own it gets one of two minutes.
// Error (environment) where the machine has no compiler for the emulator, and after a stop.
std::optional<Rejection> emulate(const Problem& problem, const Config& config, const Target& target,
                                 const std::string& emulator, KernelCache& cache,
                                 const std::stop_token& stop = {});

// What `prepare` lets through has to pass the emulator as well.
Prepare with_emulation(Prepare prepare, const Target& target, const std::string& emulator,
                       const std::stop_token& stop = {});

}  // namespace warpfinch
