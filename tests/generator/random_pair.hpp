// A random legal problem with a random config that the generator accepts, from a seed.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
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

inline Config random_config(const ConfigSpace& space, std::mt19937_64& random) {
  Genome genome;
  for (const Gene& gene : space.genes) genome.push_back(static_cast<int>(random() % gene.values.size()));
  return decode(space, genome);
}

// Nothing, with a failure of the test, where no config of many is valid. Every refusal on the way must carry
// a reason. rapidcheck's generators keep state per thread that a second thread does not have: one thread
// only.
inline std::optional<RandomPair> random_pair(uint64_t seed, const Target& target) {
  constexpr int kTries = 20000;
  std::mt19937_64 random(seed);
  RandomPair pair{.seed = seed, .problem = {}, .config = {}, .plan = {}};
  pair.problem = arbitrary_problem()(rc::Random(seed), 100).value();
  const ConfigSpace space = config_space(pair.problem, target);
  for (int tries = 0; tries < kTries; ++tries) {
    pair.config = random_config(space, random);
    Expected<Plan> plan = generate(pair.problem, pair.config, target);
    if (plan) return pair.plan = std::move(*plan), pair;
    EXPECT_FALSE(plan.rejection().reason.empty());
  }
  ADD_FAILURE() << "seed " << seed << ": no config of " << kTries << " was valid for "
                << to_text(pair.problem);
  return std::nullopt;
}

}  // namespace warpfinch
