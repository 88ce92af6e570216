#include "tests/fault/loadgen/long_lived.h"

#include <algorithm>
#include <utility>  // Boost 1.74's awaitable.hpp lacks it

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <functional>
#include <future>
#include <limits>
#include <optional>
#include <stdexcept>
#include <thread>

#include "tests/fault/loadgen/report.h"

namespace ballast::loadgen {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using WebSocket = websocket::stream<beast::tcp_stream>;

auto Into(error_code& ec) { return asio::redirect_error(asio::use_awaitable, ec); }

std::string Why(const error_code& ec) {
  if (ec == beast::error::timeout) return "silent: nothing came in time";
  if (ec == websocket::error::closed) return "closed by the peer with a close frame";
  return ec.message();
}

}  // namespace

struct LongLived::Impl {
  explicit Impl(LongLivedOptions o) : options(std::move(o)) {}

  asio::awaitable<void> RunWebSocket(std::size_t index);
  asio::awaitable<void> RunEvents(std::size_t index);
  asio::awaitable<void> Ping(std::shared_ptr<WebSocket> ws);
  // Connects; says in `ec` how it went.
  asio::awaitable<void> Connect(beast::tcp_stream* stream, std::size_t index, error_code* ec);
  void Opened(std::size_t index, std::string replica);
  void Cut(std::size_t index, const std::string& reason);
  void Decided();

  double Now() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - started).count();
  }
  std::string Host() const {
    return options.host.empty() ? options.address + ":" + std::to_string(options.port)
                                : options.host;
  }

  const LongLivedOptions options;
  tcp::endpoint endpoint;
  asio::io_context io{1};
  std::thread thread;
  std::promise<void> all_decided;
  std::optional<LongLivedReport> final_report;

  // Below: its own thread only.
  Clock::time_point started;
  bool stopping = false;
  std::size_t undecided = 0;
  LongLivedReport report;
  std::vector<std::function<void()>> close;  // by index; empty when it is not open
};

void LongLived::Impl::Decided() {
  if (--undecided == 0) all_decided.set_value();
}

void LongLived::Impl::Opened(std::size_t index, std::string replica) {
  StreamState& state = report.streams[index];
  state.opened = true;
  state.opened_ms = Now();
  state.replica = std::move(replica);
  Decided();
}

void LongLived::Impl::Cut(std::size_t index, const std::string& reason) {
  close[index] = nullptr;
  if (stopping) return;
  StreamState& state = report.streams[index];
  state.cut = true;
  state.cut_ms = Now();
  state.cut_wall_clock = WallClock(std::chrono::duration_cast<std::chrono::microseconds>(
                                       std::chrono::system_clock::now().time_since_epoch())
                                       .count());
  state.reason = reason;
  if (!state.opened) Decided();
}

asio::awaitable<void> LongLived::Impl::Connect(beast::tcp_stream* stream, std::size_t index,
                                               error_code* ec) {
  stream->expires_after(options.timeout);
  co_await stream->async_connect(endpoint, Into(*ec));
  if (*ec) co_return;
  error_code ignored;
  stream->socket().set_option(tcp::no_delay(true), ignored);
  report.streams[index].local_port = stream->socket().local_endpoint(ignored).port();
}

asio::awaitable<void> LongLived::Impl::RunWebSocket(std::size_t index) {
  // Shared with the pinger, which may be in the middle of a write when this ends.
  auto ws = std::make_shared<WebSocket>(io);
  close[index] = [ws] { beast::get_lowest_layer(*ws).close(); };
  error_code ec;
  co_await Connect(&beast::get_lowest_layer(*ws), index, &ec);
  if (ec) co_return Cut(index, "connect: " + ec.message());
  beast::get_lowest_layer(*ws).expires_never();
  websocket::stream_base::timeout timeout;
  timeout.handshake_timeout = options.timeout;
  timeout.idle_timeout = options.timeout;
  timeout.keep_alive_pings = false;
  ws->set_option(timeout);
  ws->set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
    if (!options.cookie.empty()) request.set(http::field::cookie, options.cookie);
  }));
  websocket::response_type answer;
  co_await ws->async_handshake(answer, Host(), options.websocket_path, Into(ec));
  if (ec) {
    co_return Cut(index,
                  "handshake: " + ec.message() + ", status " + std::to_string(answer.result_int()));
  }
  Opened(index, std::string(answer["X-Hello-Id"]));
  asio::co_spawn(io, Ping(ws), asio::detached);
  beast::flat_buffer message;
  while (true) {
    co_await ws->async_read(message, Into(ec));
    if (ec) break;
    message.consume(message.size());
    ++report.streams[index].messages;
  }
  Cut(index, Why(ec));
}

