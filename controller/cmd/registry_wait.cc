#include "controller/cmd/registry_wait.h"

namespace ballast::cmd {

std::optional<apiserver::ObjectRef> RefOf(const api::ObjectKey& key) {
  const apiserver::Resource* resource = apiserver::FindByAnyName(key.kind);
  if (resource == nullptr) return std::nullopt;
  return apiserver::ObjectRef{resource, key.ns, key.name};
}

std::unexpected<Status> ToStatus(const apiserver::ApiError& error) {
  Code code = Code::kUnavailable;
  if (error.code == 404) code = Code::kNotFound;
  if (error.code == 400 || error.code == 422) code = Code::kInvalidArgument;
  if (error.code == 403) code = Code::kPermissionDenied;
  if (error.code == 409) code = Code::kConflict;
  if (error.code == 507) code = Code::kFailedPrecondition;
  return Error(code, error.message);
}

}  // namespace ballast::cmd
