// Matrix products, and what is done to each number of a long row, in double for the references: by Eigen,
// with the widest vectors that this CPU has.
#pragma once

#include <cstdint>

namespace warpfinch {

// c[m,n] += a[m,k] * b, all row-major and dense. b is [k,n], or [n,k] when transposed.
struct Product {
  int64_t m, n, k;
  bool b_transposed;
};
void add_product(const Product& shape, const double* a, const double* b, double* c);

// values[i] = exp(values[i] - shift)
void shifted_exponentials(double* values, double shift, int64_t count);

// NaN where one of the values is; -infinity where there is none.
double largest(const double* values, int64_t count);

// to[i] = from[i] * (at_0 + by_x * x[i] + by_y * y[i]) + added
struct Linear {
  double at_0, by_x, by_y, added;
};
void scale_linearly(const double* from, const double* x, const double* y, const Linear& by, double* to,
                    int64_t count);

}  // namespace warpfinch
