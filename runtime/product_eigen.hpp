// The bodies of product.hpp. Each product_*.cpp includes this file once, compiled for one instruction set,
// with `Eigen` renamed where the set is not the common one: otherwise the linker would merge inline functions
// of both and a CPU could meet instructions that it lacks.
#include <Eigen/Core>
#include <cstdint>

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

void exponentials_here(const double* from, double* to, int64_t count) {
  using Array = Eigen::Array<double, Eigen::Dynamic, 1>;
  Eigen::Map<Array>(to, count) = Eigen::Map<const Array>(from, count).exp();
}

}  // namespace
