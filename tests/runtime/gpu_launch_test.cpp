// The whole runtime on a GPU: compile, load, launch, capture, measure. Skipped aloud where there is none.
#include <gtest/gtest.h>

#include <numeric>

#include "generator/result.hpp"
#include "runtime/device_memory.hpp"
#include "runtime/driver_device.hpp"
#include "runtime/measure.hpp"
#include "runtime/stream_objects.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

constexpr int kRows = 70, kColumns = 64, kTileRows = 32;  // the last tile hangs over the edge

// Copies a [70, 64] fp32 tensor through TMA, 32 x 32 values a block, and adds `extra` from the workspace.
// What the TMA unit fills in beyond the last row must be zero, else it counts into `beyond`.
const char* const kCopy = R"(
struct alignas(64) Map { char bytes[128]; };
extern "C" __global__ void __launch_bounds__(32) copy(const __grid_constant__ Map source, float* target,
                                                      const float* extra, float* beyond) {
  __shared__ alignas(128) float tile[32 * 32];
  __shared__ alignas(8) unsigned long long barrier;
  const unsigned at = (unsigned)__cvta_generic_to_shared(tile);
  const unsigned bar = (unsigned)__cvta_generic_to_shared(&barrier);
  const int row = blockIdx.x / 2 * 32, column = blockIdx.x % 2 * 32;
  if (threadIdx.x == 0) {
    asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(bar) : "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], 4096;" ::"r"(bar) : "memory");
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%2, %3}], [%4];"
                 ::"r"(at), "l"(&source), "r"(column), "r"(row), "r"(bar) : "memory");
  }
  __syncthreads();
  unsigned done = 0;
  while (!done)
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared.b64 p, [%1], 0; selp.u32 %0, 1, 0, p; }"
                 : "=r"(done) : "r"(bar) : "memory");
  for (int r = 0; r < 32; ++r) {
    const float value = tile[r * 32 + threadIdx.x];
    if (row + r < 70) target[(row + r) * 64 + column + threadIdx.x] = value + extra[0];
    else if (value != 0) atomicAdd(beyond, 1.0f);
  }
}
)";

Plan copy_plan() {
  Plan plan;
  plan.problem = "copy";
  plan.target = target_by_name("sm_90a");
  plan.buffers = {{.name = "x", .type = DataType::fp32, .shape = {kRows, kColumns}, .strides = {kColumns, 1}},
                  {.name = "y",
                   .type = DataType::fp32,
                   .shape = {kRows, kColumns},
                   .strides = {kColumns, 1},
                   .output = true}};
  plan.workspace_bytes = 256;
  Launch launch;
  launch.name = launch.source.entry = "copy";
  launch.source.target = "sm_90a";
  launch.source.kernel = kCopy;
  Argument map;
  map.kind = Argument::Kind::tensor_map;
  map.map = {.type = DataType::fp32,
             .shape = {kColumns, kRows},
             .byte_strides = {kColumns * 4},
             .box = {32, kTileRows}};
  Argument target, extra, beyond;
  target.buffer = {.buffer = 1};
  extra.buffer = {.buffer = -1};
  beyond.buffer = {.buffer = -1, .offset = 4};
  launch.arguments = {map, target, extra, beyond};
  launch.tiles = 2 * ((kRows + kTileRows - 1) / kTileRows);
  launch.threads = 32;
  plan.launches = {launch};
  return plan;
}

class GpuLaunch : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (list_devices(&why).empty()) GTEST_SKIP() << "skipped: " << why;
    device_ = Device::open("cuda:0");
    KernelCache cache(folder_.path());
    const Plan plan = copy_plan();
    const auto kernels = compile(plan, cache);
    ASSERT_TRUE(kernels) << kernels.rejection().reason;
    plan_ = LoadedPlan::load(device_, plan, *kernels);
    x_ = std::make_unique<DeviceMemory>(device_, kBytes);
    y_ = std::make_unique<DeviceMemory>(device_, kBytes);
    workspace_ = std::make_unique<DeviceMemory>(device_, 256);
    std::iota(host_.begin(), host_.end(), 1.0f);
    x_->upload(host_.data(), kBytes);
    y_->fill(0xff);
    const float extra[2] = {0.5f, 0};
    workspace_->fill(0);
    workspace_->upload(extra, sizeof extra);
  }
  std::vector<DevicePointer> pointers() const { return {x_->pointer(), y_->pointer()}; }
  void expect_copied() {
    std::vector<float> seen(host_.size());
    y_->download(seen.data(), kBytes);
    for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], host_[i] + 0.5f) << i;
    float words[2];
    workspace_->download(words, sizeof words);
    EXPECT_EQ(words[1], 0) << "TMA read something but zero beyond the tensor";
  }

  static constexpr size_t kBytes = kRows * kColumns * sizeof(float);
  TemporaryFolder folder_;
  std::shared_ptr<Device> device_;
  std::shared_ptr<const LoadedPlan> plan_;
  std::unique_ptr<DeviceMemory> x_, y_, workspace_;
  std::vector<float> host_ = std::vector<float>(kRows * kColumns);
};

TEST_F(GpuLaunch, RunsOnTheDefaultStream) {
  plan_->launch(pointers(), workspace_->pointer(), nullptr);
  synchronize(*device_);
  expect_copied();
}

TEST_F(GpuLaunch, LeavesNoContextCurrentWhereNoneWas) {
  const Driver& driver = driver_device(*device_).driver();
  CUcontext current = nullptr;
  plan_->launch(pointers(), workspace_->pointer(), nullptr);
  ASSERT_EQ(driver.ctx_get_current(&current), CUDA_SUCCESS);
  EXPECT_EQ(current, nullptr);
}

// The very first launch may be a captured one: nothing of the plan is loaded lazily.
TEST_F(GpuLaunch, IsSafeInsideCapture) {
  const DriverDevice& on = driver_device(*device_);
  const CurrentContext current(on);
  const Stream stream = make_stream(on.driver());
  const Graph graph = capture(on.driver(), stream.get(),
                              [&] { plan_->launch(pointers(), workspace_->pointer(), stream.get()); });
  ASSERT_EQ(on.driver().graph_launch(graph.get(), stream.get()), CUDA_SUCCESS);
  ASSERT_EQ(on.driver().stream_synchronize(stream.get()), CUDA_SUCCESS);
  expect_copied();
}

TEST_F(GpuLaunch, IsMeasured) {
  const auto both =
      measure_interleaved(*device_, {plan_.get(), plan_.get()}, pointers(), workspace_->pointer());
  for (const Measurement& measurement : both) {
    EXPECT_GT(measurement.min_us, 0.5);  // no kernel of several blocks with a copy through memory is faster
    EXPECT_LT(measurement.median_us, 1000);
    EXPECT_EQ(measurement.launches_per_sample, 50);
  }
  expect_copied();
}

TEST_F(GpuLaunch, ListsItself) {
  const auto devices = list_devices();
  ASSERT_FALSE(devices.empty());
  EXPECT_EQ(devices[0].id, "cuda:0");
  EXPECT_FALSE(devices[0].name.empty());
  EXPECT_EQ(devices[0].uuid.size(), 40u) << devices[0].uuid;
  EXPECT_GT(devices[0].memory_bytes, int64_t{1} << 30);
  EXPECT_EQ(device_->target().multiprocessors, devices[0].multiprocessors);
}

}  // namespace
}  // namespace warpfinch
