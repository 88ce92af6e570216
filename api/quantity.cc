#include "api/quantity.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "api/codec.h"
#include "api/tree.h"

namespace ballast::api {
namespace {

// A decimal number without sign or exponent, in thousandths, and what follows it.
struct Decimal {
  std::int64_t thousandths = 0;
  std::string_view rest;
};

// Larger numbers are no times and no CPUs, and could not be read back: see ReadDecimal.
constexpr std::int64_t kLargest = 999'999'999'999'999;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// False: no number, more than three decimals, or too big.
bool ReadDecimal(std::string_view text, Decimal& decimal) {
  std::size_t end = 0;
  while (end < text.size() && IsDigit(text[end])) ++end;
  if (end == 0 || end > 15) return false;
  std::int64_t whole = 0;
  std::from_chars(text.data(), text.data() + end, whole);
  std::int64_t fraction = 0;
  if (end < text.size() && text[end] == '.') {
    const std::size_t begin = ++end;
    while (end < text.size() && IsDigit(text[end])) ++end;
    if (end == begin || end > begin + 3) return false;
    std::from_chars(text.data() + begin, text.data() + end, fraction);
    for (std::size_t digits = end - begin; digits < 3; ++digits) fraction *= 10;
  }
  decimal.thousandths = whole * 1000 + fraction;
  decimal.rest = text.substr(end);
  return true;
}

// thousandths * unit / 1000; false when it overflows or is not a whole number.
bool Scale(std::int64_t thousandths, std::int64_t unit, std::int64_t& out) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(thousandths, unit, &product)) {
    if (thousandths % 1000 != 0 || __builtin_mul_overflow(thousandths / 1000, unit, &out)) {
      return false;
    }
    return true;
  }
  out = product / 1000;
  return product % 1000 == 0;
}

constexpr std::array<std::pair<std::string_view, std::int64_t>, 11> kByteUnits = {{
    {"Pi", std::int64_t{1} << 50},
    {"Ti", std::int64_t{1} << 40},
    {"Gi", std::int64_t{1} << 30},
    {"Mi", std::int64_t{1} << 20},
    {"Ki", std::int64_t{1} << 10},
    {"P", 1'000'000'000'000'000},
    {"T", 1'000'000'000'000},
    {"G", 1'000'000'000},
    {"M", 1'000'000},
    {"k", 1'000},
    {"", 1},
}};

constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kTimeUnits = {{
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};

}  // namespace

Result<std::int64_t> ParseCpuMillis(std::string_view text) {
  Decimal decimal;
  if (ReadDecimal(text, decimal)) {
    if (decimal.rest.empty() && decimal.thousandths <= kLargest) return decimal.thousandths;
    if (decimal.rest == "m" && decimal.thousandths % 1000 == 0) return decimal.thousandths / 1000;
  }
  return Error(Code::kInvalidArgument,
               fmt::format("must be a number of CPUs such as 500m, 0.5 or 2, got {}", Quote(text)));
}

Result<std::int64_t> ParseBytes(std::string_view text) {
  Decimal decimal;
  if (ReadDecimal(text, decimal)) {
    for (const auto& [suffix, unit] : kByteUnits) {
      std::int64_t bytes = 0;
      if (decimal.rest == suffix && Scale(decimal.thousandths, unit, bytes)) return bytes;
    }
  }
  return Error(Code::kInvalidArgument,
               fmt::format("must be a number of bytes such as 256Mi, 1.5Gi, 500M or 1048576, got "
                           "{}",
                           Quote(text)));
}

Result<Millis> ParseDuration(std::string_view text) {
  const auto error = [text] {
    return Error(
        Code::kInvalidArgument,
        fmt::format("must be a duration such as 250ms, 60s, 1m30s or 1h, got {}", Quote(text)));
  };
  std::int64_t total = 0;
  std::size_t last_unit = 0;  // units go from large to small, each at most once
  std::string_view rest = text;
  do {
    Decimal decimal;
    if (!ReadDecimal(rest, decimal)) return error();
    rest = decimal.rest;
    std::int64_t unit = 1000;
    if (rest.empty()) {
      if (last_unit != 0) return error();  // "1m30"
    } else {
      std::size_t length = 0;
      while (length < rest.size() && !IsDigit(rest[length])) ++length;
      std::size_t index = 0;
      while (index < kTimeUnits.size() && kTimeUnits[index].first != rest.substr(0, length)) {
        ++index;
      }
      if (index == kTimeUnits.size() || index + 1 <= last_unit) return error();
      last_unit = index + 1;
      unit = kTimeUnits[index].second;
      rest = rest.substr(length);
    }
    std::int64_t millis = 0;
    if (!Scale(decimal.thousandths, unit, millis) ||
        __builtin_add_overflow(total, millis, &total)) {
      return error();
    }
  } while (!rest.empty());
  if (total > kLargest) return error();
  return Millis(total);
}

int ResolveUp(const IntOrPercent& value, int replicas) {
  if (!value.percent) return value.value;
  return static_cast<int>((std::int64_t{value.value} * replicas + 99) / 100);
}

int ResolveDown(const IntOrPercent& value, int replicas) {
  if (!value.percent) return value.value;
  return static_cast<int>(std::int64_t{value.value} * replicas / 100);
}

std::string FormatCpuMillis(std::int64_t millis) {
  return millis % 1000 == 0 ? std::to_string(millis / 1000) : fmt::format("{}m", millis);
}

std::string FormatBytes(std::int64_t bytes) {
  for (const auto& [suffix, unit] : kByteUnits) {
    if (suffix.ends_with('i') && bytes != 0 && bytes % unit == 0) {
      return fmt::format("{}{}", bytes / unit, suffix);
    }
  }
  return std::to_string(bytes);
}

std::string FormatDuration(Millis duration) {
  const std::int64_t millis = duration.count();
  for (const auto& [suffix, unit] : kTimeUnits) {
    if (unit == 60'000 && millis == unit) continue;  // 60s reads better than 1m
    if (millis != 0 && millis % unit == 0) return fmt::format("{}{}", millis / unit, suffix);
  }
  return fmt::format("{}ms", millis);
}

}  // namespace ballast::api
