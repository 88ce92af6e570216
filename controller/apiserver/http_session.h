// One connection: reads a request, has it answered, writes the answer, and again. Internal to
// apiserver; lives on the thread that does input and output, owned by its listener's set.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "controller/apiserver/http_context.h"
#include "controller/apiserver/http_request_reader.h"
#include "controller/apiserver/http_stream.h"
#include "controller/apiserver/http_transport.h"
#include "controller/apiserver/http_types.h"
#include "controller/apiserver/http_wire.h"

namespace ballast::apiserver {

class Session final : public StreamClient, public std::enable_shared_from_this<Session> {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Descriptor = boost::asio::posix::stream_descriptor;

  // `transport` is on the same socket as `descriptor`. With `refuse` the first request is answered
  // with 503.
  Session(ListenerContext& listener, Descriptor descriptor, std::unique_ptr<Transport> transport,
          Peer peer, bool refuse);

  void Start();
  // At once.
  void Close();
  // After what is being answered; streams are ended.
  void EndSoon();
  // Since when it has been waiting for its client; nothing: it is being answered, or is a stream.
  [[nodiscard]] std::optional<Time> SilentSince() const;
  [[nodiscard]] bool refuses() const { return refuse_; }

  void OnAnswer(HttpResponse response);
  void OnFilled(bool ok, BodySource::Next next, std::string data) override;
  void OnWake() override;

 private:
  enum class Phase {
    kHandshake,
    kReading,    // for a request, or for silence to end
    kHandling,   // the handler's turn
    kAnswering,  // an answer of known length leaves
    kStreaming,
    kDraining,  // all is said; what still comes is thrown away
    kClosed,
  };

  // http_session.cc: the socket, its waits and deadlines
  void Step();  // does what can be done without waiting, then waits
  void ShakeHands();
  void ReadSome();
  void Drain();
  void Flush();
  void WaitReadable();
  void WaitWritable();
  void SetDeadline(std::chrono::milliseconds from_now);
  void SetSendDeadline();  // for the next bytes of what leaves
  void NoDeadline() { deadline_ = Time::max(); }
  void Arm();
  void OnTimeout();
  void Reset();  // Close without a farewell, for those who do not read

  // http_session_answer.cc: requests, answers, streams
  void Parse();
  // Counts the bytes of our request's body. False: the listener's connections hold too many.
  bool Hold(std::size_t body_bytes);
  void Dispatch();
  void Fail(int status, std::string_view text);
  [[nodiscard]] HttpResponse ErrorAnswer(int status, std::string_view text) const;
  void Send(HttpResponse response, BodyEnd end);
  [[nodiscard]] bool AdmitStream(const HttpResponse& response);
  void StartStream(const HttpResponse& response, std::shared_ptr<BodySource> source);
  void EndStream();
  void OnFlushed();
  void NextRequest();
  void Finish();
  void Count(const HttpResponse& response);

  ListenerContext& listener_;
  Descriptor descriptor_;
  boost::asio::steady_timer timer_;
  const std::unique_ptr<Transport> transport_;
  Peer peer_;
  Phase phase_ = Phase::kHandshake;
  bool refuse_ = false;
  bool stopping_ = false;
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  bool timer_armed_ = false;
  // Of the request under way.
  bool keep_alive_ = true;
  bool chunks_ = true;
  bool head_ = false;
  bool first_ = true;  // no request has been answered yet
  BodySource::Next next_ = BodySource::Next::kEnd;
  Time deadline_ = Time::max();
  Time timer_at_ = Time::max();
  Time heard_ = {};  // when bytes came last
  std::string input_;
  std::unique_ptr<RequestReader> reader_;  // while a request arrives
  std::size_t held_ = 0;                   // our part of listener_.body_bytes
  std::string path_;
  std::string output_;
  std::string body_;  // what follows `output_`
  std::size_t sent_ = 0;
  std::size_t progress_ = 0;  // sent since the deadline was set
  std::size_t drained_ = 0;
  std::string client_;  // of the stream
  std::unique_ptr<StreamPump> stream_;
};

}  // namespace ballast::apiserver
