// The sockets of the sample web app: accepts connections and serves HTTP/1.x on each, one coroutine
// a connection, all on the one thread of the io_context. WebSockets and event streams are in
// streams.cc. HTTP/2 is not spoken.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp lacks it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/message.hpp>
#include <functional>
#include <string>
#include <unordered_set>

#include "images/hello/app.h"

namespace ballast::hello {

using HttpRequest = boost::beast::http::request<boost::beast::http::buffer_body>;

class Server;

// One accepted connection; registered with its server for as long as it lives.
struct Connection {
  Connection(boost::asio::ip::tcp::socket socket, Server* server);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  boost::beast::tcp_stream stream;
  boost::beast::flat_buffer buffer;
  Server* const server;
  std::string ip;  // our own address, as the client sees it
  // Called once when the server is told to stop gracefully; ends this connection as soon as it may.
  std::function<void()> on_stop;
};

class Server {
 public:
  Server(boost::asio::io_context* io, App* app);

  // Opens the port, throws boost::system::system_error. Call once.
  void Listen();
  // Accepts no more, lets running requests finish; the io_context then runs out of work.
  void Stop();

  bool stopping() const { return stopping_; }
  App* app() const { return app_; }

 private:
  friend struct Connection;
  boost::asio::awaitable<void> AcceptLoop();

  boost::asio::io_context* const io_;
  App* const app_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::unordered_set<Connection*> connections_;
  bool stopping_ = false;
};

// streams.cc: each takes the connection over until it ends.
boost::asio::awaitable<void> ServeWebSocket(Connection* connection, const HttpRequest& request);
boost::asio::awaitable<void> ServeEvents(Connection* connection, const HttpRequest& request,
                                         std::string_view query);

}  // namespace ballast::hello
