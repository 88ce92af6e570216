#include "controller/apiserver/http_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace ballast::apiserver {

namespace {

using State = Transport::State;

constexpr std::size_t kTurn = 256 << 10;  // then others have theirs
constexpr std::size_t kProgress = 64 << 10;
constexpr std::size_t kMaxDrained = 8 << 20;

}  // namespace

Session::Session(ListenerContext& listener, Descriptor descriptor,
                 std::unique_ptr<Transport> transport, Peer peer, bool refuse)
    : listener_(listener),
      descriptor_(std::move(descriptor)),
      timer_(listener.server.io),
      transport_(std::move(transport)),
      peer_(std::move(peer)),
      refuse_(refuse) {}

void Session::Start() {
  heard_ = std::chrono::steady_clock::now();
  SetDeadline(listener_.options.limits.timeout);
  Step();
}

void Session::Close() {
  if (phase_ == Phase::kClosed) return;
  const auto self = shared_from_this();                     // the set may be the last to hold it
  if (phase_ == Phase::kReading) transport_->EndWriting();  // it has had all its answers
  EndStream();
  Hold(0);
  phase_ = Phase::kClosed;
  timer_.cancel();
  boost::system::error_code ignored;
  descriptor_.close(ignored);
  reader_.reset();
  listener_.sessions.erase(self);
  listener_.server.metrics.Set("ballast_http_connections",
                               static_cast<double>(listener_.sessions.size()),
                               {{"listener", listener_.name}});
}

void Session::Reset() {
  // Else the kernel would keep what the client does not take, for minutes.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  Close();
}

std::optional<Session::Time> Session::SilentSince() const {
  if (phase_ == Phase::kHandling || phase_ == Phase::kAnswering || phase_ == Phase::kStreaming) {
    return std::nullopt;
  }
  return heard_;
}

void Session::Step() {
  switch (phase_) {
    case Phase::kHandshake:
      return ShakeHands();
    case Phase::kStreaming:
      if (!output_.empty()) Flush();
      // Also while it waits: that is how a client is noticed that has gone.
      if (phase_ == Phase::kStreaming) ReadSome();
      return;
    case Phase::kReading:  // perhaps a "100 Continue" is still to be written
    case Phase::kAnswering:
      if (!output_.empty()) Flush();
      if (phase_ == Phase::kReading) ReadSome();
      return;
    case Phase::kDraining:
      return Drain();
    case Phase::kHandling:
    case Phase::kClosed:
      return;
  }
}

void Session::ShakeHands() {
  switch (transport_->Handshake().state) {
    case State::kReadable:
      return WaitReadable();
    case State::kWritable:
      return WaitWritable();
    case State::kDone:
      transport_->Describe(peer_);
      phase_ = Phase::kReading;
      SetDeadline(listener_.options.limits.timeout);
      return ReadSome();
    case State::kClosed:
      break;
  }
  listener_.server.metrics.Add("ballast_http_handshakes_failed_total", 1, {});
  if (transport_->PlainInsteadOfTls()) {
    const std::string answer =
        "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
        "this port speaks HTTPS; begin the address with https://\n";
    static_cast<void>(SocketWrite(descriptor_.native_handle(), answer.data(), answer.size()));
    return Finish();
  }
  Close();
}

// One piece, so that others have their turn; the wait that follows ends at once when there is more.
void Session::ReadSome() {
  auto& scratch = listener_.server.scratch;
  const auto outcome = transport_->Read(scratch.data(), scratch.size());
  switch (outcome.state) {
    case State::kReadable:
      return WaitReadable();
    case State::kWritable:
      return WaitWritable();
    case State::kClosed:
      return Close();
    case State::kDone:
      break;
  }
  heard_ = std::chrono::steady_clock::now();
  input_.append(scratch.data(), outcome.bytes);
  if (phase_ == Phase::kReading) return Parse();
  // The next request may come while a stream runs, but we do not collect without end.
  if (input_.size() > listener_.options.limits.header_bytes) return Close();
  WaitReadable();
}

// Closing with something unread would make the kernel take back what was written.
void Session::Drain() {
  auto& scratch = listener_.server.scratch;
  const auto outcome =
      SocketRead(descriptor_.native_handle(), scratch.data(), scratch.size());  // TLS or not
  drained_ += outcome.bytes;
  if (outcome.state == State::kClosed || drained_ > kMaxDrained) return Close();
  WaitReadable();
}

void Session::Flush() {
  std::size_t left = kTurn;
  while (true) {
    if (sent_ == output_.size()) {
      sent_ = 0;
      output_ = std::exchange(body_, std::string());  // gives the memory back
      if (output_.empty()) return OnFlushed();
    }
    if (left == 0) return WaitWritable();
    const auto outcome =
        transport_->Write(output_.data() + sent_, std::min(left, output_.size() - sent_));
    switch (outcome.state) {
      case State::kReadable:
        return WaitReadable();
      case State::kWritable:
        return WaitWritable();
      case State::kClosed:
        return Close();
      case State::kDone:
        break;
    }
    sent_ += outcome.bytes;
    left -= outcome.bytes;
    progress_ += outcome.bytes;
    // Of a stream any byte counts: it costs no more when it takes longer.
    if (progress_ >= kProgress || phase_ == Phase::kStreaming) SetSendDeadline();
  }
}

void Session::WaitReadable() {
  if (std::exchange(waits_to_read_, true)) return;
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](boost::system::error_code) {
                           self->waits_to_read_ = false;
                           self->Step();
                         });
}

void Session::WaitWritable() {
  if (std::exchange(waits_to_write_, true)) return;
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_write,
                         [self = shared_from_this()](boost::system::error_code) {
                           self->waits_to_write_ = false;
                           self->Step();
                         });
}

void Session::SetDeadline(std::chrono::milliseconds from_now) {
  progress_ = 0;
  deadline_ = std::chrono::steady_clock::now() + from_now;
  Arm();
}

void Session::SetSendDeadline() {
  const HttpLimits& limits = listener_.options.limits;
  SetDeadline(phase_ == Phase::kStreaming ? limits.stall : limits.timeout);
}

// A timer that is due earlier is left to find out that there is time, which is cheaper than setting
// it for each request.
void Session::Arm() {
  if (timer_armed_ && timer_at_ <= deadline_) return;
  timer_at_ = deadline_;
  timer_armed_ = true;
  timer_.expires_at(timer_at_);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (error || self->phase_ == Phase::kClosed) return;
    self->timer_armed_ = false;
    if (self->deadline_ == Time::max()) return;
    if (std::chrono::steady_clock::now() < self->deadline_) return self->Arm();
    self->OnTimeout();
  });
}

void Session::OnTimeout() {
  NoDeadline();
  if (phase_ == Phase::kAnswering || phase_ == Phase::kStreaming) return Reset();
  if (phase_ == Phase::kReading && reader_ != nullptr && output_.empty()) {
    return Fail(408, "the request took too long to arrive");
  }
  Close();
}

}  // namespace ballast::apiserver
