// The AVX2 form of product.hpp's functions; only for CPUs that have AVX2 and FMA.
#pragma once

#include <cstdint>

namespace warpfinch {

void add_product_avx2(int64_t m, int64_t n, int64_t k, bool b_transposed, const double* a, const double* b,
                      double* c);
void shifted_exponentials_avx2(double* values, double shift, int64_t count);
double largest_avx2(const double* values, int64_t count);
void scale_linearly_avx2(const double* from, const double* x, const double* y, double at_0, double by_x,
                         double by_y, double added, double* to, int64_t count);

}  // namespace warpfinch
