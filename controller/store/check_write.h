// What both stores decide alike: whether a write is well-formed, whether it may happen, and how
// they say so. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "api/status.h"
#include "reconcilers/ports/store.h"

namespace ballast::store {

// What it takes in memory, roughly.
[[nodiscard]] std::size_t SizeOf(const reconcilers::StoreWrite& write);

// InvalidArgument when no store could carry it out.
[[nodiscard]] Result<void> CheckForm(const reconcilers::StoreWrite& write);

// `present`: the revision of the object, nullopt when there is none.
[[nodiscard]] Result<void> CheckExpected(const reconcilers::StoreWrite& write,
                                         std::optional<std::uint64_t> present);

[[nodiscard]] std::unexpected<Status> MissingObject(const reconcilers::StoreKey& key);

// Whether changes after `wanted` can be told by a store that is at `newest` and removed those up to
// `removed`.
[[nodiscard]] Result<void> CheckRetained(std::uint64_t wanted, std::uint64_t removed,
                                         std::uint64_t newest);

}  // namespace ballast::store
