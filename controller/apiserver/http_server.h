// An HTTP/1.1 server on unix, TCP and TLS sockets, with limits on everything a client can do, so
// that none holds up another or the controller, and with streams that cost little while they wait.
// One thread does all input and output, a few run the handlers. It knows nothing of what is served.
// Owned by controller/cmd. Listen..., Start and Stop on one thread; SetCertificate on any.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/status.h"
#include "controller/apiserver/http_types.h"
#include "reconcilers/ports/metrics.h"

namespace ballast::apiserver {

// Of one listener.
struct HttpLimits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 64 * 1024;
  // Bodies beyond 64 KiB that are arriving or being answered, of all connections together.
  std::size_t bodies_bytes = 64 << 20;
  // For a TLS handshake, for a request to arrive, and for each 64 KiB of an answer to leave.
  std::chrono::milliseconds timeout{10'000};
  // For a client to take something of a stream that is full. Long, since people put pagers behind
  // `kubectl logs -f`; it costs the one piece that was pulled.
  std::chrono::milliseconds stall{300'000};
  // Between two requests of a connection. More than the 90 s after which Go's clients (kubectl)
  // close theirs, so that none meets a connection that is just being closed.
  std::chrono::milliseconds idle{120'000};
  // When reached, the client that has been silent longest makes room. A request that is being
  // answered is never cut, nor is a stream; when there are only such, the answer is 503.
  std::size_t connections = 2'048;
  std::size_t streams_per_client = 1'000;  // more: 429. Less than `connections`: others fit in, too
};

// The answer to what never reaches the handler: 400, 408, 413, 429, 431, 500, 503. Quick, throws
// nothing; called on the thread that does input and output.
using ErrorFormat = std::function<HttpResponse(int status, std::string_view text)>;

struct ListenerOptions {
  HttpLimits limits;
  ErrorFormat error = TextResponse;
};

// All PEM. TLS 1.2 or later.
struct TlsOptions {
  std::string certificate_chain;  // the server's own one first
  std::string key;
  // Clients are asked for a certificate of these, and may have none; a bad one ends the handshake.
  // Empty: they are not asked.
  std::string client_ca;
};

class HttpServer {
 public:
  explicit HttpServer(reconcilers::Metrics& metrics, std::size_t workers = 2);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Before Start. The socket appears with its final mode; its directory is created. A socket file
  // that nobody answers on is replaced; AlreadyExists when somebody does.
  Result<void> ListenUnix(const std::string& path, mode_t mode, HttpHandler handler,
                          ListenerOptions options = {});
  // `address` is an IP address. Port 0: any. Returns the port.
  Result<std::uint16_t> ListenTcp(const std::string& address, std::uint16_t port,
                                  HttpHandler handler, ListenerOptions options = {});
  // One certificate for all TLS listeners: the last that was given.
  Result<std::uint16_t> ListenTls(const std::string& address, std::uint16_t port,
                                  const TlsOptions& tls, HttpHandler handler,
                                  ListenerOptions options = {});
  // For all new TLS connections. On an error the certificate in force stays.
  Result<void> SetCertificate(const TlsOptions& tls);

  void Start();
  // Takes no more connections, lets answers go out and ends streams as HTTP wants it, for at most a
  // second; cuts what is left. Waits for handlers that run, drops those that have not begun.
  // Removes the socket file if it is still this server's. For good.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ballast::apiserver
