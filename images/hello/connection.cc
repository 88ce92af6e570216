#include "images/hello/connection.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <memory>
#include <optional>
#include <thread>

namespace ballast::hello {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Parser = http::request_parser<http::buffer_body>;

constexpr std::uint32_t kMaxHeader = 16 * 1024;
constexpr std::uint64_t kMaxBody = 64ULL * 1024 * 1024;
constexpr std::size_t kKeptBody = 4096;
// Longer than any pool keeps idle connections: the app must not be the one to close first.
constexpr auto kIdle = std::chrono::minutes(10);
constexpr auto kStalled = std::chrono::minutes(1);

// Reads the body and forgets it, but for its beginning.
asio::awaitable<std::string> ReadBody(Connection* c, Parser* parser, error_code* ec) {
  std::string kept;
  std::array<char, 16 * 1024> chunk;
  while (!parser->is_done()) {
    auto& body = parser->get().body();
    body.data = chunk.data();
    body.size = chunk.size();
    co_await http::async_read(c->stream, c->buffer, *parser,
                              asio::redirect_error(asio::use_awaitable, *ec));
    if (*ec == http::error::need_buffer) *ec = {};
    if (*ec) break;
    const std::size_t got = chunk.size() - body.size;
    kept.append(chunk.data(), std::min(got, kKeptBody - kept.size()));
  }
  co_return kept;
}

asio::awaitable<error_code> Write(Connection* c, std::string bytes) {
  error_code ec;
  co_await asio::async_write(c->stream, asio::buffer(bytes),
                             asio::redirect_error(asio::use_awaitable, ec));
  co_return ec;
}

// Closes so that the last answer arrives: unread input would turn the close into a reset.
asio::awaitable<void> Linger(Connection* c) {
  error_code ec;
  c->stream.socket().shutdown(tcp::socket::shutdown_send, ec);
  c->stream.expires_after(std::chrono::seconds(1));
  std::array<char, 4096> sink;
  while (!ec) {
    co_await c->stream.async_read_some(asio::buffer(sink),
                                       asio::redirect_error(asio::use_awaitable, ec));
  }
}

asio::awaitable<void> Refuse(Connection* c, const error_code& why) {
  if (why.category() != make_error_code(http::error::bad_method).category() ||
      why == http::error::end_of_stream || why == http::error::partial_message) {
    co_return;  // the peer is gone: nobody to tell
  }
  Response response;
  response.status = why == http::error::header_limit ? 431
                    : why == http::error::body_limit ? 413
                                                     : 400;
  response.body = "{\"error\":\"" + why.message() + "\"}\n";
  const Framing framing{.keep_alive = false};
  if (!co_await Write(c, Serialize(response, framing, c->server->app()->host()))) {
    co_await Linger(c);
  }
}

// Faults that hit the whole process; the answer has been written. Blocking the thread is the point
// of kHang: nothing is accepted or answered, like an app that has locked up. SIGTERM still works.
void Afterwards(const Response& response) {
  if (response.after == After::kExit) _exit(response.exit_code);
  if (response.after != After::kHang) return;
  if (response.hang.count() > 0) {
    std::this_thread::sleep_for(response.hang);
  } else {
    for (;;) pause();
  }
}

std::string_view Query(std::string_view target) {
  const auto mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

// One request whose header is read; false when the connection is to end or was taken over.
asio::awaitable<bool> ServeOne(Connection* c, Parser* parser) {
  App* app = c->server->app();
  const HttpRequest& header = parser->get();
  const std::string_view target = header.target();
  const std::string_view path = app->Strip(target.substr(0, target.find('?')));
  if (path == "/ws" && beast::websocket::is_upgrade(header)) {
    co_await ServeWebSocket(c, header);
    co_return false;
  }
  std::string body;
  if (!parser->is_done()) {
    error_code ec;
    if (beast::iequals(header[http::field::expect], "100-continue")) {
      ec = co_await Write(c, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    if (!ec) body = co_await ReadBody(c, parser, &ec);
    if (ec) {
      co_await Refuse(c, ec);
      co_return false;
    }
  }
  if (path == "/events" && header.method() == http::verb::get) {
    co_await ServeEvents(c, header, Query(target));
    co_return false;
  }
  Request request{.method = header.method_string(),
                  .path = path,
                  .query = Query(target),
                  .cookie = header[http::field::cookie],
                  .body = body,
                  .headers = {}};
  if (path == "/headers") {
    for (const auto& field : header) {
      request.headers.emplace_back(field.name_string(), field.value());
    }
  }
  const Response response = app->Handle(request, c->ip, App::Clock::now());
  if (response.wait.count() > 0) {
    asio::steady_timer timer(c->stream.get_executor(), response.wait);
    co_await timer.async_wait(asio::use_awaitable);
  }
  const Framing framing{.head = header.method() == http::verb::head,
                        .http10 = header.version() == 10,
                        .keep_alive = header.keep_alive() && !c->server->stopping()};
  c->stream.expires_after(kStalled);
  if (co_await Write(c, Serialize(response, framing, app->host()))) co_return false;
  Afterwards(response);
  if (!framing.keep_alive) co_await Linger(c);
  co_return framing.keep_alive;
}

asio::awaitable<void> Serve(std::unique_ptr<Connection> c) {
  for (bool more = true; more && !c->server->stopping();) {
    std::optional<Parser> parser(std::in_place);
    parser->header_limit(kMaxHeader);
    parser->body_limit(kMaxBody);
    error_code ec;
    // Between two requests the connection may be closed at once when the server stops.
    c->on_stop = [c = c.get()] { c->stream.close(); };
    c->stream.expires_after(kIdle);
    co_await http::async_read_header(c->stream, c->buffer, *parser,
                                     asio::redirect_error(asio::use_awaitable, ec));
    c->on_stop = nullptr;
    if (ec) {
      co_await Refuse(c.get(), ec);
      break;
    }
    more = co_await ServeOne(c.get(), &*parser);
  }
}

}  // namespace

Connection::Connection(tcp::socket socket, Server* owner)
    : stream(std::move(socket)), server(owner) {
  server->connections_.insert(this);
  error_code ec;
  stream.socket().set_option(tcp::no_delay(true), ec);
  const auto local = stream.socket().local_endpoint(ec);
  if (!ec) ip = local.address().to_string();
}

Connection::~Connection() { server->connections_.erase(this); }

Server::Server(asio::io_context* io, App* app) : io_(io), app_(app), acceptor_(*io) {}

void Server::Listen() {
  const Options& options = app_->options();
  const tcp::endpoint endpoint(asio::ip::make_address(options.address), options.port);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.bind(endpoint);
  acceptor_.listen(4096);
  asio::co_spawn(*io_, AcceptLoop(), asio::detached);
}

asio::awaitable<void> Server::AcceptLoop() {
  while (!stopping_) {
    error_code ec;
    tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, ec));
    if (stopping_) break;
    if (ec) {
      // Out of file descriptors: trying again at once would only burn the processor.
      asio::steady_timer timer(*io_, std::chrono::milliseconds(20));
      co_await timer.async_wait(asio::use_awaitable);
      continue;
    }
    asio::co_spawn(*io_, Serve(std::make_unique<Connection>(std::move(socket), this)),
                   asio::detached);
  }
}

void Server::Stop() {
  if (stopping_) return;
  stopping_ = true;
  error_code ec;
  acceptor_.close(ec);
  for (Connection* connection : connections_) {
    if (connection->on_stop) connection->on_stop();
  }
}

}  // namespace ballast::hello
