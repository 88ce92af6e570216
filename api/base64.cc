#include "api/base64.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace ballast::api {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// 64: no digit.
std::uint32_t DigitOf(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0') + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : 64;
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= count ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  int digits = 0;   // of the current group of four
  int padding = 0;  // after it, nothing may follow
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      if (digits < 2 || digits + ++padding > 4) return std::nullopt;
      continue;
    }
    const std::uint32_t digit = DigitOf(c);
    if (digit > 63 || padding > 0) return std::nullopt;
    group = group << 6 | digit;
    if (++digits < 4) continue;
    for (const int shift : {16, 8, 0}) out += static_cast<char>(group >> shift & 0xFF);
    group = 0;
    digits = 0;
  }
  if (digits == 0) return padding == 0 ? std::optional(std::move(out)) : std::nullopt;
  if (digits + padding != 4) return std::nullopt;
  group <<= 6 * padding;
  out += static_cast<char>(group >> 16 & 0xFF);
  if (digits == 3) out += static_cast<char>(group >> 8 & 0xFF);
  return out;
}

}  // namespace ballast::api
