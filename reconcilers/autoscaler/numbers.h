// Numbers of replicas from numbers that may be anything. Pure; any thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ballast::reconcilers {

// The nearest int; NaN is 0.
[[nodiscard]] inline int ToInt(double value) {
  if (!(value > std::numeric_limits<int>::min())) {
    return std::isnan(value) ? 0 : std::numeric_limits<int>::min();
  }
  if (value >= std::numeric_limits<int>::max()) return std::numeric_limits<int>::max();
  return static_cast<int>(value);
}

[[nodiscard]] inline int ToInt(std::int64_t value) {
  return static_cast<int>(std::clamp<std::int64_t>(value, std::numeric_limits<int>::min(),
                                                   std::numeric_limits<int>::max()));
}

// The least int that is not below; what is above by less than a millionth came from arithmetic.
[[nodiscard]] inline int CeilCount(double value) { return ToInt(std::ceil(value - 1e-6)); }

// a + b, a * b, without running over.
[[nodiscard]] inline std::int64_t SaturatedSum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? std::numeric_limits<std::int64_t>::max()
               : std::numeric_limits<std::int64_t>::min();
}

[[nodiscard]] inline std::int64_t SaturatedProduct(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a > 0) == (b > 0) ? std::numeric_limits<std::int64_t>::max()
                            : std::numeric_limits<std::int64_t>::min();
}

}  // namespace ballast::reconcilers
