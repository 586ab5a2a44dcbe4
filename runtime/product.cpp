// The common form, and the choice between the two.
#include "runtime/product.hpp"

#include "runtime/product_avx2.hpp"
#include "runtime/product_eigen.hpp"

namespace warpfinch {
namespace {

bool has_avx2() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
#else
  return false;
#endif
}

}  // namespace

void add_product(const Product& shape, const double* a, const double* b, double* c) {
  const auto [m, n, k, b_transposed] = shape;
#if defined(__x86_64__)
  if (has_avx2()) return add_product_avx2(m, n, k, b_transposed, a, b, c);
#endif
  add_product_here(m, n, k, b_transposed, a, b, c);
}

void shifted_exponentials(double* values, double shift, int64_t count) {
#if defined(__x86_64__)
  if (has_avx2()) return shifted_exponentials_avx2(values, shift, count);
#endif
  shifted_exponentials_here(values, shift, count);
}

double largest(const double* values, int64_t count) {
#if defined(__x86_64__)
  if (has_avx2()) return largest_avx2(values, count);
#endif
  return largest_here(values, count);
}

void scale_linearly(const double* from, const double* x, const double* y, const Linear& by, double* to,
                    int64_t count) {
  const auto [at_0, by_x, by_y, added] = by;
#if defined(__x86_64__)
  if (has_avx2()) return scale_linearly_avx2(from, x, y, at_0, by_x, by_y, added, to, count);
#endif
  scale_linearly_here(from, x, y, at_0, by_x, by_y, added, to, count);
}

}  // namespace warpfinch
