// An HTTP/1.1 server for few clients: unix and TCP listeners on one thread, with limits on
// everything a client can do, so that none holds up another or the controller. It knows nothing of
// what is served. Owned by controller/cmd; the API server of later stands on it too.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "api/status.h"
#include "controller/apiserver/http_types.h"
#include "reconcilers/ports/metrics.h"

namespace ballast::apiserver {

struct HttpLimits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 64 * 1024;
  // For a request to arrive, an answer to leave, and for silence between requests.
  std::chrono::milliseconds timeout{10'000};
  // Of one listener. When reached, the client that has been silent longest makes room.
  std::size_t connections = 64;
};

class HttpServer {
 public:
  HttpServer(reconcilers::Metrics& metrics, HttpLimits limits);
  explicit HttpServer(reconcilers::Metrics& metrics) : HttpServer(metrics, HttpLimits()) {}
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Before Start. The socket appears with its final mode; its directory is created. A socket file
  // that nobody answers on is replaced; AlreadyExists when somebody does.
  Result<void> ListenUnix(const std::string& path, mode_t mode, HttpHandler handler);
  // Port 0: any. Returns the port.
  Result<std::uint16_t> ListenTcp(const std::string& address, std::uint16_t port,
                                  HttpHandler handler);
  void Start();
  // Cuts all connections; removes the socket file if it is still this server's.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ballast::apiserver
