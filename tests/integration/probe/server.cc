#include "tests/integration/probe/server.h"

#include <array>
#include <boost/asio/write.hpp>
#include <memory>
#include <utility>

namespace ballast::probe {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

struct Server::Connection : std::enable_shared_from_this<Connection> {
  Connection(Server& owner, Tcp::socket accepted)
      : server(owner), socket(std::move(accepted)), after(owner.after_) {}

  void Read() {
    socket.async_read_some(asio::buffer(buffer),
                           [self = shared_from_this()](const error_code& failed, std::size_t n) {
                             if (failed) return;
                             self->request.append(self->buffer.data(), n);
                             self->OnBytes();
                           });
  }
  void OnBytes() {
    if (answered) return Read();  // until the other side has had enough
    if (request.find("\r\n\r\n") == std::string::npos) return Read();
    answered = true;
    {
      const std::lock_guard lock(server.mutex_);
      server.last_request_ = request;
      pieces = server.pieces_;
    }
    Write(0);
  }
  void Write(std::size_t index) {
    if (index == pieces.size()) {
      if (after == After::kStayOpen) return Read();
      error_code ignored;
      socket.shutdown(Tcp::socket::shutdown_both, ignored);
      return;
    }
    asio::async_write(socket, asio::buffer(pieces[index]),
                      [self = shared_from_this(), index](const error_code& failed, std::size_t) {
                        if (!failed) self->Write(index + 1);
                      });
  }

  Server& server;
  Tcp::socket socket;
  After after;
  std::array<char, 4096> buffer{};
  std::string request;
  std::vector<std::string> pieces;
  bool answered = false;
};

Server::Server(std::string answer, std::uint16_t port)
    : Server(std::vector<std::string>{std::move(answer)}, After::kClose, port) {}

Server::Server(std::vector<std::string> pieces, After after, std::uint16_t port)
    : pieces_(std::move(pieces)),
      after_(after),
      acceptor_(io_, Tcp::endpoint(asio::ip::address_v4::loopback(), port)),
      port_(acceptor_.local_endpoint().port()) {
  Accept();
  thread_ = std::thread([this] { io_.run(); });
}

Server::~Server() {
  io_.stop();
  thread_.join();
}

void Server::SetAnswer(std::string answer) {
  const std::lock_guard lock(mutex_);
  pieces_ = {std::move(answer)};
}

std::string Server::LastRequest() const {
  const std::lock_guard lock(mutex_);
  return last_request_;
}

int Server::Connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

void Server::Accept() {
  acceptor_.async_accept([this](const error_code& failed, Tcp::socket socket) {
    if (failed) return;
    {
      const std::lock_guard lock(mutex_);
      ++connections_;
    }
    std::make_shared<Connection>(*this, std::move(socket))->Read();
    Accept();
  });
}

}  // namespace ballast::probe
