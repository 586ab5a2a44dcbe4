// Matrix products in double for the references, by Eigen, with the widest vectors that this CPU has.
#pragma once

#include <cstdint>

namespace warpfinch {

// c[m,n] += a[m,k] * b, all row-major and dense. b is [k,n], or [n,k] when transposed.
struct Product {
  int64_t m, n, k;
  bool b_transposed;
};
void add_product(const Product& shape, const double* a, const double* b, double* c);

// to[i] = exp(from[i]); may be done in place.
void exponentials(const double* from, double* to, int64_t count);

}  // namespace warpfinch
