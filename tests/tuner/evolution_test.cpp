// The genetic algorithm: children come from their parents, nothing invalid and nothing twice is asked, and
// the seed decides the run.
#include "tuner/evolution.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/tuner/made_up.hpp"
#include "tuner/genetics.hpp"

namespace warpfinch {
namespace {

const ConfigSpace& space_of(int index) {
  static const std::vector<ConfigSpace> spaces = [] {
    std::vector<ConfigSpace> made;
    for (const char* text : {"attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16",
                             "gemm m=512 n=512 k=512", "softmax rows=64 columns=1000"})
      made.push_back(config_space(parse_problem(text), sm_90a()));
    return made;
  }();
  return spaces[static_cast<size_t>(index)];
}

const ConfigSpace& arbitrary_space() { return space_of(*rc::gen::inRange(0, 3)); }

Random arbitrary_random() { return Random(*rc::gen::arbitrary<uint64_t>()); }

bool in_domain(const ConfigSpace& space, const Genome& genome) {
  if (genome.size() != space.genes.size()) return false;
  for (size_t i = 0; i < genome.size(); ++i)
    if (genome[i] < 0 || genome[i] >= static_cast<int>(space.genes[i].values.size())) return false;
  return true;
}

int differences(const Genome& a, const Genome& b) {
  int count = 0;
  for (size_t i = 0; i < a.size(); ++i) count += a[i] != b[i];
  return count;
}

// --- operators ---------------------------------------------------------------------------------------------
RC_GTEST_PROP(Genetics, a_childs_genes_come_from_its_parents, ()) {
  const ConfigSpace& space = arbitrary_space();
  Random random = arbitrary_random();
  const Genome a = random_genome(space, random), b = random_genome(space, random);
  const Genome child = crossover(a, b, random);
  RC_ASSERT(in_domain(space, child));
  for (size_t i = 0; i < child.size(); ++i) RC_ASSERT(child[i] == a[i] || child[i] == b[i]);
}

RC_GTEST_PROP(Genetics, a_mutation_stays_in_the_domain, ()) {
  const ConfigSpace& space = arbitrary_space();
  Random random = arbitrary_random();
  const Genome genome = random_genome(space, random);
  RC_ASSERT(in_domain(space, genome));
  RC_ASSERT(in_domain(space, mutate(genome, space, 0.5, random)));
  RC_ASSERT(mutate(genome, space, 0, random) == genome);
}

RC_GTEST_PROP(Genetics, repair_gives_a_valid_neighbour, ()) {
  const ConfigSpace& space = arbitrary_space();
  Random random = arbitrary_random();
  const Genome genome = random_genome(space, random);
  const bool valid = is_valid(space, genome);
  RC_CLASSIFY(valid, "valid before");
  const auto repaired = repair(genome, space, random);
  if (valid) RC_ASSERT(repaired == genome);
  if (!repaired) return;
  RC_ASSERT(in_domain(space, *repaired) && is_valid(space, *repaired));
  RC_ASSERT(differences(genome, *repaired) <= 1);
}

TEST(Genetics, crossover_and_mutation_do_change_something) {
  const ConfigSpace& space = space_of(0);
  Random random(1);
  int crossed = 0, mutated = 0;
  for (int i = 0; i < 100; ++i) {
    const Genome a = random_genome(space, random), b = random_genome(space, random);
    const Genome child = crossover(a, b, random);
    crossed += child != a && child != b;
    mutated += mutate(a, space, 0.25, random) != a;
  }
  EXPECT_GT(crossed, 50);
  EXPECT_GT(mutated, 50);
}

// --- ask and tell
// --------------------------------------------------------------------------------------------
double cost_of(const Config& config) {
  const Evaluation evaluation = made_up("p", "c", landscape(config));
  return cost_us(evaluation);
}

std::vector<Config> play(Evolution& evolution, int rounds, size_t batch) {
  std::vector<Config> all;
  for (int i = 0; i < rounds; ++i)
    for (const Config& config : evolution.ask(batch)) {
      all.push_back(config);
      evolution.tell(config, cost_of(config));
    }
  return all;
}

RC_GTEST_PROP(Evolutions, ask_only_valid_configs_and_none_twice, ()) {
  const ConfigSpace& space = arbitrary_space();
  Evolution evolution(space, *rc::gen::arbitrary<uint64_t>(), {.seeds_from_model = *rc::gen::inRange(0, 2)});
  std::set<std::string> seen;
  for (const Config& config : play(evolution, 5, static_cast<size_t>(*rc::gen::inRange(1, 24)))) {
    RC_ASSERT(!check(space.problem, config, space.target));
    RC_ASSERT(seen.insert(to_text(config)).second);
  }
  RC_ASSERT(!seen.empty());
}

RC_GTEST_PROP(Evolutions, the_same_seed_is_the_same_run, ()) {
  const ConfigSpace& space = arbitrary_space();
  const uint64_t seed = *rc::gen::arbitrary<uint64_t>();
  Evolution one(space, seed, {.seeds_from_model = 0}), two(space, seed, {.seeds_from_model = 0});
  RC_ASSERT(play(one, 6, 8) == play(two, 6, 8));
}

TEST(Evolutions, another_seed_is_another_run) {
  Evolution one(space_of(0), 1), two(space_of(0), 2);
  EXPECT_NE(play(one, 6, 8), play(two, 6, 8));
}

TEST(Evolutions, begin_with_the_models_best) {
  const ConfigSpace& space = space_of(0);
  Evolution evolution(space, 7, {.seeds_from_model = 3});
  EXPECT_EQ(evolution.ask(3), rank(space, 3));
}

TEST(Evolutions, begin_with_what_was_suggested) {
  const ConfigSpace& space = space_of(0);
  const Config suggested = rank(space, 40).back();
  Evolution evolution(space, 7);
  evolution.suggest(suggested);
  EXPECT_EQ(evolution.ask(1).at(0), suggested);
}

TEST(Evolutions, keep_the_elite_and_no_rejected_config) {
  Evolution evolution(space_of(0), 3);
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 12; ++round) {
    for (const Config& config : evolution.ask(16)) {
      best = std::min(best, cost_of(config));
      evolution.tell(config, cost_of(config));
    }
    ASSERT_FALSE(evolution.population().empty());
    EXPECT_LE(evolution.population().size(), 16U);
    for (const Individual& individual : evolution.population())
      EXPECT_TRUE(std::isfinite(individual.cost_us));
    EXPECT_TRUE(std::is_sorted(evolution.population().begin(), evolution.population().end(),
                               [](const auto& a, const auto& b) { return a.cost_us < b.cost_us; }));
  }
  // What is told last may still wait for its generation to be complete.
  for (const Config& config : evolution.ask(16))
    evolution.tell(config, std::numeric_limits<double>::infinity());
  EXPECT_EQ(evolution.population().front().cost_us, best);
}

TEST(Evolutions, go_on_when_everything_is_rejected) {
  Evolution evolution(space_of(0), 3);
  for (int round = 0; round < 4; ++round) {
    const auto asked = evolution.ask(16);
    EXPECT_EQ(asked.size(), 16U);
    for (const Config& config : asked) evolution.tell(config, std::numeric_limits<double>::infinity());
  }
  EXPECT_TRUE(evolution.population().empty());
}

// The whole of a small space is asked, then nothing more.
TEST(Evolutions, exhaust_a_small_space) {
  const ConfigSpace& space = space_of(2);
  size_t valid = 0;
  Genome genome(space.genes.size(), 0);
  for (bool more = true; more;) {
    valid += is_valid(space, genome);
    more = false;
    for (size_t i = 0; i < genome.size() && !more; ++i) {
      more = ++genome[i] < static_cast<int>(space.genes[i].values.size());
      if (!more) genome[i] = 0;
    }
  }
  Evolution evolution(space, 5);
  EXPECT_EQ(play(evolution, 200, 16).size(), valid);
  EXPECT_TRUE(evolution.ask(1).empty());
}

// Against random search, on a smooth landscape whose optimum is one config: the reason to have a GA at all.
TEST(Evolutions, beat_random_search) {
  const ConfigSpace& space = space_of(1);
  Random dice(11);
  int wins = 0;
  for (int trial = 0; trial < 10; ++trial) {
    Genome optimum = random_genome(space, dice);
    while (!is_valid(space, optimum)) optimum = random_genome(space, dice);
    const auto cost = [&](const Genome& genome) {
      double sum = 1;
      for (size_t i = 0; i < genome.size(); ++i) sum += std::abs(genome[i] - optimum[i]);
      return sum;
    };
    Evolution evolution(space, static_cast<uint64_t>(trial), {.seeds_from_model = 0});
    double evolved = 1e9, drawn = 1e9;
    for (int round = 0; round < 10; ++round)
      for (const Config& config : evolution.ask(12)) {
        const double us = cost(*encode(space, config));
        evolved = std::min(evolved, us);
        evolution.tell(config, us);
      }
    for (int i = 0; i < 120;) {
      const Genome genome = random_genome(space, dice);
      if (!is_valid(space, genome)) continue;
      drawn = std::min(drawn, cost(genome));
      ++i;
    }
    wins += evolved < drawn || evolved == 1;
  }
  EXPECT_GE(wins, 8);
}

}  // namespace
}  // namespace warpfinch
