// TLS for the server's connections. Not on Asio's ssl::stream, whose buffers take 68 KiB of each
// connection that waits: here OpenSSL reads and writes the socket, and its own buffers exist only
// while something is under way. Internal to apiserver.
#pragma once

#include <memory>
#include <mutex>

#include "api/status.h"
#include "controller/apiserver/http_server.h"
#include "controller/apiserver/http_transport.h"

namespace ballast::apiserver {

// A certificate and what clients are asked for; shared by the connections that began with it.
class TlsContext;
[[nodiscard]] Result<std::shared_ptr<const TlsContext>> NewTlsContext(const TlsOptions& options);

[[nodiscard]] std::unique_ptr<Transport> NewTlsTransport(const TlsContext& context, int fd);

// The context that new connections get. Any thread.
class TlsIdentity {
 public:
  void Set(std::shared_ptr<const TlsContext> context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }
  [[nodiscard]] std::shared_ptr<const TlsContext> Get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;
};

}  // namespace ballast::apiserver
