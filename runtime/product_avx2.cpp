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

void exponentials_avx2(const double* from, double* to, int64_t count) { exponentials_here(from, to, count); }

}  // namespace warpfinch
#endif
