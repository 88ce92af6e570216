#include "controller/docker/http_client.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "controller/docker/deadline.h"
#include "controller/docker/unix_stream.h"

namespace ballast::docker {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::uint32_t kMaxHeaderBytes = 64 << 10;
constexpr std::size_t kMaxErrorBody = std::size_t{1} << 20;
constexpr std::size_t kReadBuffer = std::size_t{64} << 10;

Deadline DeadlineOf(const Request& request) {
  return request.timeout_is_silence ? Deadline::Silence(request.timeout)
                                    : Deadline::After(request.timeout);
}

bool IsErrno(const error_code& error, int number) {
  return error.category() == boost::system::system_category() && error.value() == number;
}

Status ToStatus(const error_code& error, const Request& request) {
  if (IsErrno(error, ECANCELED)) return {Code::kCancelled, "cancelled"};
  if (IsErrno(error, ETIMEDOUT)) {
    return {Code::kTimeout,
            fmt::format("Docker {} {} ms; is the engine overloaded?",
                        request.timeout_is_silence ? "was silent for" : "did not answer within",
                        request.timeout.count())};
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error == boost::asio::error::eof || error.category() == boost::system::system_category()) {
    return {Code::kUnavailable,
            fmt::format("Docker closed the connection ({}); was it restarted?", error.message())};
  }
  return {Code::kInternal, "Docker's answer is not HTTP as we know it: " + error.message()};
}

http::request<http::string_body> Build(const Request& request) {
  http::request<http::string_body> out;
  out.version(11);
  out.method_string(request.method);
  out.target(request.target);
  out.set(http::field::host, "docker");
  out.set(http::field::user_agent, "ballast");
  for (const auto& [name, value] : request.headers) out.set(name, value);
  if (!request.body.empty()) {
    out.set(http::field::content_type, request.content_type);
    out.body() = request.body;
  }
  out.prepare_payload();
  return out;
}

}  // namespace

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {}
HttpClient::~HttpClient() = default;

Result<Response> HttpClient::Exchange(const Request& request, const BodySink* sink) {
  // A cancellable exchange has a connection of its own: its canceller must not reach another call.
  std::unique_ptr<UnixStream> stream = request.canceller == nullptr ? TakeIdle() : nullptr;
  bool reused = stream != nullptr;
  for (;;) {
    if (!stream) {
      auto fresh =
          UnixStream::Connect(options_.socket_path, options_.connect_timeout, request.canceller);
      if (!fresh) return std::unexpected(fresh.error());
      stream = std::move(*fresh);
    }
    stream->SetDeadline(DeadlineOf(request));
    stream->ResetCounters();
    bool reusable = false;
    const Result<void> sent = SendOn(*stream, request);
    Result<Response> response = sent ? ReceiveOn(*stream, request, sink, reusable)
                                     : Result<Response>(std::unexpected(sent.error()));
    if (response) {
      if (reusable && request.canceller == nullptr) GiveBack(std::move(stream));
      return response;
    }
    const bool dead_on_arrival = reused && response.error().code == Code::kUnavailable &&
                                 stream->bytes_read() == 0 &&
                                 (request.idempotent || stream->bytes_written() == 0);
    if (!dead_on_arrival) return response;
    stream = nullptr;
    reused = false;
  }
}

std::vector<Result<Response>> HttpClient::ExchangeAll(const std::vector<Request>& requests) {
  std::vector<std::unique_ptr<UnixStream>> streams;
  std::vector<bool> reused;
  std::vector<Result<Response>> responses;
  for (const Request& request : requests) {
    std::unique_ptr<UnixStream> stream = TakeIdle();
    reused.push_back(stream != nullptr);
    responses.emplace_back();
    if (!stream) {
      auto fresh = UnixStream::Connect(options_.socket_path, options_.connect_timeout, nullptr);
      if (fresh) {
        stream = std::move(*fresh);
      } else {
        responses.back() = std::unexpected(fresh.error());
      }
    }
    if (stream) {
      stream->SetDeadline(DeadlineOf(request));
      stream->ResetCounters();
      if (auto sent = SendOn(*stream, request); !sent) {
        responses.back() = std::unexpected(sent.error());
      }
    }
    streams.push_back(std::move(stream));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!streams[i]) continue;
    bool reusable = false;
    if (responses[i]) responses[i] = ReceiveOn(*streams[i], requests[i], nullptr, reusable);
    const bool dead_on_arrival = reused[i] && !responses[i] &&
                                 responses[i].error().code == Code::kUnavailable &&
                                 streams[i]->bytes_read() == 0;
    if (reusable) GiveBack(std::move(streams[i]));
    if (dead_on_arrival) responses[i] = Exchange(requests[i]);
  }
  return responses;
}

Result<void> HttpClient::SendOn(UnixStream& stream, const Request& request) {
  error_code error;
  const auto message = Build(request);
  http::write(stream, message, error);
  // An engine that goes away while we still write may have said why: read before giving up.
  if (error && stream.bytes_written() == 0) return std::unexpected(ToStatus(error, request));
  return {};
}

Result<Response> HttpClient::ReceiveOn(UnixStream& stream, const Request& request,
                                       const BodySink* sink, bool& reusable) const {
  error_code error;
  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(kMaxHeaderBytes);
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  error = {};
  http::read_header(stream, buffer, parser, error);
  if (error) return std::unexpected(ToStatus(error, request));

  Response response;
  response.status = static_cast<int>(parser.get().result_int());
  response.content_type = std::string(parser.get()[http::field::content_type]);
  const bool to_sink = sink != nullptr && response.ok();
  const std::size_t limit = response.ok() ? options_.max_body_bytes : kMaxErrorBody;
  if (to_sink && request.endless_body) stream.SetDeadline(Deadline::Never());
  if (to_sink && sink->on_header) sink->on_header(response);

  std::vector<char> chunk(kReadBuffer);
  while (!parser.is_done()) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    http::read_some(stream, buffer, parser, error);
    if (error == http::error::need_buffer) error = {};
    const std::string_view data(chunk.data(), chunk.size() - parser.get().body().size);
    if (to_sink && !data.empty()) {
      if (auto taken = sink->on_data(data); !taken) return std::unexpected(taken.error());
    } else if (response.body.size() + data.size() > limit) {
      return Error(Code::kInternal, fmt::format("Docker's answer is larger than {} bytes", limit));
    } else {
      response.body.append(data);
    }
    if (error) return std::unexpected(ToStatus(error, request));
  }
  reusable = parser.get().keep_alive() && buffer.size() == 0;
  return response;
}

std::unique_ptr<UnixStream> HttpClient::TakeIdle() {
  const std::lock_guard lock(mutex_);
  DropExpired();
  while (!idle_.empty()) {
    std::unique_ptr<UnixStream> stream = std::move(idle_.back().stream);
    idle_.pop_back();
    if (stream->Quiet()) return stream;
  }
  return nullptr;
}

void HttpClient::GiveBack(std::unique_ptr<UnixStream> stream) {
  const std::lock_guard lock(mutex_);
  DropExpired();
  if (idle_.size() >= options_.max_idle) idle_.erase(idle_.begin());
  if (options_.max_idle > 0) idle_.push_back({std::move(stream), std::chrono::steady_clock::now()});
}

void HttpClient::DropExpired() {
  const auto oldest = std::chrono::steady_clock::now() - options_.idle_timeout;
  std::erase_if(idle_, [&](const Idle& idle) { return idle.since <= oldest; });
}

}  // namespace ballast::docker
