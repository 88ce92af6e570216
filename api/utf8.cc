#include "api/utf8.h"

#include <fmt/format.h>

#include <cstdint>

namespace ballast::api {
namespace {

// Length of the UTF-8 sequence that starts here and its code point; 0: it is invalid.
std::size_t DecodeUtf8(std::string_view text, std::uint32_t& code_point) {
  const auto byte = [&text](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  std::size_t length = 1;
  code_point = first;
  if (first >= 0xF0 && first <= 0xF4) {
    length = 4, code_point = first & 0x07;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3, code_point = first & 0x0F;
  } else if (first >= 0xC2 && first < 0xE0) {
    length = 2, code_point = first & 0x1F;
  } else if (first >= 0x80) {
    return 0;
  }
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code_point = (code_point << 6) | (byte(i) & 0x3F);
  }
  const bool overlong =
      (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return overlong || surrogate || code_point > 0x10FFFF ? 0 : length;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint32_t code_point = 0;
    const std::size_t length = DecodeUtf8(text.substr(i), code_point);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::optional<TextProblem> FindTextProblem(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint32_t code_point = 0;
    const std::size_t length = DecodeUtf8(text.substr(i), code_point);
    if (length == 0) return TextProblem{i, "not valid UTF-8"};
    const bool space = code_point == '\t' || code_point == '\n' || code_point == '\r';
    if ((code_point < 0x20 && !space) || (code_point >= 0x7F && code_point < 0xA0)) {
      return TextProblem{
          i, code_point == 0 ? "NUL characters are not allowed"
                             : fmt::format("control character U+{:04X} is not allowed; write it as "
                                           "an escape in double quotes where it is needed",
                                           code_point)};
    }
    i += length;
  }
  return std::nullopt;
}

}  // namespace ballast::api
