// Says of a name that is not there which one was meant, or where it is. One request; one thread.
#pragma once

#include <string>

#include "controller/cli/session.h"

namespace ballast::cli {

// `error`: the server's own. With "did you mean", the namespace it is in, or what there is.
[[nodiscard]] std::unexpected<Status> ExplainNotFound(Session& session, const ResourceType& type,
                                                      const std::string& ns,
                                                      const std::string& name, const Status& error);

}  // namespace ballast::cli
