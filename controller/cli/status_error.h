// What the server answers when it refuses (Kubernetes' Status) -> what a person reads: which field,
// in which line, and what to do next. Pure, golden-tested.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::cli {

struct ErrorContext {
  // In front of everything: "shop.yaml:3"; empty: nothing.
  std::string where;
  // "file:line" of a field; empty where it is not known. May be null.
  std::function<std::string(std::string_view field)> locate;
  std::string next_step;  // of a 404; a sentence
};

// One line, with further ones below it, indented; without a newline at the end.
[[nodiscard]] std::string DescribeStatus(int http_status, std::string_view body,
                                         const ErrorContext& context = {});
// The `reason` of a Status: "NotFound"; "" when the body is none.
[[nodiscard]] std::string StatusReason(std::string_view body);
// The text of a Warning header.
[[nodiscard]] std::string WarningText(std::string_view header);

}  // namespace ballast::cli
