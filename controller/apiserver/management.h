// What belongs to this server and to no object: tokens, how to reach it, backups. Below
// /ballast/v1; administrators only (the caller has seen to that). Owned by controller/cmd; called
// on the HTTP server's worker threads.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "controller/apiserver/http_types.h"
#include "controller/apiserver/rest_handler.h"
#include "controller/apiserver/tokens.h"
#include "reconcilers/ports/store.h"

namespace ballast::apiserver {

// What a kubeconfig needs.
struct ApiEndpoint {
  std::string url;        // "https://127.0.0.1:7443"
  std::string authority;  // PEM
};

struct ManagementDeps {
  Tokens& tokens;
  reconcilers::Store& store;
  std::string scratch_dir;  // where a backup is put together
  // Nothing: the API is served on the unix socket alone.
  std::function<std::optional<ApiEndpoint>()> endpoint;
  std::function<void(const AuditRecord&)> audit;
  SyncHandler otherwise;  // all other paths
};

class Management {
 public:
  explicit Management(ManagementDeps deps) : deps_(std::move(deps)) {}
  [[nodiscard]] HttpResponse Handle(const User& user, const HttpRequest& request) const;

 private:
  [[nodiscard]] HttpResponse HandleTokens(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse HandleToken(const HttpRequest& request, const std::string& id) const;
  [[nodiscard]] HttpResponse Endpoint() const;
  [[nodiscard]] HttpResponse Backup() const;

  const ManagementDeps deps_;
};

}  // namespace ballast::apiserver
