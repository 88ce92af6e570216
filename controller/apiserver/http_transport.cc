#include "controller/apiserver/http_transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace ballast::apiserver {
namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}

  Outcome Handshake() override { return {}; }
  Outcome Read(char* data, std::size_t size) override { return SocketRead(fd_, data, size); }
  Outcome Write(const char* data, std::size_t size) override {
    return SocketWrite(fd_, data, size);
  }
  void EndWriting() override { shutdown(fd_, SHUT_WR); }
  void Describe(Peer& /*peer*/) const override {}

 private:
  const int fd_;
};

Transport::Outcome Outcome(ssize_t bytes, Transport::State when_it_would_block) {
  using State = Transport::State;
  if (bytes > 0) return {.bytes = static_cast<std::size_t>(bytes)};
  const bool would_block = bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  return {.state = would_block ? when_it_would_block : State::kClosed};
}

}  // namespace

std::unique_ptr<Transport> NewPlainTransport(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

Transport::Outcome SocketRead(int fd, char* data, std::size_t size) {
  ssize_t bytes = 0;
  do {
    bytes = recv(fd, data, size, 0);
  } while (bytes < 0 && errno == EINTR);
  return Outcome(bytes, Transport::State::kReadable);
}

Transport::Outcome SocketWrite(int fd, const char* data, std::size_t size) {
  ssize_t bytes = 0;
  do {
    bytes = send(fd, data, size, MSG_NOSIGNAL);
  } while (bytes < 0 && errno == EINTR);
  return Outcome(bytes, Transport::State::kWritable);
}

}  // namespace ballast::apiserver
