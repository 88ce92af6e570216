// A TCP server on loopback that gives every connection the same answer. A thread of its own.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ballast::probe {

class Server {
 public:
  enum class After { kClose, kStayOpen };

  // Port 0: the kernel chooses. The pieces are written one by one, once a request has come.
  explicit Server(std::string answer, std::uint16_t port = 0);
  explicit Server(std::vector<std::string> pieces, After after = After::kClose,
                  std::uint16_t port = 0);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void SetAnswer(std::string answer);
  [[nodiscard]] std::string LastRequest() const;
  [[nodiscard]] int Connections() const;

 private:
  struct Connection;
  void Accept();

  mutable std::mutex mutex_;
  std::vector<std::string> pieces_;
  std::string last_request_;
  int connections_ = 0;
  const After after_;

  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace ballast::probe
