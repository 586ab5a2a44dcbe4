// Compares outputs with the reference, block by block as it is computed.
#include "runtime/accuracy.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <mutex>

#include "runtime/error_bounds.hpp"
#include "runtime/parallel.hpp"
#include "runtime/rows.hpp"
#include "runtime/written.hpp"

namespace warpfinch {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Where an element stands: buffer, matrix, row, column.
using Place = std::array<int64_t, 4>;

struct Worst {
  double error = -1;
  Place place{};
  double output = 0, value = 0, bound = 0;
  // Among equals the first element of the tensor, whatever order the threads came in.
  bool operator<(const Worst& other) const {
    return error < other.error || (error == other.error && place > other.place);
  }
};

Worst compare(const ReferenceBlock& block, const HostTensor& tensor) {
  Worst worst;
  size_t at = 0;
  for (int64_t row : block.rows) {
    int64_t offset = element_offset(block, tensor.buffer, row);
    for (int64_t j = 0; j < block.columns; ++j, ++at, offset += row_stride(tensor.buffer)) {
      const double output = load_element(tensor, offset);
      const DataType type = tensor.buffer.type;
      const double value = block.value[at];
      const double error = error_ratio(output, value, block.bound[at], type);
      if (error > worst.error)
        worst = {error,
                 {block.buffer, block.matrix, row, block.first_column + j},
                 output,
                 value,
                 block.bound[at] + last_rounding(output, value, type)};
    }
  }
  return worst;
}

// "o[0,3,17,5]".
std::string place_text(const Place& place, const Buffer& buffer) {
  std::vector<int64_t> index{place[2], place[3]};
  if (buffer.name == "lse") index.pop_back();
  int64_t matrix = place[1];
  for (size_t i = buffer.shape.size() - index.size(); i-- > 0;) {
    index.insert(index.begin(), matrix % buffer.shape[i]);
    matrix /= buffer.shape[i];
  }
  return fmt::format("{}[{}]", buffer.name, fmt::join(index, ","));
}

std::string worst_text(const Worst& worst, const Buffer& buffer) {
  const std::string place = place_text(worst.place, buffer);
  if (std::isnan(worst.output) && worst.error > 0)
    return fmt::format("{} is NaN or was not written, should be {:.6g}", place, worst.value);
  return fmt::format("{} = {:.6g}, should be {:.6g} (bound {:.3g})", place, worst.output, worst.value,
                     worst.bound);
}

// Collects comparisons from several threads.
class Verdict {
 public:
  explicit Verdict(const std::vector<HostTensor>& tensors) : tensors_(tensors) {}
  void add(const ReferenceBlock& block) {
    const Worst worst = compare(block, tensors_[static_cast<size_t>(block.buffer)]);
    const std::lock_guard lock(mutex_);
    checked_ += static_cast<int64_t>(block.value.size());
    if (worst_ < worst) worst_ = worst;
  }
  Accuracy result() const {
    Accuracy accuracy;
    accuracy.max_error = std::max(0.0, worst_.error);
    accuracy.checked = checked_;
    if (worst_.error >= 0)
      accuracy.worst = worst_text(worst_, tensors_[static_cast<size_t>(worst_.place[0])].buffer);
    return accuracy;
  }

 private:
  const std::vector<HostTensor>& tensors_;
  std::mutex mutex_;
  Worst worst_;
  int64_t checked_ = 0;
};

// Value and bound of every element that is compared.
double reference_bytes(const Problem& problem, bool sampled) {
  double total = 0;
  for (const Buffer& buffer : buffers(problem)) {
    if (!buffer.output || buffer.name == "lse") continue;
    const int64_t rows = buffer.shape[buffer.shape.size() - 2];
    const double chosen =
        sampled ? static_cast<double>(sampled_rows(rows).size()) : static_cast<double>(rows);
    total += static_cast<double>(row_count(buffer) / rows * row_length(buffer)) * chosen * 2 * sizeof(double);
  }
  return total;
}

// Same tensor, whatever alignment a plan asks of its pointer.
bool is_laid_out_as(const Buffer& given, const Buffer& wanted) {
  return given.name == wanted.name && given.type == wanted.type && given.shape == wanted.shape &&
         given.strides == wanted.strides;
}

void check_tensors(const Problem& problem, const std::vector<HostTensor>& tensors) {
  const std::vector<Buffer> wanted = buffers(problem);
  if (wanted.size() != tensors.size())
    fail_input(
        fmt::format("{} has {} tensors, {} were given", operation(problem), wanted.size(), tensors.size()));
  for (size_t i = 0; i < wanted.size(); ++i)
    if (!is_laid_out_as(tensors[i].buffer, wanted[i]))
      fail_input(fmt::format("tensor {} ({}) is not laid out as {} wants it", i, wanted[i].name,
                             operation(problem)));
}

}  // namespace

