#include "api/metric_quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "api/tree.h"

namespace ballast::api {
namespace {

// Standard C++ has nothing between 64 bits and floats. Unsigned: clang's sanitizer needs a library
// that is not there to watch over signed ones.
using Wide = unsigned __int128;

constexpr std::size_t kMostFractionDigits = 9;  // Kubernetes' own precision
constexpr Wide kNano = 1'000'000'000;

struct Suffix {
  std::string_view text;
  std::int64_t millis;         // in one unit,
  std::int64_t per_milli = 1;  // divided by this
};

constexpr std::int64_t kKilo = 1'000;
// Largest first, as FormatMetricQuantity needs them.
constexpr std::array<Suffix, 5> kBinary = {{{"Pi", (std::int64_t{1} << 50) * kKilo},
                                            {"Ti", (std::int64_t{1} << 40) * kKilo},
                                            {"Gi", (std::int64_t{1} << 30) * kKilo},
                                            {"Mi", (std::int64_t{1} << 20) * kKilo},
                                            {"Ki", (std::int64_t{1} << 10) * kKilo}}};
constexpr std::array<Suffix, 9> kDecimal = {{{"P", 1'000'000'000'000'000 * kKilo},
                                             {"T", 1'000'000'000'000 * kKilo},
                                             {"G", 1'000'000'000 * kKilo},
                                             {"M", 1'000'000 * kKilo},
                                             {"k", 1'000 * kKilo},
                                             {"", kKilo},
                                             {"m", 1},
                                             {"u", 1, 1'000},
                                             {"n", 1, 1'000'000}}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t CountDigits(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), IsDigit) -
                                  text.begin());
}

// Digits only; none are 0. False: more than 64 bits.
bool ToNumber(std::string_view digits, std::int64_t& number) {
  number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return digits.empty() || error == std::errc();
}

// "e3", "E-2": the power of ten as a suffix.
bool ReadExponent(std::string_view text, Suffix& suffix) {
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return false;
  text.remove_prefix(1);
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty() || text.size() > 2 || CountDigits(text) != text.size()) return false;
  std::int64_t power = 0;
  if (!ToNumber(text, power) || power > (negative ? 9 : 15)) return false;
  suffix = {"", kKilo};
  for (; power > 0; --power) {
    if (!negative) {
      suffix.millis *= 10;
    } else if (suffix.millis > 1) {
      suffix.millis /= 10;
    } else {
      suffix.per_milli *= 10;
    }
  }
  return true;
}

bool FindSuffix(std::string_view text, Suffix& suffix, bool& binary) {
  const auto is_it = [text](const Suffix& known) { return known.text == text; };
  if (const auto found = std::find_if(kBinary.begin(), kBinary.end(), is_it);
      found != kBinary.end()) {
    suffix = *found;
    binary = true;
    return true;
  }
  if (const auto found = std::find_if(kDecimal.begin(), kDecimal.end(), is_it);
      found != kDecimal.end()) {
    suffix = *found;
    return true;
  }
  return ReadExponent(text, suffix);
}

}  // namespace

Result<MetricQuantity> ParseMetricQuantity(std::string_view text) {
  const auto error = [text](std::string_view why) {
    return Error(Code::kInvalidArgument, fmt::format("must be {}, got {}", why, Quote(text)));
  };
  constexpr std::string_view kWanted = "a quantity such as 50, 0.5, 200m or 512Mi";
  const std::size_t digits = CountDigits(text);
  std::string_view rest = text.substr(digits);
  std::size_t fraction_digits = 0;
  std::int64_t fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction_digits = CountDigits(rest);
    if (fraction_digits > kMostFractionDigits) return error("at most as precise as 1m");
    static_cast<void>(ToNumber(rest.substr(0, fraction_digits), fraction));  // nine digits fit
    for (std::size_t i = fraction_digits; i < kMostFractionDigits; ++i) fraction *= 10;
    rest.remove_prefix(fraction_digits);
  }
  if (digits + fraction_digits == 0) return error(kWanted);
  std::int64_t whole = 0;
  if (!ToNumber(text.substr(0, digits), whole)) {
    return error("a quantity with at most 18 digits before the point");
  }
  Suffix suffix;
  MetricQuantity quantity;
  if (!FindSuffix(rest, suffix, quantity.binary)) return error(kWanted);

  // In billionths of the unit.
  const Wide nanos = static_cast<Wide>(whole) * kNano + static_cast<Wide>(fraction);
  constexpr Wide kMost = Wide{std::numeric_limits<std::int64_t>::max()} * kNano;
  const auto unit = static_cast<Wide>(suffix.millis);
  if (nanos > kMost / unit) return error("less than 9P");
  const Wide divisor = kNano * static_cast<Wide>(suffix.per_milli);
  if (nanos * unit % divisor != 0) return error("at most as precise as 1m");
  quantity.millis = static_cast<std::int64_t>(nanos * unit / divisor);
  // What has no binary suffix when it is written has to be the same when it is read back.
  if (quantity.millis == 0 || quantity.millis % kBinary.back().millis != 0) quantity.binary = false;
  return quantity;
}

std::string FormatMetricQuantity(const MetricQuantity& quantity) {
  const auto written = [&quantity](const auto& suffixes) -> std::string {
    for (const Suffix& suffix : suffixes) {
      if (quantity.millis % suffix.millis == 0) {
        return fmt::format("{}{}", quantity.millis / suffix.millis, suffix.text);
      }
    }
    return "";
  };
  if (quantity.millis == 0) return "0";
  if (quantity.binary) {
    if (std::string text = written(kBinary); !text.empty()) return text;
  }
  return written(kDecimal);
}

}  // namespace ballast::api
