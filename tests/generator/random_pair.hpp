// A random legal problem with a random config that the generator accepts, from a seed.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <random>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "tests/generator/arbitrary_problem.hpp"

namespace warpfinch {

inline int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

struct RandomPair {
  uint64_t seed = 0;
  Problem problem;
  Config config;
  Plan plan;
};

// With what a search does not try, but a user may type; not scale_q, which has a wider bound. A value that
// stands twice is drawn twice as often.
inline ConfigSpace widened(ConfigSpace space) {
  const std::map<std::string_view, std::vector<std::string>> typed{
      {"pingpong", {"none", "issue", "exponentials"}},
      {"copy", {"auto", "auto", "auto", "ld", "cp_async"}},
      {"q_copy", {"same", "same", "same", "auto", "ld", "cp_async"}},
      {"kv_copy", {"same", "same", "same", "auto", "ld", "cp_async"}},
      {"cache", {"none", "none", "keep_kv", "kv_last", "qo_first"}},
      {"polynomial", {"0", "0", "0", "1", "2", "4", "8"}},
      {"producer_regs", {"0", "0", "0", "24", "32", "40", "56"}},
      {"swizzle", {"widest", "widest", "64", "32"}}};
  for (Gene& gene : space.genes)
    if (const auto values = typed.find(gene.name); values != typed.end()) gene.values = values->second;
  return space;
}

inline Config random_config(const ConfigSpace& space, std::mt19937_64& random) {
  Genome genome;
  for (const Gene& gene : space.genes) genome.push_back(static_cast<int>(random() % gene.values.size()));
  return decode(space, genome);
}

constexpr int kConfigTries = 20000;

// A pair of that problem; nothing where no config of many is valid. Every refusal on the way must carry a
// reason.
inline std::optional<RandomPair> random_pair(uint64_t seed, const ConfigSpace& space,
                                             std::mt19937_64& random) {
  RandomPair pair{.seed = seed, .problem = space.problem, .config = {}, .plan = {}};
  for (int tries = 0; tries < kConfigTries; ++tries) {
    pair.config = random_config(space, random);
    Expected<Plan> plan = generate(pair.problem, pair.config, space.target);
    if (plan) return pair.plan = std::move(*plan), pair;
    EXPECT_FALSE(plan.rejection().reason.empty());
  }
  return std::nullopt;
}

inline std::string no_config_for(const Problem& problem) {
  return fmt::format("no config of {} was valid for {}", kConfigTries, to_text(problem));
}

// rapidcheck's generators keep state per thread that a second thread does not have: one thread only.
inline Problem random_problem(uint64_t seed) { return arbitrary_problem()(rc::Random(seed), 100).value(); }

// Nothing, with a failure of the test, where no config of many is valid.
inline std::optional<RandomPair> random_pair(uint64_t seed, const Target& target) {
  std::mt19937_64 random(seed);
  const Problem problem = random_problem(seed);
  auto pair = random_pair(seed, widened(config_space(problem, target)), random);
  if (!pair) ADD_FAILURE() << "seed " << seed << ": " << no_config_for(problem);
  return pair;
}

}  // namespace warpfinch
