// The references of exported files: plain loops in float64, with the bounds of runtime/error_bounds.hpp for
// the ordinary inputs that such a file makes. Rows are sampled so that a check takes seconds on one CPU core.
#include "runtime/export_text.hpp"

namespace warpfinch {

std::string_view export_gemm_text() {
  return R"cuda(namespace host {

// Multiplications that one check may take.
constexpr double kBudget = 1e9;

double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }

double slope_of_gelu(double x) {
  return std::fabs(0.5 * std::erfc(-x / std::sqrt(2.0)) + 0.3989422804 * x * std::exp(-0.5 * x * x));
}

// gelu's error: that of its argument times the largest slope around it, and its own.
double gelu_error(double x, double error) {
  const double slope =
      x + error < -std::sqrt(2.0) ? slope_of_gelu(x + error) : slope_of_gelu(x) + 0.8 * error;
  const double condition = x < 0 ? x * x + 1 : 0.5;
  return slope * error + kFloatRounding * (1.3 * condition + 9) * std::fabs(gelu(x)) +
         std::fabs(x) * 0x1p-148;
}

void check_row(const std::vector<Tensor>& tensors, int64_t batch, int64_t row, Errors& errors) {
  const Tensor &a = tensors[0], &b = tensors[1], &c = tensors[2];
  const auto &as = a.buffer.strides, &bs = b.buffer.strides, &cs = c.buffer.strides;
  const int64_t b_column = problem::tn ? bs[1] : bs[2], b_k = problem::tn ? bs[2] : bs[1];
  std::vector<double> left;
  for (int64_t k = 0; k < problem::k; ++k) left.push_back(a.at(batch * as[0] + row * as[1] + k * as[2]));
  for (int64_t n = 0; n < problem::n; ++n) {
    double sum = 0, magnitude = 0;
    for (int64_t k = 0; k < problem::k; ++k) {
      const double term = left[size_t(k)] * b.at(batch * bs[0] + n * b_column + k * b_k);
      sum += term;
      magnitude += std::fabs(term);
    }
    const double product = problem::alpha * sum, x = problem::bias ? product + tensors[3].at(n) : product;
    double error = product_sum_error(problem::k) * std::fabs(problem::alpha) * magnitude;
    if (problem::alpha != 1) error += 2 * kFloatRounding * std::fabs(product);
    if (problem::bias) error += kFloatRounding * std::fabs(x);
    errors.add(c, batch * cs[0] + row * cs[1] + n * cs[2], problem::gelu ? gelu(x) : x,
               problem::gelu ? gelu_error(x, error) : error);
  }
}

Errors check_outputs(const std::vector<Tensor>& tensors) {
  Errors errors;
  const double row_cost = double(problem::batch) * double(problem::n) * double(problem::k);
  for (int64_t batch = 0; batch < problem::batch; ++batch)
    for (int64_t row : choose_rows(problem::m, int64_t(kBudget / row_cost)))
      check_row(tensors, batch, row, errors);
  return errors;
}

}  // namespace host
)cuda";
}

std::string_view export_softmax_text() {
  return R"cuda(namespace host {

// Exponentials that one check may take.
constexpr double kBudget = 5e7;

void check_row(const std::vector<Tensor>& tensors, int64_t batch, int64_t row, Errors& errors) {
  const Tensor &x = tensors[0], &y = tensors[1];
  const int64_t first = (batch * problem::rows + row) * problem::columns;
  const int64_t visible = inside(row + problem::last_visible + 1, problem::columns);
  double maximum = -INFINITY, sum = 0;
  for (int64_t j = 0; j < visible; ++j) maximum = std::max(maximum, x.at(first + j));
  for (int64_t j = 0; j < visible; ++j) sum += std::exp(problem::scale * (x.at(first + j) - maximum));
  const double of_row = 2 * kExp2Error + kExponentRoundings * std::log(double(visible)) +
                        (double(visible) / 4 + 8) * kFloatRounding;
  for (int64_t j = 0; j < problem::columns; ++j) {
    const double exponent = problem::scale * (x.at(first + j) - maximum);
    const double reference = j < visible ? std::exp(exponent) / sum : 0;
    errors.add(y, first + j, reference,
               j < visible ? (of_row - kExponentRoundings * exponent) * reference + kSmallestExponential : 0);
  }
}

Errors check_outputs(const std::vector<Tensor>& tensors) {
  Errors errors;
  const double row_cost = double(problem::batch) * double(problem::columns);
  for (int64_t batch = 0; batch < problem::batch; ++batch)
    for (int64_t row : choose_rows(problem::rows, int64_t(kBudget / row_cost)))
      check_row(tensors, batch, row, errors);
  return errors;
}

}  // namespace host
)cuda";
}

