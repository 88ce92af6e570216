#include <utility>

#include "api/codec.h"

namespace ballast::api {
namespace {

constexpr char kFrozen[] = "must not change: the object is immutable; delete it and make it anew";

template <typename T>
void CheckImmutable(const T& before, const T& after, std::vector<FieldError>& errors) {
  if (!before.immutable.value_or(false)) return;
  if (!after.immutable.value_or(false)) {
    errors.push_back({.file = "", .field = "immutable", .message = kFrozen});
  }
  if (after.data != before.data) {
    errors.push_back({.file = "", .field = "data", .message = kFrozen});
  }
}

}  // namespace

std::vector<FieldError> ValidateUpdate(const Object& before, const Object& after) {
  std::vector<FieldError> errors;
  const auto* old_secret = std::get_if<Secret>(&before);
  const auto* new_secret = std::get_if<Secret>(&after);
  if (old_secret != nullptr && new_secret != nullptr) {
    CheckImmutable(*old_secret, *new_secret, errors);
    if (new_secret->type != old_secret->type) {
      errors.push_back({.file = "",
                        .field = "type",
                        .message = "must not change: delete the Secret and make it anew"});
    }
  }
  const auto* old_config = std::get_if<ConfigMap>(&before);
  const auto* new_config = std::get_if<ConfigMap>(&after);
  if (old_config != nullptr && new_config != nullptr) {
    CheckImmutable(*old_config, *new_config, errors);
    if (old_config->immutable.value_or(false) &&
        new_config->binary_data != old_config->binary_data) {
      errors.push_back({.file = "", .field = "binaryData", .message = kFrozen});
    }
  }
  return errors;
}

}  // namespace ballast::api
