// The documents by which kubectl learns what there is: /version, /api, /apis, resource lists. Made
// from the table of resources. Pure; any thread.
#pragma once

#include <optional>
#include <string>

#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {

// Nothing: the path is none of discovery's.
[[nodiscard]] std::optional<HttpResponse> AnswerDiscovery(const HttpRequest& request,
                                                          const std::string& version);

}  // namespace ballast::apiserver
