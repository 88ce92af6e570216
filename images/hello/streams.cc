// The long-lived connections of the sample web app: a WebSocket that echoes, server-sent events.
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "images/hello/connection.h"

namespace ballast::hello {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

std::string Chunk(const std::string& data, bool chunked) {
  if (!chunked) return data;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string size;
  for (std::size_t n = data.size(); n > 0; n /= 16) size.insert(size.begin(), kHex[n % 16]);
  return (size.empty() ? "0" : size) + "\r\n" + data + "\r\n";
}

}  // namespace

asio::awaitable<void> ServeWebSocket(Connection* c, const HttpRequest& request) {
  // Beast's own timeouts replace the stream's.
  c->stream.expires_never();
  websocket::stream<beast::tcp_stream> ws(std::move(c->stream));
  websocket::stream_base::timeout timeout;
  timeout.handshake_timeout = std::chrono::seconds(10);
  timeout.idle_timeout = websocket::stream_base::none();
  timeout.keep_alive_pings = false;
  ws.set_option(timeout);
  ws.set_option(websocket::stream_base::decorator([c](websocket::response_type& response) {
    response.set("X-Hello-Id", c->server->app()->host());
  }));
  ws.read_message_max(1024 * 1024);

  error_code ec;
  co_await ws.async_accept(request, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return;
  const auto close = [&ws] {
    ws.async_close(websocket::close_code::going_away, [](const error_code&) {});
  };
  if (c->server->stopping()) close();
  c->on_stop = close;
  beast::flat_buffer message;
  while (true) {
    co_await ws.async_read(message, asio::redirect_error(asio::use_awaitable, ec));
    if (ec) break;
    ws.text(ws.got_text());
    co_await ws.async_write(message.data(), asio::redirect_error(asio::use_awaitable, ec));
    if (ec) break;
    message.consume(message.size());
  }
  c->on_stop = nullptr;
}

asio::awaitable<void> ServeEvents(Connection* c, const HttpRequest& request,
                                  std::string_view query) {
  App* app = c->server->app();
  const auto every = std::chrono::milliseconds(
      Digits(QueryValue(query, "every").value_or(""), 60'000).value_or(1000));
  // A client that comes back says which event it saw last; the count goes on from there.
  long id = Digits(request["Last-Event-ID"], 1'000'000'000).value_or(0);
  const bool chunked = request.version() == 11;
  std::string out =
      chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" : "HTTP/1.0 200 OK\r\n";
  out += "Connection: close\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n";
  out += "X-Hello-Id: " + app->host() + "\r\n\r\n";

  asio::steady_timer timer(c->stream.get_executor());
  c->on_stop = [&timer] { timer.cancel(); };
  error_code ec;
  while (!ec && !c->server->stopping()) {
    ++id;
    out += Chunk("id: " + std::to_string(id) + "\nevent: tick\ndata: {\"host\":\"" + app->host() +
                     "\",\"n\":" + std::to_string(id) + "}\n\n",
                 chunked);
    c->stream.expires_after(std::chrono::minutes(1));
    co_await asio::async_write(c->stream, asio::buffer(out),
                               asio::redirect_error(asio::use_awaitable, ec));
    out.clear();
    if (ec) break;
    timer.expires_after(std::max(every, std::chrono::milliseconds(1)));
    error_code cancelled;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  c->on_stop = nullptr;
  if (!ec && chunked) {
    co_await asio::async_write(c->stream, asio::buffer(std::string_view("0\r\n\r\n")),
                               asio::redirect_error(asio::use_awaitable, ec));
  }
}

}  // namespace ballast::hello
