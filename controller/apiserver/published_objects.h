// What the controller shows of its work as objects: replicas, pods, revisions, events. Pure; any
// thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/meta.h"
#include "api/webapp.h"

namespace ballast::apiserver {

// `webapp`: as stored, or null when it is not (it was made of labels).
[[nodiscard]] nlohmann::json ReplicaObject(const api::ObjectKey& app,
                                           const api::ReplicaStatus& replica,
                                           const nlohmann::json& webapp);
// The same as a core v1 Pod, for `kubectl get pods` and `kubectl logs`.
[[nodiscard]] nlohmann::json PodObject(const api::ObjectKey& app, const api::ReplicaStatus& replica,
                                       const nlohmann::json& webapp);

// `number`: 1 for an app's first one. `cause`: why it was made.
[[nodiscard]] nlohmann::json RevisionObject(const api::ObjectKey& app, const std::string& revision,
                                            std::int64_t number, const std::string& cause,
                                            const nlohmann::json& webapp);
// What differs between two templates, for a person: "image acme/shop:1.4 -> acme/shop:1.5".
// `before` null: "created".
[[nodiscard]] std::string DescribeChange(const nlohmann::json& before, const nlohmann::json& after);

// The name of the Event for this: the same for equal ones, also after a restart.
[[nodiscard]] std::string EventName(const api::ObjectKey& object, std::string_view reason,
                                    std::string_view message);

}  // namespace ballast::apiserver
