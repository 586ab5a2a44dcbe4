// The bodies of product.hpp. Each product_*.cpp includes this file once, compiled for one instruction set,
// with `Eigen` renamed where the set is not the common one: otherwise the linker would merge inline functions
// of both and a CPU could meet instructions that it lacks.
#include <Eigen/Core>
#include <cstdint>
#include <limits>

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void add_product_here(int64_t m, int64_t n, int64_t k, bool b_transposed, const double* a, const double* b,
                      double* c) {
  const Eigen::Map<const Matrix> left(a, m, k);
  Eigen::Map<Matrix> sum(c, m, n);
  if (b_transposed)
    sum.noalias() += left * Eigen::Map<const Matrix>(b, n, k).transpose();
  else
    sum.noalias() += left * Eigen::Map<const Matrix>(b, k, n);
}

using Array = Eigen::Array<double, Eigen::Dynamic, 1>;
using Numbers = Eigen::Map<const Array>;

void shifted_exponentials_here(double* values, double shift, int64_t count) {
  Eigen::Map<Array> row(values, count);
  row = (row - shift).exp();
}

double largest_here(const double* values, int64_t count) {
  if (count == 0) return -std::numeric_limits<double>::infinity();
  return Numbers(values, count).maxCoeff<Eigen::PropagateNaN>();
}

void scale_linearly_here(const double* from, const double* x, const double* y, double at_0, double by_x,
                         double by_y, double added, double* to, int64_t count) {
  Eigen::Map<Array>(to, count) =
      Numbers(from, count) * (at_0 + by_x * Numbers(x, count) + by_y * Numbers(y, count)) + added;
}

}  // namespace
