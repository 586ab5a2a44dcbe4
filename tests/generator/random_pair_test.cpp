// The random pairs that tests on a GPU and in the emulator run: the same seed draws the same ones, and their
// texts say all of them. tools/same_kernels draws with this test. From the environment:
// WARPFINCH_RANDOM_PAIRS (5), WARPFINCH_RANDOM_SEED (1): the first problem's, WARPFINCH_RANDOM_TARGET
// (sm_90a), WARPFINCH_RANDOM_LIST: a file for the pairs, one a line: problem and config with a tab between.
#include "tests/generator/random_pair.hpp"

#include <fstream>

namespace warpfinch {
namespace {

const Target& wanted_target() {
  const char* name = std::getenv("WARPFINCH_RANDOM_TARGET");
  return target_by_name(name ? name : "sm_90a");
}

TEST(RandomPairs, are_what_their_seed_and_their_text_say) {
  const char* list = std::getenv("WARPFINCH_RANDOM_LIST");
  std::ofstream file;
  if (list) file.open(list);
  const uint64_t first = from_environment("WARPFINCH_RANDOM_SEED", 1);
  const int count = from_environment("WARPFINCH_RANDOM_PAIRS", 5);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const auto pair = random_pair(seed, wanted_target());
    ASSERT_TRUE(pair);
    const std::string problem = to_text(pair->problem), config = to_text(pair->config);
    EXPECT_EQ(parse_problem(problem), pair->problem);
    EXPECT_EQ(parse_config(config, pair->problem), pair->config);
    if (list)
      file << problem << '\t' << config << '\n';
    else
      EXPECT_EQ(random_pair(seed, wanted_target())->plan, pair->plan) << "seed " << seed;
  }
  file.flush();
  EXPECT_TRUE(file.good() || !list) << list;
}

}  // namespace
}  // namespace warpfinch
