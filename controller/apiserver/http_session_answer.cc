// Session's half that knows HTTP: requests, answers, streams.
#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include "controller/apiserver/http_session.h"
#include "controller/apiserver/http_wire.h"
#include "controller/runtime/log.h"

namespace ballast::apiserver {

namespace {

using Next = BodySource::Next;

constexpr std::size_t kFreeBody = 64 << 10;    // not counted towards limits.bodies_bytes
constexpr std::size_t kWithHeader = 16 << 10;  // smaller bodies leave with their header
constexpr std::chrono::milliseconds kDrain{2'000};
const std::string kOther = "other";
constexpr int kNoAnswer = 0;  // the status of what stands for a handler that gave none

// What the copies of one Respond share: the first answer counts, none at all is a 500.
class Answer {
 public:
  Answer(std::weak_ptr<Session> session, ServerContext& server)
      : session_(std::move(session)), mailbox_(server.mailbox), workers_(server.workers) {}
  ~Answer() { Give({.status = kNoAnswer}); }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  void Give(HttpResponse response) {
    if (given_.exchange(true)) return;
    // Where it runs, the workers still do.
    mailbox_->Post(
        [weak = session_, &workers = workers_, response = std::move(response)]() mutable {
          if (const auto session = weak.lock()) return session->OnAnswer(std::move(response));
          Retire(workers, std::move(response.stream));
        });
  }

 private:
  const std::weak_ptr<Session> session_;
  const std::shared_ptr<Mailbox> mailbox_;
  Workers& workers_;
  std::atomic<bool> given_ = false;
};

void Handle(const HttpHandler& handler, HttpRequest request, const Respond& respond) {
  try {
    handler(std::move(request), respond);
  } catch (const std::exception& error) {
    runtime::Log(runtime::LogLevel::kError, "A handler of HTTP requests failed",
                 {{"error", error.what()}});
    respond({.status = kNoAnswer});
  }
}

}  // namespace

void Session::Parse() {
  const HttpLimits& limits = listener_.options.limits;
  if (reader_ == nullptr) {
    reader_ = std::make_unique<RequestReader>(limits.header_bytes, limits.body_bytes);
    if (!first_) SetDeadline(limits.timeout);  // the first one's runs since the connection began
  }
  const auto state = reader_->Feed(input_);
  if (state == RequestReader::State::kBad) {
    const RequestError error = reader_->error();
    return Fail(error.status, error.text);
  }
  if (!Hold(reader_->body_size())) return Fail(503, "too many large requests at once; try again");
  if (state == RequestReader::State::kDone) return Dispatch();
  if (state == RequestReader::State::kContinue) {
    if (refuse_) return Fail(503, "too many connections; try again");
    output_ += kContinueLine;
    Flush();
    if (phase_ != Phase::kReading) return;
  }
  WaitReadable();
}

bool Session::Hold(std::size_t body_bytes) {
  const std::size_t counted = body_bytes > kFreeBody ? body_bytes : 0;
  listener_.body_bytes += counted - std::exchange(held_, counted);
  return counted == 0 || listener_.body_bytes <= listener_.options.limits.bodies_bytes;
}

void Session::Dispatch() {
  HttpRequest request = reader_->Take();
  keep_alive_ = reader_->keep_alive() && !stopping_;
  chunks_ = reader_->chunks();
  head_ = request.method == "HEAD";
  path_ = request.path;
  reader_.reset();
  if (input_.empty()) input_ = std::string();  // gives the memory back
  if (refuse_) return Fail(503, "too many connections; try again");
  request.peer = peer_;
  phase_ = Phase::kHandling;
  NoDeadline();
  auto answer = std::make_shared<Answer>(weak_from_this(), listener_.server);
  Respond respond = [answer = std::move(answer)](HttpResponse response) {
    answer->Give(std::move(response));
  };
  listener_.server.workers.Post(
      [&handler = listener_.handler, request = std::move(request),
       respond = std::move(respond)]() mutable { Handle(handler, std::move(request), respond); });
}

HttpResponse Session::ErrorAnswer(int status, std::string_view text) const {
  HttpResponse response = listener_.options.error(status, text);
  response.status = status;
  response.stream.reset();
  if (status == 429 || status == 503) response.headers["Retry-After"] = "1";
  return response;
}

// What the client sent cannot be trusted to have ended, so this is the last answer.
void Session::Fail(int status, std::string_view text) {
  HttpResponse response = ErrorAnswer(status, text);
  if (response.route.empty()) response.route = kOther;
  keep_alive_ = false;
  head_ = false;
  reader_.reset();
  Hold(0);
  Count(response);
  Send(std::move(response), BodyEnd::kLength);
}

void Session::OnAnswer(HttpResponse response) {
  std::shared_ptr<BodySource> source = std::move(response.stream);
  if (phase_ != Phase::kHandling) return Retire(listener_.server.workers, std::move(source));
  Hold(0);
  if (stopping_) keep_alive_ = false;
  bool streams = source != nullptr && !head_;
  if (response.status < 200 || response.status > 599) {
    response = ErrorAnswer(500, "internal error: the request was not answered");
    streams = false;
  } else if (streams && !AdmitStream(response)) {
    response = ErrorAnswer(429, "this client has too many streams open; end some, or try again");
    streams = false;
  }
  Count(response);
  if (streams) return StartStream(response, std::move(source));
  const BodyEnd stream_end = chunks_ ? BodyEnd::kChunks : BodyEnd::kClose;
  const BodyEnd end = source != nullptr && head_ ? stream_end : BodyEnd::kLength;
  Retire(listener_.server.workers, std::move(source));
  Send(std::move(response), end);
}

void Session::Count(const HttpResponse& response) {
  // Paths come from clients; only those that exist become a label of a metric.
  const int status = response.status;
  const bool known = status != 400 && status != 401 && status != 403 && status != 404;
  const std::string& path = !response.route.empty() ? response.route : known ? path_ : kOther;
  listener_.server.metrics.Add("ballast_http_requests_total", 1,
                               {{"path", path}, {"code", std::to_string(status)}});
}

void Session::Send(HttpResponse response, BodyEnd end) {
  phase_ = Phase::kAnswering;
  output_ += WireHeader(response, end, chunks_, keep_alive_);
  if (!head_ && HasBody(response.status)) {
    if (response.body.size() <= kWithHeader) {
      output_ += response.body;
    } else {
      body_ = std::move(response.body);
    }
  }
  SetSendDeadline();
  Flush();
}

bool Session::AdmitStream(const HttpResponse& response) {
  ServerContext& server = listener_.server;
  std::string client = response.client.empty() ? peer_.Key() : response.client;
  const auto found = server.streams.find(client);
  const std::size_t open = found == server.streams.end() ? 0 : found->second;
  if (open >= listener_.options.limits.streams_per_client) return false;
  server.streams[client] = open + 1;
  client_ = std::move(client);
  return true;
}

void Session::StartStream(const HttpResponse& response, std::shared_ptr<BodySource> source) {
  phase_ = Phase::kStreaming;
  if (!chunks_) keep_alive_ = false;
  // Leaves together with what Fill gives first.
  output_ +=
      WireHeader(response, chunks_ ? BodyEnd::kChunks : BodyEnd::kClose, chunks_, keep_alive_);
  ServerContext& server = listener_.server;
  stream_ = std::make_unique<StreamPump>(std::move(source), weak_from_this(), server.workers,
                                         server.mailbox);
  server.metrics.Set("ballast_http_streams", static_cast<double>(++listener_.streams),
                     {{"listener", listener_.name}});
  stream_->Fill(chunks_);
  WaitReadable();
}

void Session::EndStream() {
  if (stream_ == nullptr) return;
  stream_.reset();
  ServerContext& server = listener_.server;
  server.metrics.Set("ballast_http_streams", static_cast<double>(--listener_.streams),
                     {{"listener", listener_.name}});
  const auto count = server.streams.find(client_);
  if (count != server.streams.end() && --count->second == 0) server.streams.erase(count);
  client_ = std::string();
}

void Session::OnFilled(bool ok, Next next, std::string data) {
  if (phase_ != Phase::kStreaming) return;
  stream_->Filled();
  if (!ok) {
    const bool begun = output_.empty() || sent_ > 0;
    EndStream();
    if (begun) return Reset();  // a proper end would make it look complete
    output_.clear();
    return Fail(500, "internal error: the request was not answered");
  }
  next_ = next;
  output_ += data;
  if (next == Next::kEnd && chunks_) output_ += kLastChunk;
  if (output_.empty()) return OnFlushed();
  SetSendDeadline();
  Flush();
}

void Session::OnWake() {
  if (phase_ != Phase::kStreaming || stream_->filling() || !output_.empty()) return;
  if (stream_->woken()) stream_->Fill(chunks_);
}

void Session::OnFlushed() {
  if (phase_ == Phase::kReading) return;  // that was "100 Continue"
  NoDeadline();
  if (phase_ == Phase::kStreaming) {
    if (stream_->filling()) return;
    if (next_ != Next::kEnd) {
      if (!stopping_) {
        if (next_ == Next::kMore || stream_->woken()) stream_->Fill(chunks_);
        return;
      }
      next_ = Next::kEnd;
      if (chunks_) {
        output_ = kLastChunk;
        SetSendDeadline();
        return Flush();
      }
    }
    EndStream();
  }
  if (keep_alive_ && !stopping_) return NextRequest();
  Finish();
}

void Session::NextRequest() {
  phase_ = Phase::kReading;
  first_ = false;
  heard_ = std::chrono::steady_clock::now();
  if (!input_.empty()) return Parse();
  SetDeadline(listener_.options.limits.idle);
  WaitReadable();
}

void Session::Finish() {
  transport_->EndWriting();
  if (stopping_) return Close();
  phase_ = Phase::kDraining;
  input_ = std::string();
  SetDeadline(std::min(listener_.options.limits.timeout, kDrain));
  Drain();
}

void Session::EndSoon() {
  stopping_ = true;
  if (phase_ == Phase::kHandling || phase_ == Phase::kAnswering) return;
  if (phase_ != Phase::kStreaming) return Close();
  if (!stream_->filling() && output_.empty()) OnFlushed();
}

}  // namespace ballast::apiserver
