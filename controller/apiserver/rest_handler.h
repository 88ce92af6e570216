// The API over HTTP: authenticates, authorises, reads bodies, calls the registry, shows the answer,
// and writes the audit log. Owned by controller/cmd; called on the HTTP server's worker threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "controller/apiserver/access.h"
#include "controller/apiserver/http_types.h"
#include "controller/apiserver/registry.h"
#include "controller/apiserver/watch.h"
#include "reconcilers/ports/clock.h"

namespace ballast::apiserver {

// One line of the audit log: a write that was asked for, and what became of it.
struct AuditRecord {
  std::string user;
  std::string address;
  std::string verb;
  std::string resource;  // "webapps/scale"
  std::string ns;
  std::string name;
  bool dry_run = false;
  int code = 0;
  std::string reason;  // of a refusal
};

struct RestDeps {
  Registry& registry;
  WatchHub& hub;
  const reconcilers::Clock& clock;
  std::string version;
  // Who this is; nothing: nobody we know (401).
  std::function<std::optional<User>(const HttpRequest&)> authenticate;
  std::function<void(const AuditRecord&)> audit;
  // Resource::readable by name ("log"), once the request was found to be allowed.
  using Reader = std::function<void(const RequestInfo&, const HttpRequest&, Respond)>;
  std::map<std::string, Reader> readers;
  // What pods use, likewise.
  Reader pod_metrics;
  // What is no resource and no discovery: status, metrics, tokens, backup. Authorised already.
  std::function<void(const User&, HttpRequest, Respond)> other;
};

class RestHandler {
 public:
  explicit RestHandler(RestDeps deps) : deps_(std::move(deps)) {}
  void Handle(HttpRequest request, Respond respond) const;

 private:
  // One request on its way; shared by the callbacks that answer it.
  struct Call;
  using CallPtr = std::shared_ptr<Call>;

  void AuditRefusal(const std::string& user, const HttpRequest& request,
                    const ApiError& error) const;
  void HandleOther(const User& user, HttpRequest request, Respond respond) const;
  void Get(const CallPtr& call) const;
  void List(const CallPtr& call) const;
  void StartWatch(const CallPtr& call) const;
  void Create(const CallPtr& call, const WriteOptions& options) const;
  void Update(const CallPtr& call, const WriteOptions& options) const;
  void Patch(const CallPtr& call, const WriteOptions& options) const;
  void Delete(const CallPtr& call) const;
  void DeleteAll(const CallPtr& call) const;
  // Answers a write with the object (or its Scale) as the client wants to see it.
  [[nodiscard]] Registry::Done AnswerWith(const CallPtr& call) const;
  void Answer(const CallPtr& call, HttpResponse response) const;
  void AnswerError(const CallPtr& call, const ApiError& error) const;

  const RestDeps deps_;
};

[[nodiscard]] HttpResponse ErrorResponse(const ApiError& error);

}  // namespace ballast::apiserver
