#include "controller/apiserver/namespace_reaper.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "controller/apiserver/object.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

// Containers take their time; who waits for the namespace does not mind a second.
constexpr std::chrono::milliseconds kLookAgain{500};

}  // namespace

Result<reconcilers::Outcome> NamespaceReaper::Reconcile(const api::ObjectKey& key) {
  const ObjectRef ref{FindKind("v1", "Namespace"), "", key.name};
  const auto stored = registry_.Get(ref);
  if (!stored) return reconcilers::Outcome{};
  if (!IsDeleting(json::parse(*stored, nullptr, false))) return reconcilers::Outcome{};
  std::size_t left = 0;
  for (const Resource& resource : AllResources()) {
    if (!resource.namespaced || resource.transient) continue;
    const auto open = Empty(resource, key.name);
    if (!open) return std::unexpected(open.error());
    left += *open;
  }
  if (left > 0) return reconcilers::Outcome{kLookAgain};
  const auto written = registry_.Write(ref, [](const json& current) {
    json wanted = current;
    if (wanted.is_object()) RemoveFinalizer(wanted, kNamespaceFinalizer);
    return wanted;
  });
  if (!written) return Error(Code::kUnavailable, written.error().message);
  return reconcilers::Outcome{};
}

Result<std::size_t> NamespaceReaper::Empty(const Resource& resource, const std::string& ns) {
  const auto page =
      registry_.StoreOf(resource).List({.resource = resource.plural, .ns = ns, .start_after = {}});
  if (!page) return std::unexpected(page.error());
  std::size_t left = 0;
  for (const auto& item : page->items) {
    const ObjectRef ref{&resource, ns, item.key.name};
    if (resource.writers == Writers::kController) {  // events, revisions: nobody waits for them
      const auto gone = registry_.Drop(ref);
      if (!gone) return Error(Code::kUnavailable, gone.error().message);
      continue;
    }
    ++left;
    // What is told already has its finalizers to wait for.
    if (IsDeleting(json::parse(*item.value, nullptr, false))) continue;
    registry_.Delete(ref, {}, [](const ApiResult<WriteResult>&) {});  // seen in the next look
  }
  return left;
}

}  // namespace ballast::apiserver
