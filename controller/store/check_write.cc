#include "controller/store/check_write.h"

#include <fmt/format.h>

#include <string>

namespace ballast::store {
namespace {

using reconcilers::StoreKey;
using reconcilers::StoreWrite;

// The API takes 3 MiB; beyond this it is a mistake of ours.
constexpr std::size_t kMaxValue = std::size_t{8} << 20;
constexpr std::size_t kMaxName = 1024;

}  // namespace

std::size_t SizeOf(const StoreWrite& write) {
  constexpr std::size_t kOverhead = 256;
  return kOverhead + (write.value ? write.value->size() : 0);
}

Result<void> CheckForm(const StoreWrite& write) {
  const StoreKey& key = write.key;
  if (key.resource.empty() || key.name.empty()) {
    return Error(Code::kInvalidArgument, "an object needs a resource and a name");
  }
  for (const std::string* part : {&key.resource, &key.ns, &key.name}) {
    // A NUL would make two keys out of one in what authenticates a sealed value.
    if (part->size() > kMaxName || part->contains('\0')) {
      return Error(Code::kInvalidArgument,
                   "the name of an object is too long or has a NUL character");
    }
  }
  if (!write.value && write.expected == 0) {
    return Error(Code::kInvalidArgument,
                 key.ToString() + ": a delete names the revision that it deletes");
  }
  if (write.value && write.value->size() > kMaxValue) {
    return Error(Code::kInvalidArgument,
                 fmt::format("{} has {} bytes, more than the {} that are kept", key.ToString(),
                             write.value->size(), kMaxValue));
  }
  return {};
}

Result<void> CheckExpected(const StoreWrite& write, std::optional<std::uint64_t> present) {
  if (write.expected == 0) {
    if (!present) return {};
    return Error(Code::kAlreadyExists,
                 fmt::format("{} exists already, at revision {}", write.key.ToString(), *present));
  }
  if (!present) return MissingObject(write.key);
  if (*present == write.expected) return {};
  return Error(Code::kConflict,
               fmt::format("{} is at revision {}, not {}: read it again and repeat the change",
                           write.key.ToString(), *present, write.expected));
}

std::unexpected<Status> MissingObject(const StoreKey& key) {
  return Error(Code::kNotFound, key.ToString() + " does not exist");
}

Result<void> CheckRetained(std::uint64_t wanted, std::uint64_t removed, std::uint64_t newest) {
  if (wanted > newest) {
    return Error(Code::kExpired,
                 fmt::format("revision {} is newer than the newest, {}: the store was replaced by "
                             "another one; list again",
                             wanted, newest));
  }
  if (wanted < removed) {
    return Error(Code::kExpired, fmt::format("the changes after revision {} are no longer kept, "
                                             "only those after {}; list again",
                                             wanted, removed));
  }
  return {};
}

}  // namespace ballast::store