asio::awaitable<void> LongLived::Impl::Ping(std::shared_ptr<WebSocket> ws) {
  asio::steady_timer timer(io);
  const std::string text = "ping";
  error_code ec;
  while (!ec && !stopping && ws->is_open()) {
    co_await ws->async_write(asio::buffer(text), Into(ec));
    if (ec) break;
    timer.expires_after(options.ping_every);
    co_await timer.async_wait(Into(ec));
  }
}

asio::awaitable<void> LongLived::Impl::RunEvents(std::size_t index) {
  beast::tcp_stream stream(io);
  close[index] = [&stream] { stream.close(); };
  error_code ec;
  co_await Connect(&stream, index, &ec);
  if (ec) co_return Cut(index, "connect: " + ec.message());
  std::string request = "GET " + options.events_path + " HTTP/1.1\r\nHost: " + Host() +
                        "\r\nAccept: text/event-stream\r\n";
  if (!options.cookie.empty()) request += "Cookie: " + options.cookie + "\r\n";
  request += "\r\n";
  co_await asio::async_write(stream, asio::buffer(request), Into(ec));
  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  // Not boost::none: Boost 1.74 then refuses every answer that has a Content-Length.
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  if (!ec) co_await http::async_read_header(stream, buffer, parser, Into(ec));
  if (ec) co_return Cut(index, "request: " + Why(ec));
  if (parser.get().result_int() != 200) {
    co_return Cut(index, "status " + std::to_string(parser.get().result_int()));
  }
  Opened(index, std::string(parser.get()["X-Hello-Id"]));
  std::array<char, 4096> chunk;
  char before = 0;
  while (!parser.is_done()) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    stream.expires_after(options.timeout);
    co_await http::async_read_some(stream, buffer, parser, Into(ec));
    if (ec == http::error::need_buffer) ec = {};
    // An event ends with an empty line.
    const std::size_t got = chunk.size() - parser.get().body().size;
    for (std::size_t i = 0; i < got; ++i) {
      if (chunk[i] == '\n' && before == '\n') ++report.streams[index].messages;
      before = chunk[i];
    }
    if (ec) break;
  }
  Cut(index, ec ? Why(ec) : "ended by the server");
}

LongLived::LongLived(LongLivedOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

LongLived::~LongLived() {
  if (impl_->thread.joinable()) Stop();
}

void LongLived::Start() {
  Impl* impl = impl_.get();
  if (impl->thread.joinable() || impl->final_report) {
    throw std::logic_error("a LongLived is started once");
  }
  const LongLivedOptions& options = impl->options;
  error_code ec;
  impl->endpoint = {asio::ip::make_address(options.address, ec), options.port};
  if (ec) throw std::invalid_argument("'" + options.address + "' is not an IP address");
  const std::size_t total = options.websockets + options.event_streams;
  impl->started = Clock::now();
  impl->undecided = total;
  impl->report.streams.resize(total);
  impl->close.resize(total);
  for (std::size_t i = 0; i < total; ++i) {
    const bool events = i >= options.websockets;
    if (events) impl->report.streams[i].kind = StreamState::Kind::kEvents;
    asio::co_spawn(impl->io, events ? impl->RunEvents(i) : impl->RunWebSocket(i), asio::detached);
  }
  auto decided = impl->all_decided.get_future();
  // Work of its own: Stop must find the loop alive even when all were cut long ago.
  impl->thread = std::thread([impl] {
    auto work = asio::make_work_guard(impl->io);
    impl->io.run();
  });
  if (total > 0) decided.get();
}

LongLivedReport LongLived::Snapshot() {
  if (impl_->final_report) return *impl_->final_report;
  if (!impl_->thread.joinable()) return {};
  std::promise<LongLivedReport> promise;
  asio::post(impl_->io, [this, &promise] { promise.set_value(impl_->report); });
  return promise.get_future().get();
}

LongLivedReport LongLived::Stop() {
  if (impl_->final_report) return *impl_->final_report;
  if (!impl_->thread.joinable()) return {};
  asio::post(impl_->io, [impl = impl_.get()] {
    impl->stopping = true;
    for (const auto& close : impl->close) {
      if (close) close();
    }
    // The coroutines end on their closed sockets; a posted stop lets their handlers run first.
    asio::post(impl->io, [impl] { asio::post(impl->io, [impl] { impl->io.stop(); }); });
  });
  impl_->thread.join();
  impl_->final_report = impl_->report;
  return *impl_->final_report;
}

}  // namespace ballast::loadgen
