// Who is let in to the API, and how the API is reached over TCP: certificates, tokens, listening,
// renewal. Owned by the Controller. Open and Close on its thread; the rest on any.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "controller/apiserver/http_server.h"
#include "controller/apiserver/management.h"
#include "controller/apiserver/tokens.h"
#include "controller/cmd/options.h"
#include "reconcilers/ports/clock.h"

namespace ballast::cmd {

class ApiDoor {
 public:
  ApiDoor(const Options& options, apiserver::HttpServer& server, apiserver::Tokens& tokens,
          const reconcilers::Clock& clock)
      : options_(options), server_(server), tokens_(tokens), clock_(clock) {}
  ~ApiDoor() { Close(); }
  ApiDoor(const ApiDoor&) = delete;
  ApiDoor& operator=(const ApiDoor&) = delete;

  // On --listen, if there is one; before the server starts.
  Result<void> Open(apiserver::HttpHandler handler);
  void Close();

  // The unix socket lets do everything; a client certificate or a token says who it is.
  [[nodiscard]] std::optional<apiserver::User> Authenticate(
      const apiserver::HttpRequest& request) const;
  [[nodiscard]] std::optional<apiserver::ApiEndpoint> Endpoint() const;

 private:
  // The server's certificate, as the flags say or made; and what clients are to trust.
  Result<apiserver::TlsOptions> LoadCertificate();
  // Looks once an hour whether the certificate has to be renewed, or was replaced.
  void Renew(const std::stop_token& stop);

  const Options& options_;
  apiserver::HttpServer& server_;
  apiserver::Tokens& tokens_;
  const reconcilers::Clock& clock_;
  mutable std::mutex mutex_;
  std::optional<apiserver::ApiEndpoint> endpoint_;  // guarded by mutex_
  apiserver::TlsOptions in_force_;                  // Open's, then the thread's
  std::jthread thread_;
};

// The limits of the API's listeners.
[[nodiscard]] apiserver::ListenerOptions ApiListenerOptions();

}  // namespace ballast::cmd
