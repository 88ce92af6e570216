// What stands between a connection's bytes and a handler, for the fuzzer and for the replay of its
// corpus: requests are the same in whatever pieces they come, keep to the limits, and no answer to
// them is malformed. Aborts when that does not hold. One thread.
#pragma once

#include <string_view>

namespace ballast::apiserver::fuzz {

// The first byte says how large the pieces are (1 to 64), the rest is what the connection brings.
void Http(std::string_view bytes);

}  // namespace ballast::apiserver::fuzz
