// Implements net.h.
#include "tests/integration/haproxy_model/net.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ballast::testing {
namespace {

constexpr int kReadMs = 20'000;

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Bound to a free port of the loopback.
int Bound(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port = ntohs(address.sin_port);
  return fd;
}

// Values of the lines that begin with "name:", without regard to case.
std::vector<std::string> HeaderValues(std::string_view head, std::string_view name) {
  std::vector<std::string> values;
  std::size_t begin = head.find("\r\n");
  while (begin != std::string_view::npos) {
    begin += 2;
    const std::size_t end = std::min(head.find("\r\n", begin), head.size());
    const std::string_view line = head.substr(begin, end - begin);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
          return std::tolower(static_cast<unsigned char>(a)) ==
                 std::tolower(static_cast<unsigned char>(b));
        })) {
      std::string_view value = line.substr(name.size() + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      values.emplace_back(value);
    }
    begin = head.find("\r\n", begin);
  }
  return values;
}

}  // namespace

std::uint16_t FreePort() {
  std::uint16_t port = 0;
  ::close(Bound(port));
  return port;
}

bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 10);
  }
  return true;
}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

Connection Connection::Tcp(std::uint16_t port) {
  Connection connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  if (::connect(connection.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
      0) {
    return Connection(-1);
  }
  return connection;
}

Connection Connection::Unix(const std::string& path) {
  Connection connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::connect(connection.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
      0) {
    return Connection(-1);
  }
  return connection;
}

bool Connection::Send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool Connection::ReadSome(std::string& buffer) const {
  pollfd poll{fd_, POLLIN, 0};
  if (::poll(&poll, 1, kReadMs) <= 0) return false;
  char bytes[65536];
  const ssize_t n = ::recv(fd_, bytes, sizeof(bytes), 0);
  if (n <= 0) return false;
  buffer.append(bytes, static_cast<std::size_t>(n));
  return true;
}

bool Connection::ReadUntil(std::string_view end, std::string& buffer) const {
  while (!buffer.contains(end)) {
    if (!ReadSome(buffer)) return false;
  }
  return true;
}

std::string Connection::ReadAll() const {
  std::string all;
  while (ReadSome(all)) {
  }
  return all;
}

std::string HttpReply::Header(std::string_view name) const {
  const std::vector<std::string> values = HeaderValues(head, name);
  return values.empty() ? "" : values.front();
}

std::vector<std::string> Request::Header(std::string_view name) const {
  return HeaderValues(head, name);
}

HttpReply Exchange(std::uint16_t port, std::string_view request) {
  const Connection connection = Connection::Tcp(port);
  if (connection.fd() < 0) return {};
  connection.Send(request);  // refused early, an answer may still come
  const std::string all = connection.ReadAll();
  const std::size_t end = all.find("\r\n\r\n");
  if (end == std::string::npos || !all.starts_with("HTTP/1.")) return {};
  return {.status = std::atoi(all.c_str() + 9),
          .head = all.substr(0, end + 2),
          .body = all.substr(end + 4)};
}

HttpReply Get(std::uint16_t port, std::string_view host, std::string_view target,
              std::string_view headers, std::string_view method) {
  return Exchange(port, fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}\r\n",
                                    method, target, host, headers));
}

TinyServer::TinyServer(Handler handler) : handler_(std::move(handler)) { Start(); }
TinyServer::TinyServer(Raw raw) : raw_(std::move(raw)) { Start(); }

TinyServer::~TinyServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

void TinyServer::Start() {
  listener_ = Bound(port_);
  ::listen(listener_, 128);
  acceptor_ = std::thread([this] { Accept(); });
}

void TinyServer::Accept() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(Connection(fd)); });
  }
}

void TinyServer::Serve(Connection connection) {
  if (raw_) {
    raw_(connection);
  } else {
    std::string buffer;
    while (connection.ReadUntil("\r\n\r\n", buffer)) {
      const std::size_t end = buffer.find("\r\n\r\n") + 4;
      Request request{.head = buffer.substr(0, end - 2)};
      buffer.erase(0, end);
      const std::vector<std::string> length = request.Header("content-length");
      const std::size_t size = length.empty() ? 0 : std::stoul(length.front());
      if (!request.Header("transfer-encoding").empty()) {
        if (!connection.ReadUntil("0\r\n\r\n", buffer)) break;
        request.body = std::exchange(buffer, "");
      } else {
        while (buffer.size() < size && connection.ReadSome(buffer)) {
        }
        request.body = buffer.substr(0, size);
        buffer.erase(0, size);
      }
      ++requests_;
      const std::string answer = handler_(request);
      if (answer.empty() || !connection.Send(answer)) break;
    }
  }
  // The number may be used again as soon as it is closed.
  const std::lock_guard lock(mutex_);
  std::erase(open_, connection.fd());
}

std::string Answer(std::string_view body, int status, std::string_view headers) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                     headers, body);
}

}  // namespace ballast::testing
