// What Docker's error answers mean for us, and what the user can do. Pure.
#pragma once

#include <string_view>

#include "api/status.h"

namespace ballast::docker {

// `what` says what was tried ("start container shop-1"), `body` is Docker's answer, JSON with a
// `message` or any text. `http_status` 0: an error inside of a stream that began with 200.
[[nodiscard]] Status ToStatus(std::string_view what, int http_status, std::string_view body);

// The same for a pull, where the message is all that there is.
[[nodiscard]] Status PullFailure(std::string_view reference, int http_status,
                                 std::string_view message, std::string_view hint);

// Docker's own words out of an error body: one line, no control characters, of bounded length.
[[nodiscard]] std::string ErrorText(std::string_view body);

[[nodiscard]] bool ContainsNoCase(std::string_view text, std::string_view lower_part);

}  // namespace ballast::docker
