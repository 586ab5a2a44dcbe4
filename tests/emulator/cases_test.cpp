// Inputs that kernels or the check once got wrong, from tests/cases, with what is right.
#include <cmath>
#include <filesystem>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

struct Case {
  Plan plan;
  std::vector<HostTensor> tensors;

  Case(const std::string& problem, const std::string& config) : plan(plan_for(problem, config)) {
    tensors = workload(plan.buffers, 7);
  }
  Case& read(size_t tensor, const std::string& file) {
    const std::filesystem::path cases(std::string(WARPFINCH_SOURCE_DIR) + "/tests/cases");
    tensors[tensor] = read_npy(cases / file, plan.buffers[tensor]);
    return *this;
  }
  void run_and_check() {
    expect_clean_and_right(kernels_of(plan), plan, tensors, {.threads = machine_threads()});
  }
};

TEST(Cases, a_NaN_in_q_makes_o_and_lse_NaN) {
  const std::string problem = "attention_forward q_len=1 kv_len=8 head_dim=64 lse=true";
  for (const char* config :
       {"consumers=1 key_tile=64 reference=r0", "consumers=1 key_tile=64 reference=r2"}) {
    Case it(problem, config);
    it.read(0, "nan_q.npy").run_and_check();
    EXPECT_TRUE(std::isnan(load_element(it.tensors[3], 0)));
    EXPECT_TRUE(std::isnan(load_element(it.tensors[4], 0)));
  }
}

}  // namespace
}  // namespace warpfinch::emulator
