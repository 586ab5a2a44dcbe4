// The references of exported files: plain loops in float64, with the bounds of runtime/accuracy.hpp. Rows are
// sampled so that a check takes seconds on one CPU core.
#include "runtime/export_text.hpp"

namespace warpfinch {

std::string_view export_gemm_text() {
  return R"cuda(namespace host {

// Multiplications that one check may take.
constexpr double kBudget = 1e9;

double finished(double sum, double bias) {
  const double x = problem::alpha * sum + bias;
  return problem::gelu ? 0.5 * x * std::erfc(-x / std::sqrt(2.0)) : x;
}

void check_row(const std::vector<Tensor>& tensors, int64_t batch, int64_t row, Errors& errors) {
  const Tensor &a = tensors[0], &b = tensors[1], &c = tensors[2];
  const auto &as = a.buffer.strides, &bs = b.buffer.strides, &cs = c.buffer.strides;
  const int64_t b_column = problem::tn ? bs[1] : bs[2], b_k = problem::tn ? bs[2] : bs[1];
  std::vector<double> left;
  for (int64_t k = 0; k < problem::k; ++k) left.push_back(a.at(batch * as[0] + row * as[1] + k * as[2]));
  const Type type = c.buffer.type;
  const double sum_error = type == fp32 ? rounding(fp32) * double(problem::k) : rounding(type);
  for (int64_t n = 0; n < problem::n; ++n) {
    double sum = 0, magnitude = 0;
    for (int64_t k = 0; k < problem::k; ++k) {
      const double term = left[size_t(k)] * b.at(batch * bs[0] + n * b_column + k * b_k);
      sum += term;
      magnitude += std::fabs(term);
    }
    const double reference = finished(sum, problem::bias ? tensors[3].at(n) : 0);
    const double bound =
        rounding(type) * std::fabs(reference) + sum_error * std::fabs(problem::alpha) * magnitude;
    errors.add(c.at(batch * cs[0] + row * cs[1] + n * cs[2]), reference,
               (problem::gelu ? 1.13 : 1) * bound + underflow(type));
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
  const Type type = y.buffer.type;
  for (int64_t j = 0; j < problem::columns; ++j) {
    const double reference = j < visible ? std::exp(problem::scale * (x.at(first + j) - maximum)) / sum : 0;
    errors.add(y.at(first + j), reference, 2 * rounding(type) * reference + underflow(type));
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

// Scores of the keys that the row sees, from first_key on, scaled.
std::vector<double> scores_of(const Tensor& q, const Tensor& k, int64_t batch, int64_t head, int64_t row) {
  const int64_t kv_head = head / (problem::q_heads / problem::kv_heads);
  const int64_t from = place(q, batch, head, row), q_step = q.buffer.strides[3], k_step = k.buffer.strides[3];
  std::vector<double> scores;
  for (int64_t j = first_key(row); j < inside(row + problem::last_visible + 1, problem::kv_len); ++j) {
    const int64_t key = place(k, batch, kv_head, j);
    double sum = 0;
    for (int64_t d = 0; d < problem::head_dim; ++d) sum += q.at(from + d * q_step) * k.at(key + d * k_step);
    scores.push_back(problem::scale * sum);
  }
  return scores;
}

void check_row(const std::vector<Tensor>& tensors, int64_t batch, int64_t head, int64_t row, Errors& errors) {
  const Tensor &v = tensors[2], &o = tensors[3];
  std::vector<double> p = scores_of(tensors[0], tensors[1], batch, head, row);
  double maximum = -INFINITY, sum = 0;
  for (double score : p) maximum = std::max(maximum, score);
  for (double& score : p) sum += score = std::exp(score - maximum);
  std::vector<double> value(problem::value_dim, 0), magnitude(problem::value_dim, 0);
  for (size_t j = 0; j < p.size(); ++j) {
    const int64_t key = first_key(row) + int64_t(j);
    const int64_t from = place(v, batch, head / (problem::q_heads / problem::kv_heads), key);
    for (int64_t d = 0; d < problem::value_dim; ++d) {
      const double term = p[j] / sum * v.at(from + d * v.buffer.strides[3]);
      value[size_t(d)] += term;
      magnitude[size_t(d)] += std::fabs(term);
    }
  }
  const Type type = o.buffer.type;
  for (int64_t d = 0; d < problem::value_dim; ++d)
    errors.add(o.at(place(o, batch, head, row) + d * o.buffer.strides[3]), value[size_t(d)],
               rounding(type) * (std::fabs(value[size_t(d)]) + magnitude[size_t(d)]) + underflow(type));
  if (!problem::lse) return;
  const double lse = p.empty() ? -INFINITY : maximum + std::log(sum);  // a row that sees nothing: -inf
  errors.add(tensors[4].at((batch * problem::q_heads + head) * problem::q_len + row), lse,
             1e-4 * std::max(1.0, std::fabs(lse)));
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
