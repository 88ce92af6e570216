#include "tests/fakes/http_stub.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace ballast::fakes {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A test cannot go on without its server.
[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  // A client that went away makes the socket readable with nothing in it.
  char byte = 0;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

}  // namespace

std::string StubRequest::Header(std::string_view name) const {
  std::size_t at = head.find("\r\n");
  while (at != std::string::npos && at + 2 < head.size()) {
    at += 2;
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = std::string_view(head).substr(at, end - at);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        std::equal(name.begin(), name.end(), line.begin(),
                   [](char a, char b) { return Lower(a) == Lower(b); })) {
      std::string_view value = line.substr(name.size() + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return std::string(value);
    }
    at = head.find("\r\n", at);
  }
  return "";
}

std::string StubResponse(int status, std::string_view body, std::string_view headers) {
  return fmt::format("HTTP/1.1 {} Stub\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                     headers, body);
}

std::string StubChunkedHeader() {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
}

std::string StubChunk(std::string_view data) {
  return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

HttpStub::HttpStub(StubHandler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("HttpStub");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

HttpStub::HttpStub(const std::string& path, StubHandler handler)
    : handler_(std::move(handler)), path_(path) {
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) Die("HttpStub: path too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  unlink(path.c_str());
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 64) != 0) {
    Die("HttpStub");
  }
  acceptor_ = std::thread([this] { Accept(); });
}

HttpStub::~HttpStub() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  CutConnections();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
  if (!path_.empty()) unlink(path_.c_str());
}

void HttpStub::CutConnections() {
  const std::lock_guard lock(mutex_);
  for (const int fd : open_) shutdown(fd, SHUT_RDWR);
}

void HttpStub::Accept() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_ || fd < 0) {
      if (fd >= 0) close(fd);
      if (stopping_) return;
      continue;
    }
    open_.insert(fd);
    const int connection = ++connections_;
    threads_.emplace_back([this, fd, connection] { Serve(fd, connection); });
  }
}

void HttpStub::Serve(int fd, int connection) {
  std::string input;
  const auto more = [&] {
    char buffer[16 << 10];
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got > 0) input.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  };
  const StubSend send_bytes = [fd](std::string_view bytes) { return SendAll(fd, bytes); };
  for (int number = 1;; ++number) {
    std::size_t end = 0;
    bool alive = true;
    while (alive && (end = input.find("\r\n\r\n")) == std::string::npos) {
      // A TLS client hello is no HTTP, and never will be.
      alive = !input.starts_with('\x16') && more();
    }
    if (!alive) break;
    StubRequest request{.head = input.substr(0, end + 2)};
    request.connection = connection;
    request.number = number;
    request.await_close = [fd] {
      pollfd closed{fd, POLLRDHUP, 0};
      while (poll(&closed, 1, -1) < 0) {
      }
    };
    const std::size_t space = request.head.find(' ');
    request.method = request.head.substr(0, space);
    request.target = request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
    std::size_t length = 0;
    const std::string text = request.Header("Content-Length");
    std::from_chars(text.data(), text.data() + text.size(), length);
    while (alive && input.size() < end + 4 + length) alive = more();
    if (!alive) break;
    request.body = input.substr(end + 4, length);
    input.erase(0, end + 4 + length);
    if (!handler_(request, send_bytes)) break;
  }
  const std::lock_guard lock(mutex_);
  open_.erase(fd);
  close(fd);
}

}  // namespace ballast::fakes
