// A server that does what a test says, for the load generator's own tests: one thread, one scripted
// answer for each request in turn (the last one again and again), and a close where the script
// says.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ballast::loadgen {

struct Step {
  std::string bytes;   // sent as they are
  bool close = false;  // after that
};

class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Step> script)
      : script_(std::move(script)),
        acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}),
        port_(acceptor_.local_endpoint().port()) {
    Accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~ScriptedServer() {
    io_.stop();
    thread_.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  using Socket = boost::asio::ip::tcp::socket;
  struct Peer {
    explicit Peer(Socket s) : socket(std::move(s)) {}
    Socket socket;
    boost::asio::streambuf input;
  };

  void Accept() {
    acceptor_.async_accept([this](const boost::system::error_code& ec, Socket socket) {
      if (ec) return;
      Serve(std::make_shared<Peer>(std::move(socket)));
      Accept();
    });
  }

  void Serve(const std::shared_ptr<Peer>& peer) {
    boost::asio::async_read_until(
        peer->socket, peer->input, "\r\n\r\n",
        [this, peer](const boost::system::error_code& ec, std::size_t n) {
          if (ec) return;
          peer->input.consume(n);
          const Step& step = script_[std::min(next_++, script_.size() - 1)];
          boost::system::error_code ignored;
          boost::asio::write(peer->socket, boost::asio::buffer(step.bytes), ignored);
          if (step.close) {
            peer->socket.close(ignored);
          } else {
            Serve(peer);
          }
        });
  }

  const std::vector<Step> script_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  const std::uint16_t port_;
  std::size_t next_ = 0;
  std::thread thread_;
};

inline std::string Answer(int status, const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace ballast::loadgen