std::string_view export_attention_text() {
  return R"cuda(namespace host {

// Multiplications that one check may take.
constexpr double kBudget = 1e9;

int64_t place(const Tensor& tensor, int64_t batch, int64_t head, int64_t row) {
  const auto& strides = tensor.buffer.strides;
  return batch * strides[0] + head * strides[1] + row * strides[2];
}

int64_t first_key(int64_t row) { return inside(row + problem::first_visible, problem::kv_len); }

double length_of(const Tensor& tensor, int64_t from) {
  double squares = 0;
  for (int64_t d = 0; d < problem::head_dim; ++d)
    squares += std::pow(tensor.at(from + d * tensor.buffer.strides[3]), 2);
  return std::sqrt(squares);
}

// A key that the row sees: its scaled score, then its weight relative to the largest one; by how much the
// score may be off; by how much the weight.
struct Key {
  double weight, score_error, margin;
};

std::vector<Key> keys_of(const Tensor& q, const Tensor& k, int64_t batch, int64_t head, int64_t row) {
  const int64_t kv_head = head / (problem::q_heads / problem::kv_heads);
  const int64_t from = place(q, batch, head, row), q_step = q.buffer.strides[3], k_step = k.buffer.strides[3];
  const double of_q = problem::scaled_q ? rounding(q.buffer.type) : 0;
  const double error = (product_sum_error(problem::head_dim) + of_q) * problem::scale * length_of(q, from);
  std::vector<Key> keys;
  for (int64_t j = first_key(row); j < inside(row + problem::last_visible + 1, problem::kv_len); ++j) {
    const int64_t key = place(k, batch, kv_head, j);
    double sum = 0;
    for (int64_t d = 0; d < problem::head_dim; ++d) sum += q.at(from + d * q_step) * k.at(key + d * k_step);
    keys.push_back({problem::scale * sum, error * length_of(k, key), 0});
  }
  return keys;
}

// Sums over the weights: themselves, times their score's error, times the number of keys behind; what the
// scores' errors add to all weights but the largest, which is that of the key `top`.
struct Sums {
  double maximum = -INFINITY, sum = 0, score_error = 0, behind = 0, moved = 0;
  size_t top = 0;
};

Sums take_weights(std::vector<Key>& keys, Type type) {
  Sums s;
  for (size_t j = 0; j < keys.size(); ++j)
    if (keys[j].weight > s.maximum) s.maximum = keys[s.top = j].weight;
  const double top_error = keys.empty() ? 0 : keys[s.top].score_error;
  const double lost = type == fp16 ? 0x1p-32 : kSmallestExponential;
  for (size_t j = 0; j < keys.size(); ++j) {
    Key& key = keys[j];
    const double behind = double(keys.size() - j), x = key.score_error + top_error;
    s.sum += key.weight = std::exp(key.weight - s.maximum);
    s.score_error += key.weight * key.score_error;
    s.behind += key.weight * behind;
    const double moved = j == s.top ? 0 : key.weight * std::expm1(x);
    s.moved += moved;
    key.margin = key.weight * (rounding(type) + 0x1p-16 + 0.625 * 0x1p-25 * behind) + moved;
  }
  for (Key& key : keys) key.margin += lost * s.sum;
  return s;
}

double lse_bound(const Sums& s, double keys, double lse) {
  return (s.score_error + s.behind * kFloatRounding / 2) / s.sum + kExp2Error * (12 + 3 * std::log(keys)) +
         kFloatRounding * (std::fabs(s.maximum) + 2 * std::fabs(lse));
}

void check_row(const std::vector<Tensor>& tensors, int64_t batch, int64_t head, int64_t row, Errors& errors) {
  const Tensor &v = tensors[2], &o = tensors[3];
  std::vector<Key> keys = keys_of(tensors[0], tensors[1], batch, head, row);
  const Sums s = take_weights(keys, o.buffer.type);
  const double count = double(first_key(row)) + double(keys.size());
  const double of_sum = s.behind * kFloatRounding / 8 / s.sum + kExp2Error +
                        kExponentRoundings * std::log(count) + 8 * kFloatRounding;
  const int64_t kv_head = head / (problem::q_heads / problem::kv_heads);
  for (int64_t d = 0; d < problem::value_dim; ++d) {
    double value = 0, margin = 0;
    for (size_t j = 0; j < keys.size(); ++j) {
      const int64_t key = place(v, batch, kv_head, first_key(row) + int64_t(j));
      const double of_key = v.at(key + d * v.buffer.strides[3]);
      value += keys[j].weight * of_key;
      margin += (keys[j].margin + (j == s.top ? s.moved : 0)) * std::fabs(of_key);
    }
    value = keys.empty() ? 0 : value / s.sum;  // a row that sees nothing: 0
    errors.add(o, place(o, batch, head, row) + d * o.buffer.strides[3], value,
               keys.empty() ? 0 : margin / s.sum + of_sum * std::fabs(value));
  }
  if (!problem::lse) return;
  const double lse = keys.empty() ? -INFINITY : s.maximum + std::log(s.sum);  // and -inf
  errors.add(tensors[4], (batch * problem::q_heads + head) * problem::q_len + row, lse,
             keys.empty() ? 0 : lse_bound(s, count, lse));
}

Errors check_outputs(const std::vector<Tensor>& tensors) {
  Errors errors;
  const double row_cost = double(problem::batch) * double(problem::q_heads) * double(problem::kv_len) *
                          double(problem::head_dim + problem::value_dim);
  for (int64_t batch = 0; batch < problem::batch; ++batch)
    for (int64_t head = 0; head < problem::q_heads; ++head)
      for (int64_t row : choose_rows(problem::q_len, int64_t(kBudget / row_cost)))
        check_row(tensors, batch, head, row, errors);
  return errors;
}

}  // namespace host
)cuda";
}

std::string_view export_program_text() {
  return R"cuda(namespace host {

// This kernel comes from a program text, of which no reference is known: only that every element of the
// outputs was written is checked.
Errors check_outputs(const std::vector<Tensor>&) {
  std::printf("no reference: only whether every output element was written is checked\n");
  return {};
}

}  // namespace host
)cuda";
}

}  // namespace warpfinch
