// The objects behind the API: every write is checked, defaulted, given its metadata and owners, and
// put into the store by compare-and-swap, whoever it comes from - HTTP, manifests, the controller
// itself. Knows nothing of HTTP. Owned by controller/cmd. Any thread; answers of writes come on a
// thread of the store's or of the executor's.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec.h"
#include "controller/apiserver/api_error.h"
#include "controller/apiserver/request_info.h"
#include "controller/apiserver/resources.h"
#include "controller/apiserver/route_claims.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/store.h"

namespace ballast::apiserver {

// The finalizer of WebApps and LoadBalancers: they stay until their containers are gone.
inline constexpr char kTeardownFinalizer[] = "ballast.dev/teardown";
// Of namespaces: until they are empty.
inline constexpr char kNamespaceFinalizer[] = "ballast.dev/contents";

struct RegistryDeps {
  reconcilers::Store& durable;
  reconcilers::Store& transient;  // of resources that are made anew at each start
  const reconcilers::Clock& clock;
  std::function<std::string()> new_uid;
  std::function<void(std::function<void()>)> executor;  // runs later, on another thread
  api::DecodeOptions decode;
};

// Names one object, for those who do not come over HTTP.
struct ObjectRef {
  const Resource* resource = nullptr;
  std::string ns;
  std::string name;

  [[nodiscard]] reconcilers::StoreKey Key() const { return {resource->plural, ns, name}; }
  [[nodiscard]] ErrorSubject Subject() const { return resource->Subject(name); }
};

struct WriteResult {
  std::string body;  // the object, as JSON; of a deletion its last state
  bool created = false;
  bool deleted = false;  // it is gone
  bool unchanged = false;
  std::string name;
  std::string uid;
  std::vector<std::string> warnings;
};

enum class Propagation { kBackground, kForeground, kOrphan };

struct DeleteOptions {
  std::string uid;  // it must be this one; empty: any
  std::optional<std::uint64_t> revision;
  Propagation propagation = Propagation::kBackground;
  bool dry_run = false;
};

class Registry {
 public:
  using Done = std::function<void(ApiResult<WriteResult>)>;
  // The object as it is -> as it shall be. Called again when somebody else was faster.
  using Change = std::function<ApiResult<nlohmann::json>(const nlohmann::json& current)>;

  explicit Registry(RegistryDeps deps);

  // Reads what is there, for the checks that look at several objects. Before anything else.
  Result<void> Load();

  [[nodiscard]] reconcilers::Store& StoreOf(const Resource& resource) const;
  // As JSON with its resourceVersion.
  [[nodiscard]] ApiResult<std::string> Get(const ObjectRef& ref) const;

  // `body`: a whole object. generateName gives it a name.
  void Create(const ObjectRef& collection, nlohmann::json body, const WriteOptions& options,
              Done done);
  // Replaces what is there.
  void Update(const ObjectRef& ref, const nlohmann::json& body, const WriteOptions& options,
              Done done);
  // `subresource`: "", "status" or "scale": what of the change counts.
  void Modify(const ObjectRef& ref, const std::string& subresource, Change change,
              const WriteOptions& options, Done done);
  // Server-side apply; options.field_manager must be set.
  void Apply(const ObjectRef& ref, const nlohmann::json& config, const WriteOptions& options,
             Done done);
  void Delete(const ObjectRef& ref, const DeleteOptions& options, Done done);

  // For what Ballast itself writes (status, replicas, revisions, events, finalizers): no checks, no
  // owners. `change` answers null to delete, the same to leave it. Waits.
  using InternalChange = std::function<nlohmann::json(const nlohmann::json& current)>;
  ApiResult<void> Write(const ObjectRef& ref, const InternalChange& change);
  // Write, which leaves nothing. Not there: success.
  ApiResult<void> Drop(const ObjectRef& ref);

 private:
  struct Prepared;
  using Prepare = std::function<ApiResult<Prepared>(
      const std::optional<reconcilers::StoredObject>& current, const nlohmann::json& json)>;

  void Run(const ObjectRef& ref, Prepare prepare, int attempt, Done done);
  // Candidate -> what is stored: validated, with defaults, metadata and status in place.
  [[nodiscard]] ApiResult<Prepared> Finish(const ObjectRef& ref, const nlohmann::json& current,
                                           nlohmann::json candidate, const WriteOptions& options,
                                           bool applied);
  [[nodiscard]] ApiResult<Prepared> FinishStatus(const ObjectRef& ref,
                                                 const nlohmann::json& current,
                                                 const nlohmann::json& candidate,
                                                 const WriteOptions& options);
  [[nodiscard]] nlohmann::json WithDefaults(const nlohmann::json& current,
                                            const nlohmann::json& config) const;
  // The Autoscaler that decides about this web app's replicas; "": none.
  [[nodiscard]] std::string AutoscalerOf(const ObjectRef& ref) const;
  [[nodiscard]] std::string MindAutoscaler(const ObjectRef& ref, const std::string& subresource,
                                           const WriteOptions& options,
                                           const nlohmann::json& current,
                                           nlohmann::json& wanted) const;
  [[nodiscard]] ApiResult<void> CheckNamespace(const ObjectRef& ref, bool dry_run);
  void EnsureNamespace(const std::string& ns);
  [[nodiscard]] std::string Now() const;

  RegistryDeps deps_;
  RouteClaims claims_;
};

// {"metadata":{...}} with "resourceVersion" put in; `value` as stored.
[[nodiscard]] std::string WithRevision(std::string_view value, std::uint64_t revision);

// The Scale of a WebApp, and what a Scale makes of it.
[[nodiscard]] nlohmann::json ScaleOf(const nlohmann::json& webapp);

}  // namespace ballast::apiserver
