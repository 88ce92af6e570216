// The little HTTP/1.1 that a probe speaks: one request, and of the answer its status and length.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/status.h"
#include "api/webapp.h"

namespace ballast::probe {

// InvalidArgument when path, host or a header has control characters in it: one request stays one.
[[nodiscard]] Result<std::string> BuildRequest(const api::HttpGetAction& action,
                                               const std::string& address, std::uint16_t port);

struct ResponseHead {
  int status = 0;
  std::size_t bytes = 0;                      // of the head itself, with its empty line
  std::optional<std::size_t> content_length;  // none: until the connection ends
};

// Nothing while the head is incomplete; Internal when this is not HTTP/1.
[[nodiscard]] Result<std::optional<ResponseHead>> ParseResponseHead(std::string_view text);

}  // namespace ballast::probe
