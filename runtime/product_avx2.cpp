// See product_eigen.hpp. The standard headers come first, so that only Eigen is compiled for AVX2.
#if defined(__x86_64__)
#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <climits>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/product_avx2.hpp"

#pragma GCC target("avx2,fma")
#define Eigen EigenForAvx2
#include "runtime/product_eigen.hpp"

namespace warpfinch {

void add_product_avx2(int64_t m, int64_t n, int64_t k, bool b_transposed, const double* a, const double* b,
                      double* c) {
  add_product_here(m, n, k, b_transposed, a, b, c);
}

void shifted_exponentials_avx2(double* values, double shift, int64_t count) {
  shifted_exponentials_here(values, shift, count);
}

double largest_avx2(const double* values, int64_t count) { return largest_here(values, count); }

void scale_linearly_avx2(const double* from, const double* x, const double* y, double at_0, double by_x,
                         double by_y, double added, double* to, int64_t count) {
  scale_linearly_here(from, x, y, at_0, by_x, by_y, added, to, count);
}

}  // namespace warpfinch
#endif
