// The text of problems, and the one door through which a problem comes in: what follows is filled in, what
// equals its default is left out, what cannot be computed is refused with the key and its value.
#include "generator/problem.hpp"

#include <algorithm>
#include <cmath>

#include "generator/fp32.hpp"

namespace warpfinch {
namespace {

// Coordinates are 32-bit on the device, and a tile may reach past the end of its dimension.
constexpr int64_t kDimensionLimit = (int64_t{1} << 31) - 65536;
constexpr int kBytesLimit = 62;  // log2: offsets stay inside int64

template <class Operation>
concept AttentionOperation = std::is_base_of_v<AttentionFields, Operation>;

std::string operation_names() {
  return fmt::format("{}, {}, {}, {}", Gemm::kName, Softmax::kName, AttentionForward::kName,
                     AttentionThreeKernel::kName);
}

// --- checks -------------------------------------------------------------------------------------------
template <class Operation>
[[noreturn]] void refuse(const std::string& what) {
  fail_input(fmt::format("{}: {}", Operation::kName, what));
}

// Every integer field but the windows is a size.
template <class Operation>
void check_sizes(const Operation& operation) {
  for_each_field<Operation>([&](const auto& field) {
    const auto& value = operation.*field.member;
    if constexpr (std::is_same_v<decltype(value), const int64_t&>) {
      if (field.name.starts_with("window")) return;
      if (value == 0 && field.core) refuse<Operation>(fmt::format("{} is missing", field.name));
      if (value < 0) refuse<Operation>(fmt::format("{}={}: must be at least 1", field.name, value));
      if (value >= kDimensionLimit)
        refuse<Operation>(
            fmt::format("{}={}: must be below 2^31 - 65536 = {}", field.name, value, kDimensionLimit));
    }
  });
}

// The door for problems that code puts together; a text with such a value is refused while it is read.
template <class Operation>
void check_values(const Operation& operation) {
  for_each_field<Operation>([&](const auto& field) {
    const auto& value = operation.*field.member;
    if (!takes(field, value))
      refuse<Operation>(fmt::format("{}={}: not {}", field.name, value_to_text(value), wanted_by(field)));
  });
}

template <class Operation>
void check_volume(std::string_view name, std::initializer_list<int64_t> shape, int element_bytes) {
  double bits = std::log2(element_bytes);
  for (int64_t size : shape) bits += std::log2(static_cast<double>(size));
  if (bits > kBytesLimit)
    refuse<Operation>(fmt::format("{} [{}] takes 2^{:.0f} bytes, the limit is 2^{}", name,
                                  fmt::join(shape, ", "), bits, kBytesLimit));
}

// Elements from the first to one past the last, in floating point: strides may be anything up to 2^63.
double span(const std::vector<int64_t>& shape, const Strides& strides) {
  double last = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    last += static_cast<double>(shape[i] - 1) * static_cast<double>(strides[i]);
  return last + 1;
}

// Two elements share an address unless, dimensions sorted by stride, each one steps over all smaller ones.
bool overlaps_itself(const Buffer& buffer) {
  std::vector<std::pair<int64_t, int64_t>> dimensions;
  for (size_t i = 0; i < buffer.shape.size(); ++i)
    if (buffer.shape[i] > 1) dimensions.emplace_back(buffer.strides[i], buffer.shape[i]);
  std::sort(dimensions.begin(), dimensions.end());
  double covered = 1;
  for (auto [stride, size] : dimensions) {
    if (static_cast<double>(stride) < covered) return true;
    covered += static_cast<double>(size - 1) * static_cast<double>(stride);
  }
  return false;
}

template <class Operation>
void check_strides(const Buffer& buffer) {
  const std::string given = fmt::format("{}_strides={}", buffer.name, fmt::join(buffer.strides, ","));
  for (int64_t stride : buffer.strides)
    if (stride < 0) refuse<Operation>(given + ": strides must be 0 or more");
  if (std::log2(span(buffer.shape, buffer.strides) * size_of(buffer.type)) > kBytesLimit)
    refuse<Operation>(given + fmt::format(": the tensor would span more than 2^{} bytes", kBytesLimit));
  if (buffer.output && overlaps_itself(buffer))
    refuse<Operation>(fmt::format("{}: two elements of the output [{}] would share an address", given,
                                  fmt::join(buffer.shape, ", ")));
}

template <class Operation>
void check_stride_count(std::string_view name, const Strides& strides, size_t wanted,
                        std::string_view order) {
  if (!strides.empty() && strides.size() != wanted)
    refuse<Operation>(fmt::format("{}_strides={}: wants {} numbers, {}, has {}", name,
                                  fmt::join(strides, ","), wanted, order, strides.size()));
}

template <class Operation>
void check_scale(double scale) {
  if (is_exponent_factor(exponent_factor(scale))) return;
  refuse<Operation>(fmt::format("scale={}: must be a finite number above 0, and scale * log2(e) {}", scale,
                                kExponentFactors));
}

// --- canonical form of each operation -----------------------------------------------------------------
void clear_if_default(Strides& given, const Strides& otherwise) {
  if (given == otherwise) given.clear();
}

Gemm canonical_of(Gemm gemm) {
  check_sizes(gemm);
  check_values(gemm);
  if (gemm.alpha != 0 && !is_normal_fp32(gemm.alpha))
    refuse<Gemm>(fmt::format("alpha={}: must be a finite number, 0 or {} or minus that, the range of fp32",
                             gemm.alpha, kNormalFp32));
  check_volume<Gemm>("a", {gemm.batch, gemm.m, gemm.k}, size_of(gemm.dtype));
  check_volume<Gemm>("b", {gemm.batch, gemm.n, gemm.k}, size_of(gemm.dtype));
  check_volume<Gemm>("c", {gemm.batch, gemm.m, gemm.n}, size_of(gemm.output));
  check_stride_count<Gemm>("a", gemm.a_strides, 3, "batch,row,column");
  check_stride_count<Gemm>("b", gemm.b_strides, 3, "batch,row,column");
  check_stride_count<Gemm>("c", gemm.c_strides, 3, "batch,row,column");
  for (const Buffer& buffer : buffers(gemm)) check_strides<Gemm>(buffer);
  Gemm packed = gemm;
  packed.a_strides = packed.b_strides = packed.c_strides = {};
  clear_if_default(gemm.a_strides, a_strides(packed));
  clear_if_default(gemm.b_strides, b_strides(packed));
  clear_if_default(gemm.c_strides, c_strides(packed));
  return gemm;
}

Softmax canonical_of(Softmax softmax) {
  check_sizes(softmax);
  check_scale<Softmax>(softmax.scale);
  check_volume<Softmax>("x", {softmax.batch, softmax.rows, softmax.columns}, size_of(softmax.dtype));
  return softmax;
}

template <class Operation>
void check_attention(const Operation& f) {
  if (f.q_heads % f.kv_heads != 0)
    refuse<Operation>(fmt::format("q_heads={} is not a multiple of kv_heads={}", f.q_heads, f.kv_heads));
  check_values(f);
  for (auto [name, window] : {std::pair{"left", f.window_left}, std::pair{"right", f.window_right}})
    if (window < -1 || window >= kDimensionLimit)
      refuse<Operation>(fmt::format("window_{}={}: must be -1 (no limit) or a number of keys below {}", name,
                                    window, kDimensionLimit));
  check_scale<Operation>(effective_scale(f));
  check_volume<Operation>("q", {f.batch, f.q_heads, f.q_len, std::max(f.head_dim, f.value_dim)},
                          size_of(f.dtype));
  check_volume<Operation>("k", {f.batch, f.kv_heads, f.kv_len, std::max(f.head_dim, f.value_dim)},
                          size_of(f.dtype));
  if constexpr (std::is_same_v<Operation, AttentionThreeKernel>)
    check_volume<Operation>("the matrix of scores", {f.batch, f.q_heads, f.q_len, f.kv_len}, 4);
}

// Edges that hide nothing, or no more than the mask does, are none.
void simplify_window(AttentionFields& f) {
  if (f.mask == Mask::none && f.window_right == 0) f.mask = Mask::causal;
  if (f.mask != Mask::none) f.window_right = -1;
  const Band visible = band(f);
  if (visible.last && *visible.last >= f.kv_len - 1 && f.mask == Mask::none) f.window_right = -1;
  if (visible.first && f.q_len - 1 + *visible.first <= 0) f.window_left = -1;
}

template <AttentionOperation Operation>
Operation canonical_of(Operation f) {
  if (f.kv_heads == 0) f.kv_heads = f.q_heads;
  if (f.kv_len == 0) f.kv_len = f.q_len;
  if (f.value_dim == 0) f.value_dim = f.head_dim;
  check_sizes(f);
  check_attention(f);
  simplify_window(f);
  Operation packed = f;
  packed.scale = 0;
  packed.q_strides = packed.k_strides = packed.v_strides = packed.o_strides = {};
  for (auto [name, strides] :
       {std::pair{"q", &f.q_strides}, {"k", &f.k_strides}, {"v", &f.v_strides}, {"o", &f.o_strides}})
    check_stride_count<Operation>(name, *strides, 4, "batch,head,row,column");
  for (const Buffer& buffer : buffers(Problem(f))) check_strides<Operation>(buffer);
  // The kernels multiply in fp32: 1/sqrt(128) and 128^-0.5, one ulp of double apart, are the same problem.
  if (static_cast<float>(f.scale) == static_cast<float>(effective_scale(packed))) f.scale = 0;
  clear_if_default(f.q_strides, q_strides(packed));
  clear_if_default(f.k_strides, k_strides(packed));
  clear_if_default(f.v_strides, v_strides(packed));
  clear_if_default(f.o_strides, o_strides(packed));
  return f;
}

// --- text ---------------------------------------------------------------------------------------------
// 0 in a field stands for "follows from the others"; who types it means something else.
template <class Operation>
void refuse_typed_zeros(const Operation& operation, const std::vector<std::string_view>& words) {
  for_each_field<Operation>([&](const auto& field) {
    using Value = std::decay_t<decltype(operation.*field.member)>;
    if constexpr (std::is_same_v<Value, int64_t> || std::is_same_v<Value, double>) {
      if (operation.*field.member != 0 || field.name == "alpha" || field.name.starts_with("window")) return;
      for (std::string_view word : words)
        if (word.starts_with(field.name) && word.substr(field.name.size()).starts_with("="))
          refuse<Operation>(fmt::format(
              "{}: must be {}", word, std::is_integral_v<Value> ? "at least 1" : "a finite number above 0"));
    }
  });
}

template <class Operation>
Problem parse_operation(std::string_view text) {
  const Operation operation = fields_from_text<Operation>(text, Operation::kName);
  refuse_typed_zeros(operation, split_words(text));
  return canonical_of(operation);
}

template <class Operation>
std::string text_of(const Operation& operation) {
  return fmt::format("{} {}", Operation::kName, fields_to_text(canonical_of(operation)));
}

template <AttentionOperation Operation>
std::string text_of(const Operation& operation) {
  Operation canonical = canonical_of(operation);
  if (canonical.value_dim == canonical.head_dim) canonical.value_dim = 0;
  return fmt::format("{} {}", Operation::kName, fields_to_text(canonical));
}

}  // namespace

Problem parse_problem(std::string_view text) {
  const std::vector<std::string_view> words = split_words(text);
  if (words.empty())
    fail_input(fmt::format("problem: the text is empty; it begins with one of {}", operation_names()));
  const std::string_view name = words.front();
  const std::string_view rest = text.substr(static_cast<size_t>(name.data() + name.size() - text.data()));
  if (name == Gemm::kName) return parse_operation<Gemm>(rest);
  if (name == Softmax::kName) return parse_operation<Softmax>(rest);
  if (name == AttentionForward::kName) return parse_operation<AttentionForward>(rest);
  if (name == AttentionThreeKernel::kName) return parse_operation<AttentionThreeKernel>(rest);
  fail_input(fmt::format("problem: unknown operation {}; known: {}", quote(name), operation_names()));
}

std::string to_text(const Problem& problem) {
  return std::visit([](const auto& operation) { return text_of(operation); }, problem);
}

Problem canonical(const Problem& problem) {
  return std::visit([](const auto& operation) { return Problem(canonical_of(operation)); }, problem);
}

std::string_view operation(const Problem& problem) {
  return std::visit([](const auto& operation) { return operation.kName; }, problem);
}

const AttentionFields* attention(const Problem& problem) {
  if (const auto* forward = std::get_if<AttentionForward>(&problem)) return forward;
  return std::get_if<AttentionThreeKernel>(&problem);
}

}  // namespace warpfinch
