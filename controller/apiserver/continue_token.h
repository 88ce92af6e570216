// Where a list goes on that was asked for in pages. Opaque to clients, checked when it comes back.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/apiserver/api_error.h"
#include "reconcilers/ports/store.h"

namespace ballast::apiserver {

struct ContinuePlace {
  std::uint64_t revision = 0;  // all pages show the objects as they were then
  reconcilers::StoreKey after;
};

[[nodiscard]] std::string MakeContinueToken(const ContinuePlace& place);
// `resource`: the plural that is being listed.
[[nodiscard]] ApiResult<ContinuePlace> ParseContinueToken(std::string_view token,
                                                          const std::string& resource);

}  // namespace ballast::apiserver
