#include "controller/cli/client.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <cstdint>
#include <limits>
#include <set>
#include <utility>

namespace ballast::cli {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Protocol = net::local::stream_protocol;

namespace {

constexpr std::size_t kMaxReply = std::size_t{256} << 20;
constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr std::size_t kMaxPath = 107;  // of a unix socket
constexpr std::chrono::seconds kHeadTimeout{30};
constexpr std::chrono::seconds kReplyTimeout{60};
constexpr unsigned kHttp11 = 11;

std::unexpected<Status> Explain(const std::string& socket, beast::error_code error) {
  if (error == net::error::access_denied) {
    return Error(Code::kPermissionDenied,
                 fmt::format("{} may not be opened by you: run this as root, or as a member of the "
                             "group that owns the socket",
                             socket));
  }
  if (error == beast::error::timeout) {
    return Error(Code::kTimeout, fmt::format("the controller on {} does not answer", socket));
  }
  if (error == net::error::connection_refused ||
      error == beast::error_code(ENOENT, boost::system::system_category()) ||
      error == beast::error_code(ENOTDIR, boost::system::system_category())) {
    return Error(Code::kUnavailable,
                 fmt::format("no controller answers on {}: is it running? start it with `ballast "
                             "controller --manifests DIR`",
                             socket));
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error == net::error::connection_reset || error == net::error::broken_pipe) {
    return Error(
        Code::kUnavailable,
        fmt::format("the controller on {} closed the connection: was it stopped?", socket));
  }
  return Error(Code::kUnavailable,
               fmt::format("no controller answers on {}: {}", socket, error.message()));
}

Status Interrupted() { return {Code::kCancelled, "interrupted"}; }

// One request and its answer, piece by piece.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(net::io_context& io, const std::string& socket, Stream stream,
           std::function<void(Exchange*)> done)
      : stream_(io), socket_(socket), wanted_(std::move(stream)), done_(std::move(done)) {
    // boost::none is taken for 0 by Beast 1.74.
    parser_.body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  // `whole`: the answer must be there within it; 0: only its head must come soon.
  void Start(std::chrono::milliseconds whole) {
    if (socket_.empty() || socket_.size() > kMaxPath) {
      const auto wrong =
          Error(Code::kInvalidArgument,
                fmt::format("the socket's path must have 1 to {} characters", kMaxPath));
      net::post(stream_.get_executor(),
                [self = shared_from_this(), wrong] { self->Finish(wrong); });
      return;
    }
    whole_ = whole.count() > 0;
    stream_.expires_after(whole_ ? whole : kHeadTimeout);
    const HttpCall& call = wanted_.call;
    request_.version(kHttp11);
    request_.method_string(call.method);
    request_.target(call.target);
    request_.set(http::field::host, "ballast");
    request_.set(http::field::user_agent, "ballast");
    request_.set(http::field::connection, "close");
    if (!call.accept.empty()) request_.set(http::field::accept, call.accept);
    if (!call.content_type.empty()) request_.set(http::field::content_type, call.content_type);
    request_.body() = call.body;
    request_.prepare_payload();
    stream_.async_connect(Protocol::endpoint(socket_),
                          [self = shared_from_this()](beast::error_code error) {
                            if (error) return self->Fail(error);
                            self->SendRequest();
                          });
  }

  void Close() {
    closed_ = true;
    beast::error_code ignored;
    stream_.socket().close(ignored);
  }

 private:
  void SendRequest() {
    http::async_write(stream_, request_,
                      [self = shared_from_this()](beast::error_code error, std::size_t) {
                        // The answer may be there already (413), whatever became of the body.
                        if (error && error != net::error::broken_pipe) return self->Fail(error);
                        self->ReadHead();
                      });
  }

  void ReadHead() {
    http::async_read_header(stream_, buffer_, parser_,
                            [self = shared_from_this()](beast::error_code error, std::size_t) {
                              if (error) return self->Fail(error);
                              self->OnHead();
                            });
  }

  void OnHead() {
    reply_.status = static_cast<int>(parser_.get().result_int());
    reply_.warning = std::string(parser_.get()[http::field::warning]);
    if (!whole_ && reply_.ok()) stream_.expires_never();
    ReadBody();
  }

  void ReadBody() {
    if (parser_.is_done()) return Finish(reply_);
    parser_.get().body().data = piece_.data();
    parser_.get().body().size = piece_.size();
    http::async_read_some(stream_, buffer_, parser_,
                          [self = shared_from_this()](beast::error_code error, std::size_t) {
                            self->OnPiece(error);
                          });
  }

  void OnPiece(beast::error_code error) {
    if (closed_) return;
    const std::size_t size = piece_.size() - parser_.get().body().size;
    const std::string_view piece(piece_.data(), size);
    if (size > 0 && reply_.ok() && wanted_.on_data) {
      if (!wanted_.on_data(piece)) return Finish(reply_);
    } else if (reply_.body.size() + size <= kMaxReply) {
      reply_.body += piece;
    }
    if (error && error != http::error::need_buffer) return Fail(error);
    ReadBody();
  }

  void Fail(beast::error_code error) {
    if (closed_) return;
    Finish(Explain(socket_, error));
  }

  void Finish(const Result<Reply>& reply) {
    if (closed_) return;
    Close();
    const auto self = shared_from_this();
    done_(this);
    if (wanted_.on_end) wanted_.on_end(reply);
  }

  beast::basic_stream<Protocol> stream_;
  const std::string socket_;
  Stream wanted_;
  const std::function<void(Exchange*)> done_;
  http::request<http::string_body> request_;
  http::response_parser<http::buffer_body> parser_;
  beast::flat_buffer buffer_;
  std::array<char, kPiece> piece_{};
  Reply reply_;
  bool whole_ = false;
  bool closed_ = false;
};

}  // namespace

