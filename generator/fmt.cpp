// What fmt's headers only declare. Debian has fmt as headers and as a shared library. Header-only, it took
// more than half of the time of every compilation; and a program that needs the shared library does not run
// where that is not installed. So fmt's functions are compiled here, once. The templates are those that fmt 9
// and 10 declare to be compiled elsewhere; with any other version the build is header-only, see
// tools/cmake/dependencies.cmake.
#ifndef FMT_HEADER_ONLY
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {

template dragonbox::decimal_fp<float> dragonbox::to_decimal(float) noexcept;
template dragonbox::decimal_fp<double> dragonbox::to_decimal(double) noexcept;
template locale_ref::locale_ref(const std::locale&);
template std::locale locale_ref::get<std::locale>() const;
template thousands_sep_result<char> thousands_sep_impl(locale_ref);
template char decimal_point_impl(locale_ref);
template void buffer<char>::append(const char*, const char*);
#if FMT_VERSION >= 100000
template void vformat_to(buffer<char>&, string_view, vformat_args<>::type, locale_ref);
#endif

}  // namespace detail
FMT_END_NAMESPACE
#endif
