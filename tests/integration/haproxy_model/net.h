// Sockets for the tests of this folder: a raw HTTP client and small servers inside the test
// process, on ephemeral ports of the loopback. Blocking, with a deadline on every read.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace ballast::testing {

// A port that nobody listens on at the moment.
std::uint16_t FreePort();

// Polls until `condition` holds; false after `limit`.
bool Eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(15));

// A connection that closes itself. fd() < 0: not connected.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  Connection(Connection&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection();
  static Connection Tcp(std::uint16_t port);
  static Connection Unix(const std::string& path);

  [[nodiscard]] int fd() const { return fd_; }
  bool Send(std::string_view bytes) const;
  // Appends what is there, waiting for at least a byte; false at the deadline or EOF.
  bool ReadSome(std::string& buffer) const;
  // Reads until `buffer` holds `end`, or until the peer closes; false at the deadline or EOF.
  bool ReadUntil(std::string_view end, std::string& buffer) const;
  std::string ReadAll() const;

 private:
  int fd_;
};

struct HttpReply {
  int status = 0;  // 0: no answer
  std::string head;
  std::string body;
  [[nodiscard]] std::string Header(std::string_view name) const;  // "" = none
};

// Sends `request` as it is and reads to the end of the connection.
HttpReply Exchange(std::uint16_t port, std::string_view request);
// A GET with "Connection: close" and these further header lines ("Name: value\r\n" each).
HttpReply Get(std::uint16_t port, std::string_view host, std::string_view target,
              std::string_view headers = "", std::string_view method = "GET");

// What a TinyServer was asked.
struct Request {
  std::string head;  // request line and headers, as received
  std::string body;
  [[nodiscard]] std::vector<std::string> Header(std::string_view name) const;  // each line's value
};

class TinyServer {
 public:
  using Handler = std::function<std::string(const Request&)>;  // the whole answer; "" = close
  using Raw = std::function<void(Connection&)>;                // the whole connection
  explicit TinyServer(Handler handler);
  explicit TinyServer(Raw raw);
  TinyServer(const TinyServer&) = delete;
  TinyServer& operator=(const TinyServer&) = delete;
  ~TinyServer();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  void Start();
  void Accept();
  void Serve(Connection connection);

  Handler handler_;
  Raw raw_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// "HTTP/1.1 <status> ..." with a length.
std::string Answer(std::string_view body, int status = 200, std::string_view headers = "");

}  // namespace ballast::testing
