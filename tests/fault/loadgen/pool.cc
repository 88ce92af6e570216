#include "tests/fault/loadgen/pool.h"

#include <sys/socket.h>

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <optional>
#include <stdexcept>

namespace ballast::loadgen {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

std::string RequestBytes(const Options& o) {
  std::string host = o.host.empty() ? o.address + ":" + std::to_string(o.port) : o.host;
  std::string bytes = o.method + " " + o.path + " HTTP/1.1\r\nHost: " + host + "\r\n";
  if (!o.cookie.empty()) bytes += "Cookie: " + o.cookie + "\r\n";
  for (const auto& [name, value] : o.headers) bytes += name + ": " + value + "\r\n";
  if (!o.keep_alive) bytes += "Connection: close\r\n";
  if (o.body_bytes > 0 || o.method == "POST" || o.method == "PUT") {
    bytes += "Content-Length: " + std::to_string(o.body_bytes) + "\r\n";
  }
  return bytes + "\r\n" + std::string(o.body_bytes, 'x');
}

tcp::endpoint Endpoint(const Options& o) {
  error_code ec;
  const auto address = asio::ip::make_address(o.address, ec);
  if (ec) throw std::invalid_argument("'" + o.address + "' is not an IP address");
  return {address, o.port};
}

// Who answered: the header of ballast/hello, or a JSON body's "host" field.
std::string Replica(const http::response<http::string_body>& answer) {
  if (const auto it = answer.find("X-Hello-Id"); it != answer.end()) {
    return std::string(it->value());
  }
  constexpr std::string_view kField = "\"host\":\"";
  const std::string& body = answer.body();
  const auto start = body.find(kField);
  if (start == std::string::npos) return {};
  const auto from = start + kField.size();
  return body.substr(from, std::min<std::size_t>(body.find('"', from) - from, 128));
}

}  // namespace

// One connection, with at most one request on it.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  explicit Exchange(Pool* pool) : pool_(pool), socket_(*pool->io_) {}

  void Begin(bool reused) {
    result_ = Result{.begun = Clock::now(), .reused = reused, .local_port = result_.local_port};
    timed_out_ = done_ = written_ = false;
    if (reused) return Request();
    socket_.async_connect(pool_->endpoint_, [self = shared_from_this()](const error_code& ec) {
      if (ec) return self->End(Outcome::kConnect, ec.message(), false);
      error_code ignored;
      self->socket_.set_option(tcp::no_delay(true), ignored);
      self->result_.local_port = self->socket_.local_endpoint(ignored).port();
      self->Request();
    });
  }

  // Has the server closed it, or sent something that nobody asked for?
  bool Stale() {
    char byte;
    const auto n = recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

  void TimeOut() {
    timed_out_ = true;
    Close();
  }
  void Close() {
    error_code ignored;
    socket_.close(ignored);
  }
  Clock::time_point begun() const { return result_.begun; }
  Pool::InFlight::iterator place;

 private:
  // Reads while it writes: an answer that comes before the body is sent is an answer.
  void Request() {
    parser_.emplace();
    parser_->body_limit(64ULL * 1024 * 1024);
    if (pool_->head_) parser_->skip(true);
    asio::async_write(
        socket_, asio::buffer(pool_->bytes_),
        [self = shared_from_this()](const error_code& ec, std::size_t) { self->written_ = !ec; });
    http::async_read(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](const error_code& ec, std::size_t) { self->Answered(ec); });
  }

  void Answered(const error_code& ec) {
    if (!ec) {
      result_.status = static_cast<int>(parser_->get().result_int());
      result_.replica = Replica(parser_->get());
      const bool reusable = written_ && parser_->get().keep_alive() && buffer_.size() == 0;
      return End(result_.status == 200 ? Outcome::kOk : Outcome::kStatus, "", reusable);
    }
    const bool http_error = ec.category() == make_error_code(http::error::bad_version).category();
    Outcome outcome = Outcome::kPartial;
    if (!parser_->got_some() && buffer_.size() == 0) {
      outcome = result_.reused ? Outcome::kEofOnReused : Outcome::kEof;
    } else if (http_error && ec != http::error::partial_message &&
               ec != http::error::end_of_stream) {
      outcome = Outcome::kProtocol;
    }
    End(outcome, ec.message(), false);
  }

  void End(Outcome outcome, const std::string& error, bool reusable) {
    if (done_) return;
    done_ = true;
    result_.outcome = timed_out_ ? Outcome::kTimeout : outcome;
    result_.error = timed_out_ ? "no complete answer in time" : error;
    result_.ended = Clock::now();
    pool_->Finished(this, result_, reusable && !timed_out_);
  }

  Pool* const pool_;
  tcp::socket socket_;
  beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
  Result result_;
  bool timed_out_ = false;
  bool written_ = false;
  bool done_ = false;
};

Pool::Pool(asio::io_context* io, const Options& options, OnResult on_result)
    : io_(io),
      endpoint_(Endpoint(options)),
      bytes_(RequestBytes(options)),
      keep_alive_(options.keep_alive),
      head_(options.method == "HEAD"),
      timeout_(options.timeout),
      on_result_(std::move(on_result)) {}

Pool::~Pool() = default;

// The one used last comes first, so that a pool that grew in a stall shrinks to what is needed.
std::shared_ptr<Exchange> Pool::TakeIdle() {
  while (!idle_.empty()) {
    auto exchange = std::move(idle_.back());
    idle_.pop_back();
    if (!exchange->Stale()) return exchange;
    ++idle_closed_;
  }
  return nullptr;
}

void Pool::Send() {
  auto exchange = TakeIdle();
  const bool reused = exchange != nullptr;
  if (!reused) {
    exchange = std::make_shared<Exchange>(this);
    ++connections_;
  }
  in_flight_.push_back(exchange);
  exchange->place = std::prev(in_flight_.end());
  exchange->Begin(reused);
}

void Pool::Expire(Clock::time_point now) {
  // Closing only makes the pending operation end, later: the list does not change in this loop.
  for (const auto& exchange : in_flight_) {
    if (now - exchange->begun() < timeout_) break;
    exchange->TimeOut();
  }
}

void Pool::CloseIdle() {
  for (const auto& exchange : idle_) exchange->Close();
  idle_.clear();
}

void Pool::Finished(Exchange* exchange, const Result& result, bool reusable) {
  auto self = exchange->shared_from_this();
  in_flight_.erase(exchange->place);
  if (reusable && keep_alive_) {
    idle_.push_back(std::move(self));
  } else {
    self->Close();
  }
  on_result_(result);
}

}  // namespace ballast::loadgen
