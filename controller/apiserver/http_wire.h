// An answer as bytes. Pure. Internal to apiserver.
#pragma once

#include <string>
#include <string_view>

#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {

inline constexpr std::string_view kContinueLine = "HTTP/1.1 100 Continue\r\n\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// How the end of an answer's body is told.
enum class BodyEnd {
  kLength,  // "Content-Length" of `body`
  kChunks,
  kClose,  // to a client that knows no chunks
};

// The answer's header, with the empty line that ends it. Control characters in values become
// spaces.
[[nodiscard]] std::string WireHeader(const HttpResponse& response, BodyEnd end, bool chunks,
                                     bool keep_alive);

// Whether the status allows a body at all.
[[nodiscard]] bool HasBody(int status);

// `text` as one chunk; nothing for an empty one, which would be the last.
[[nodiscard]] std::string WireChunk(std::string_view text);

}  // namespace ballast::apiserver
