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

void exponentials(const double* from, double* to, int64_t count) {
#if defined(__x86_64__)
  if (has_avx2()) return exponentials_avx2(from, to, count);
#endif
  exponentials_here(from, to, count);
}

}  // namespace warpfinch
