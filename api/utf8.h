// What bytes a text may have, before anything reads it. Internal to api/. Pure; callable from any
// thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::api {

// The first byte of a text that is no part of valid UTF-8, or a control character other than tab,
// newline and carriage return.
struct TextProblem {
  std::size_t offset = 0;
  std::string message;
};
[[nodiscard]] bool IsUtf8(std::string_view text);
[[nodiscard]] std::optional<TextProblem> FindTextProblem(std::string_view text);

}  // namespace ballast::api
