// What producers keep of the registers (producer_regs=N): the emulator grants setmaxnreg out of what a launch
// allots, and finds who waits for more.
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

TEST(ProducerRegisters, are_granted_beside_the_consumers) {
  const std::string problem = "attention_forward q_heads=2 q_len=200 head_dim=64 mask=causal";
  for (const char* kept : {"24", "32", "40", "56"})
    expect_right(problem, std::string("consumer_warpgroups=2 key_tile=64 producer_regs=") + kept, {0});
  expect_right(problem, "consumer_warpgroups=3 key_tile=32 tile_order=dynamic staging=own producer_regs=40",
               {0, 1});
  expect_right(problem, "consumer_warpgroups=4 key_tile=32 copy=ld producer_regs=56", {0, 1});
}

TEST(ProducerRegisters, are_shared_by_blocks_of_a_multiprocessor) {
  const std::string problem = "attention_forward q_heads=4 q_len=200 head_dim=64 dtype=fp16";
  expect_right(problem,
               "consumer_warpgroups=1 key_tile=32 ctas_per_sm=3 k_stages=1 v_stages=1 producer_regs=56", {0});
  expect_right(problem,
               "consumer_warpgroups=2 key_tile=32 ctas_per_sm=2 k_stages=1 v_stages=1 producer_regs=32", {0});
}

}  // namespace
}  // namespace warpfinch::emulator
