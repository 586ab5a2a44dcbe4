// Does the emulator compute what the card computes? Random pairs, shrunken, each run on both. In ulp of the
// output's type, taken at max(|x|, RMS of the row): at most 1 for 99.9 % of the elements and 4 for all; fp32
// outputs differ by at most a quarter of the accuracy bound.
// Pairs: WARPFINCH_AGREEMENT_PAIRS (200), first seed: WARPFINCH_RANDOM_SEED (1). Needs a C++ compiler beside
// the card.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <mutex>

#include "generator/shrink.hpp"
#include "runtime/parallel.hpp"
#include "runtime/reference.hpp"
#include "runtime/rows.hpp"
#include "runtime/run_once.hpp"
#include "tests/generator/random_pair.hpp"

namespace warpfinch {
namespace {

struct Pair {
  uint64_t seed = 0;
  Problem problem;
  Plan plan;
};

std::string to_text(const Pair& pair) {
  return "seed " + std::to_string(pair.seed) + ": --problem \"" + pair.plan.problem + "\" --config \"" +
         pair.plan.config + "\"";
}

int pair_count() { return from_environment("WARPFINCH_AGREEMENT_PAIRS", 200); }

std::vector<Pair> pairs_for(const Target& target, int count) {
  const int first = from_environment("WARPFINCH_RANDOM_SEED", 1);
  std::vector<Pair> pairs;
  for (int i = 0; i < count; ++i) {
    const auto whole = random_pair(static_cast<uint64_t>(first + i), target);
    if (!whole) continue;
    const Problem problem = shrink(whole->problem, whole->config, target);
    auto plan = generate(problem, whole->config, target);
    if (plan) pairs.push_back({whole->seed, problem, std::move(*plan)});
  }
  return pairs;
}

// The tensors with the outputs that the device computes.
std::vector<HostTensor> computed(const std::shared_ptr<Device>& device, const Pair& pair) {
  KernelCache cache;
  const auto kernels = compile(pair.plan, *device, cache, 1);
  if (!kernels) fail_input(kernels.rejection().reason + "; " + to_text(pair));
  std::vector<HostTensor> tensors = workload(pair.plan.buffers, pair.seed);
  run_once(device, *LoadedPlan::load(device, pair.plan, *kernels), tensors);
  return tensors;
}

std::vector<HostTensor> emulated(const Pair& pair, const std::string& id = "emulator:sm_90a") {
  return computed(Device::open(id), pair);
}

// --- comparing ---------------------------------------------------------------------------------------------
struct Differences {
  int64_t elements = 0, above_one = 0;  // of 16-bit outputs
  int64_t fp32_elements = 0;
  double largest_ulp = 0;
  double largest_share = 0;  // of the bound, of fp32 outputs
};

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double ulp_at(DataType type, double magnitude) {
  const int mantissa = type == DataType::bf16 ? 7 : 10, smallest = type == DataType::bf16 ? -126 : -14;
  const int exponent = magnitude > 0 ? std::ilogb(magnitude) : smallest;
  return std::ldexp(1.0, std::max(exponent, smallest) - mantissa);
}

// fp32 differences are judged by the bound of the reference, whose blocks name buffer, matrix, rows and
// columns. An lse has one element per row and no columns.
int64_t offset_of(const ReferenceBlock& block, const Buffer& buffer, int64_t row) {
  if (buffer.name == "lse") return row_offset(buffer, block.matrix) + row * row_stride(buffer);
  const int64_t rows = buffer.shape[buffer.shape.size() - 2];
  return row_offset(buffer, block.matrix * rows + row) + block.first_column * row_stride(buffer);
}

double largest_share(const ReferenceBlock& block, const HostTensor& ours, const HostTensor& theirs) {
  double largest = 0;
  auto bound = block.bound.begin();
  for (int64_t row : block.rows)
    for (int64_t column = 0; column < block.columns; ++column, ++bound) {
      const int64_t offset = offset_of(block, ours.buffer, row) + column * row_stride(ours.buffer);
      const double a = load_element(ours, offset), b = load_element(theirs, offset);
      if (a == b) continue;
      const double difference = std::abs(a - b);
      largest = std::max(largest, std::isfinite(difference) ? difference / *bound : kInfinity);
    }
  return largest;
}

void compare_fp32(const Pair& pair, const std::vector<HostTensor>& ours,
                  const std::vector<HostTensor>& theirs, Differences& differences) {
  reference_blocks(pair.problem, ours, false, 1, [&](const ReferenceBlock& block) {
    const auto buffer = static_cast<size_t>(block.buffer);
    if (ours[buffer].buffer.type != DataType::fp32) return;
    const double share = largest_share(block, ours[buffer], theirs[buffer]);
    differences.fp32_elements += static_cast<int64_t>(block.bound.size());
    differences.largest_share = std::max(differences.largest_share, share);
  });
}

void compare_row(const HostTensor& ours, const HostTensor& theirs, int64_t row, Differences& differences) {
  const Buffer& buffer = ours.buffer;
  const int64_t first = row_offset(buffer, row), step = row_stride(buffer), count = row_length(buffer);
  double squares = 0;
  for (int64_t i = 0; i < count; ++i) squares += std::pow(load_element(theirs, first + i * step), 2);
  const double rms = std::sqrt(squares / static_cast<double>(count));
  for (int64_t i = 0; i < count; ++i) {
    ++differences.elements;
    const double a = load_element(ours, first + i * step), b = load_element(theirs, first + i * step);
    if (a == b) continue;
    const double difference = std::abs(a - b);
    const double ulps =
        std::isfinite(difference) ? difference / ulp_at(buffer.type, std::max(std::abs(b), rms)) : kInfinity;
    differences.above_one += ulps > 1;
    differences.largest_ulp = std::max(differences.largest_ulp, ulps);
  }
}

Differences compare(const Pair& pair, const std::vector<HostTensor>& ours,
                    const std::vector<HostTensor>& theirs) {
  Differences differences;
  bool has_fp32 = false;
  for (size_t i = 0; i < ours.size(); ++i) {
    const Buffer& buffer = ours[i].buffer;
    if (!buffer.output) continue;
    has_fp32 = has_fp32 || buffer.type == DataType::fp32;
    if (buffer.type != DataType::fp32)
      for (int64_t row = 0; row < row_count(buffer); ++row) compare_row(ours[i], theirs[i], row, differences);
  }
  if (has_fp32) compare_fp32(pair, ours, theirs, differences);
  return differences;
}

void add(Differences& total, const Differences& pair) {
  total.elements += pair.elements;
  total.above_one += pair.above_one;
  total.fp32_elements += pair.fp32_elements;
  total.largest_ulp = std::max(total.largest_ulp, pair.largest_ulp);
  total.largest_share = std::max(total.largest_share, pair.largest_share);
}

void expect_agreement(const std::vector<Pair>& pairs, const std::shared_ptr<Device>& device) {
  Differences total;
  std::map<std::string, int> operations;
  std::multimap<double, std::string> shares;  // of fp32 outputs
  std::mutex mutex;
  parallel_for(static_cast<int64_t>(pairs.size()), machine_threads(), [&](int64_t i) {
    const Pair& pair = pairs[static_cast<size_t>(i)];
    const std::vector<HostTensor> theirs = computed(device, pair);
    const Differences differences = compare(pair, emulated(pair), theirs);
    const std::lock_guard lock(mutex);
    add(total, differences);
    ++operations[std::string(operation(pair.problem))];
    shares.emplace(-differences.largest_share, to_text(pair));
    EXPECT_LE(differences.largest_ulp, 4) << to_text(pair);
    EXPECT_LE(differences.largest_share, 0.25) << to_text(pair);
  });
  EXPECT_LE(static_cast<double>(total.above_one), 0.001 * static_cast<double>(total.elements));
  for (const auto& [name, count] : operations) std::printf("%s: %d pairs\n", name.c_str(), count);
  std::printf(
      "%zu pairs on %s; 16-bit: %ld elements, %ld above 1 ulp, largest %.2f ulp; fp32: %ld elements, "
      "largest difference %.4f of the bound\n",
      pairs.size(), device->info().name.c_str(), total.elements, total.above_one, total.largest_ulp,
      total.fp32_elements, total.largest_share);
  int shown = 0;
  for (auto i = shares.begin(); i != shares.end() && shown < 5; ++i, ++shown)
    std::printf("  %.4f: %s\n", -i->first, i->second.c_str());
}

TEST(GpuAgreement, emulator_and_card_agree) {
  std::string why;
  if (list_devices(&why).empty()) GTEST_SKIP() << "skipped, no GPU: " << why;
  const auto device = Device::open("cuda:0");
  expect_agreement(pairs_for(device->target(), pair_count()), device);
}

// The comparison itself: another schedule of the emulator in the card's place agrees to the bit.
TEST(AgreementCheck, two_schedules_agree) {
  for (const Pair& pair : pairs_for(target_by_name("sm_90a"), 4)) {
    const Differences differences = compare(pair, emulated(pair), emulated(pair, "emulator:sm_90a,seed=5"));
    EXPECT_GT(differences.elements + differences.fp32_elements, 0) << to_text(pair);
    EXPECT_EQ(differences.largest_ulp, 0) << to_text(pair);
    EXPECT_EQ(differences.largest_share, 0) << to_text(pair);
  }
}

}  // namespace
}  // namespace warpfinch
