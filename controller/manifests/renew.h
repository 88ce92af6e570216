// How an object follows the one of the same key before it. Pure.
#pragma once

#include <cstdint>
#include <memory>

#include "api/codec.h"

namespace ballast::manifests {

// `wanted` with the generation that follows `before` (null: the first); null when nothing at all
// changed.
[[nodiscard]] std::shared_ptr<const api::Object> Renew(const api::Object* before,
                                                       const api::Object& wanted);

[[nodiscard]] std::int64_t GenerationOf(const api::Object& object);

}  // namespace ballast::manifests
