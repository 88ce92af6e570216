#include "controller/cmd/registry_scaler.h"

#include <nlohmann/json.hpp>

#include "controller/apiserver/api_error.h"
#include "controller/apiserver/autoscaled.h"
#include "controller/apiserver/object.h"
#include "controller/cmd/registry_wait.h"

namespace ballast::cmd {

using nlohmann::json;

Result<void> RegistryScaler::SetReplicas(const api::ObjectKey& webapp, int from, int to) {
  const auto ref = RefOf(webapp);
  if (!ref) return Error(Code::kInvalidArgument, "there is no kind " + webapp.kind);
  const auto scaled = Wait([&](apiserver::Registry::Done done) {
    registry_.Modify(
        *ref, "scale",
        [&](const json& current) -> apiserver::ApiResult<json> {
          if (apiserver::NumberAt(current, "/spec/replicas") != from) {
            return apiserver::Refuse(
                apiserver::Conflict(ref->Subject(), "somebody else scaled it at the same time"));
          }
          json wanted = current;
          wanted["spec"]["replicas"] = to;
          return wanted;
        },
        {.field_manager = apiserver::kAutoscalerManager}, std::move(done));
  });
  if (!scaled) return ToStatus(scaled.error());
  return {};
}

}  // namespace ballast::cmd