// Lives for the time of one Send or Run: outside of them Ctrl-C ends the process as usual.
class Client::Loop {
 public:
  explicit Loop(std::string socket) : socket_(std::move(socket)) {}

  void Open(Stream stream, std::chrono::milliseconds whole) {
    const auto exchange =
        std::make_shared<Exchange>(io_, socket_, std::move(stream), [this](Exchange* ended) {
          std::erase_if(open_, [ended](const auto& each) { return each.get() == ended; });
          if (open_.empty()) net::post(io_, [this] { EndIfIdle(); });
        });
    open_.insert(exchange);
    exchange->Start(whole);
  }

  void After(std::chrono::milliseconds delay, std::function<void()> then) {
    const auto timer = std::make_shared<net::steady_timer>(io_, delay);
    ++timers_;
    timer->async_wait([this, timer, then = std::move(then)](beast::error_code error) {
      --timers_;
      if (!error && !stopped_) then();
      EndIfIdle();
    });
  }

  Result<void> Run(std::optional<std::chrono::milliseconds> limit) {
    net::signal_set signals(io_, SIGINT, SIGTERM);
    Result<void> result;
    signals.async_wait([&](beast::error_code error, int) {
      if (error) return;
      result = std::unexpected(Interrupted());
      Stop();
    });
    net::steady_timer timer(io_);
    if (limit) {
      timer.expires_after(*limit);
      timer.async_wait([&](beast::error_code error) {
        if (error) return;
        result = Error(Code::kTimeout, "not in time");
        Stop();
      });
    }
    net::post(io_, [this] { EndIfIdle(); });
    io_.restart();
    io_.run();
    return result;
  }

  void Stop() {
    stopped_ = true;
    for (const auto& exchange : open_) exchange->Close();
    open_.clear();
    io_.stop();
  }

 private:
  void EndIfIdle() {
    if (open_.empty() && timers_ == 0) Stop();
  }

  const std::string socket_;
  net::io_context io_{1};
  std::set<std::shared_ptr<Exchange>> open_;
  int timers_ = 0;
  bool stopped_ = false;
};

Client::Client(std::string socket) : socket_(std::move(socket)) {}
Client::~Client() = default;

Result<Reply> Client::Send(const HttpCall& call) {
  Loop loop(socket_);
  std::string body;
  Result<Reply> result = Error(Code::kInternal, "no answer");
  loop.Open({.call = call,
             .on_data =
                 [&body](std::string_view piece) {
                   body += piece;
                   return body.size() <= kMaxReply;
                 },
             .on_end = [&result](const Result<Reply>& reply) { result = reply; }},
            kReplyTimeout);
  if (const auto ran = loop.Run(std::nullopt); !ran) return std::unexpected(ran.error());
  if (result && result->ok()) result->body = std::move(body);
  return result;
}

void Client::Open(Stream stream) {
  if (!loop_) loop_ = std::make_unique<Loop>(socket_);
  loop_->Open(std::move(stream), std::chrono::milliseconds(0));
}

void Client::After(std::chrono::milliseconds delay, std::function<void()> then) {
  if (!loop_) loop_ = std::make_unique<Loop>(socket_);
  loop_->After(delay, std::move(then));
}

Result<void> Client::Run(std::optional<std::chrono::milliseconds> limit) {
  if (!loop_) return {};
  auto result = loop_->Run(limit);
  loop_.reset();
  return result;
}

void Client::Stop() {
  if (loop_) loop_->Stop();
}

Result<Reply> Get(const std::string& socket, const std::string& path,
                  std::chrono::milliseconds timeout) {
  Client client(socket);
  std::string body;
  Result<Reply> result = Error(Code::kTimeout, "");
  client.Open({.call = {.target = path},
               .on_data =
                   [&body](std::string_view piece) {
                     body += piece;
                     return body.size() <= kMaxReply;
                   },
               .on_end = [&result](const Result<Reply>& reply) { result = reply; }});
  if (const auto ran = client.Run(timeout); !ran) {
    if (ran.error().code == Code::kTimeout) return Explain(socket, beast::error::timeout);
    return std::unexpected(ran.error());
  }
  if (result && result->ok()) result->body = std::move(body);
  return result;
}

}  // namespace ballast::cli