AccuracyCheck::AccuracyCheck(const Problem& problem, const std::vector<HostTensor>& inputs, int threads,
                             int64_t memory_limit, double sample_above_flops, bool scaled_q)
    : problem_(canonical(problem)),
      threads_(threads),
      scaled_q_(scaled_q),
      sampled_(flops(problem_) > sample_above_flops) {
  check_tensors(problem_, inputs);
  kept_ = reference_bytes(problem_, sampled_) <= static_cast<double>(memory_limit);
  if (!kept_) return;
  std::mutex mutex;
  const BlockSink keep = [&](ReferenceBlock block) {
    const std::lock_guard lock(mutex);
    blocks_.push_back(std::move(block));
  };
  reference_blocks(problem_, inputs, sampled_, threads_, keep, scaled_q_);
}

Accuracy AccuracyCheck::operator()(const std::vector<HostTensor>& tensors) const {
  check_tensors(problem_, tensors);
  Verdict verdict(tensors);
  if (kept_)
    parallel_for(static_cast<int64_t>(blocks_.size()), threads_,
                 [&](int64_t i) { verdict.add(blocks_[static_cast<size_t>(i)]); });
  else
    reference_blocks(
        problem_, tensors, sampled_, threads_, [&](ReferenceBlock block) { verdict.add(block); }, scaled_q_);
  Accuracy accuracy = verdict.result();
  for (const HostTensor& tensor : tensors) {
    if (!tensor.buffer.output || !accuracy.right()) continue;
    std::optional<std::string> complaint = stray_write(tensor);
    if (!complaint && sampled_) complaint = unwritten(tensor, threads_);  // else each element was compared
    if (complaint) accuracy.max_error = kInfinity, accuracy.worst = *complaint;
  }
  return accuracy;
}

bool rounds_scaled_q(const Config& config) {
  const auto rounds = [](const auto& kernel) { return rounds_scaled_q(kernel); };
  return std::any_of(config.kernels.begin(), config.kernels.end(),
                     [&](const KernelConfig& kernel) { return std::visit(rounds, kernel); });
}

Accuracy check_accuracy(const Problem& problem, const std::vector<HostTensor>& tensors, int threads) {
  return AccuracyCheck(problem, tensors, threads, 0)(tensors);
}

Accuracy check_accuracy(const Problem& problem, const Config& config, const std::vector<HostTensor>& tensors,
                        int threads, double sample_above_flops) {
  return AccuracyCheck(problem, tensors, threads, 0, sample_above_flops, rounds_scaled_q(config))(tensors);
}

std::vector<std::vector<double>> reference(const Problem& problem, const std::vector<HostTensor>& tensors) {
  const Problem whole = canonical(problem);
  check_tensors(whole, tensors);
  std::vector<std::vector<double>> values(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i)
    if (const Buffer& buffer = tensors[i].buffer; buffer.output)
      values[i].resize(static_cast<size_t>(row_count(buffer) * row_length(buffer)));
  std::mutex mutex;
  reference_blocks(whole, tensors, false, machine_threads(), [&](ReferenceBlock block) {
    Buffer packed = tensors[static_cast<size_t>(block.buffer)].buffer;
    packed.strides = contiguous(packed.shape);
    const std::lock_guard lock(mutex);
    auto value = block.value.begin();
    for (int64_t row : block.rows)
      for (int64_t j = 0; j < block.columns; ++j)
        values[static_cast<size_t>(block.buffer)]
              [static_cast<size_t>(element_offset(block, packed, row) + j)] = *value++;
  });
  std::erase_if(values, [](const auto& list) { return list.empty(); });
  return values;
}

}  // namespace warpfinch
