// A tiny HTTP server for tests: a thread per connection, the answer to each request made by a
// function, byte for byte, so that it can also be wrong. On 127.0.0.1 (a port of the kernel's
// choice) or on a unix socket. The handler is called from several threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ballast::fakes {

struct StubRequest {
  std::string method;
  std::string target;
  std::string head;  // request line and headers as they came
  std::string body;
  int connection = 0;  // counts from 1
  int number = 0;      // on this connection, counts from 1
  // Blocks until the client has gone away (or CutConnections).
  std::function<void()> await_close;

  // Of a header field, whatever its case; "" if absent.
  [[nodiscard]] std::string Header(std::string_view name) const;
};

// Sends bytes to the client; false: it is gone. A call with "" only asks that.
using StubSend = std::function<bool(std::string_view bytes)>;
// Answers one request. False: close the connection now.
using StubHandler = std::function<bool(const StubRequest& request, const StubSend& send)>;

// "HTTP/1.1 200 OK" with a length and what else belongs to it.
[[nodiscard]] std::string StubResponse(int status, std::string_view body,
                                       std::string_view headers = "");
// The same in chunks; end it with Chunk("").
[[nodiscard]] std::string StubChunkedHeader();
[[nodiscard]] std::string StubChunk(std::string_view data);

class HttpStub {
 public:
  explicit HttpStub(StubHandler handler);                  // TCP
  HttpStub(const std::string& path, StubHandler handler);  // a unix socket
  ~HttpStub();
  HttpStub(const HttpStub&) = delete;
  HttpStub& operator=(const HttpStub&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  // Closes every connection that is open, as a server that restarts does.
  void CutConnections();

 private:
  void Accept();
  void Serve(int fd, int connection);

  StubHandler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::string path_;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::set<int> open_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace ballast::fakes
