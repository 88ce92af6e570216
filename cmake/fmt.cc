// Debian ships fmt's compiled half only as a shared library; this is that half, linked statically
// so that the release binary also runs where another fmt is installed.
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
template FMT_API auto detail::thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template FMT_API char detail::decimal_point_impl(locale_ref);
FMT_END_NAMESPACE
