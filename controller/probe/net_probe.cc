#include "controller/probe/net_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "controller/probe/http_text.h"

namespace ballast::probe {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kMaxHead = std::size_t{16} << 10;
// An answer is read to its end where it is short, since a connection that is cut in the middle is
// an error in the app's log.
constexpr std::size_t kMaxBody = std::size_t{64} << 10;

// What this process or machine lacks: the container has no part in it.
bool IsOurs(const error_code& error) {
  namespace errc = boost::system::errc;
  constexpr errc::errc_t kOurs[] = {errc::too_many_files_open,
                                    errc::too_many_files_open_in_system,
                                    errc::not_enough_memory,
                                    errc::no_buffer_space,
                                    errc::address_not_available,  // every local port is taken
                                    errc::resource_unavailable_try_again};
  return std::ranges::any_of(kOurs, [&](errc::errc_t ours) { return error == ours; });
}

Verdict Judge(const error_code& error) {
  return IsOurs(error) ? Verdict::kNone : Verdict::kFailure;
}

// "Connection refused" -> "connection refused", as it stands in the middle of a sentence.
std::string Words(const error_code& error) {
  std::string text = error.message();
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

}  // namespace

void NetProbe::Run(asio::io_context& io, const api::Probe& probe, const std::string& address,
                   std::uint16_t default_port, Callback callback) {
  const std::shared_ptr<NetProbe> self(
      new NetProbe(io, std::chrono::seconds(probe.timeout_seconds), std::move(callback)));
  std::uint16_t port = 0;
  if (const auto* http = std::get_if<api::HttpGetAction>(&probe.action)) {
    port = http->port != 0 ? http->port : default_port;
    self->what_ = "GET " + http->path;
    Result<std::string> request = BuildRequest(*http, address, port);
    if (!request) {
      asio::post(io, [self, error = request.error()] {
        self->Finish(Verdict::kFailure, self->what_ + ": " + error.message);
      });
      return;
    }
    self->request_ = std::move(*request);
  } else if (const auto* tcp = std::get_if<api::TcpSocketAction>(&probe.action)) {
    port = tcp->port != 0 ? tcp->port : default_port;
    self->what_ = fmt::format("connect to {}:{}", address, port);
  }
  self->Connect(address, port);
}

void NetProbe::Connect(const std::string& address, std::uint16_t port) {
  const auto self = shared_from_this();
  const std::string where = fmt::format("connect to {}:{}: ", address, port);
  error_code error;
  const auto ip = asio::ip::make_address_v4(address, error);
  if (error || port == 0) {
    asio::post(socket_.get_executor(), [self, where] {
      self->Finish(Verdict::kFailure, where + "the container has no address or port yet");
    });
    return;
  }
  timer_.expires_after(timeout_);
  timer_.async_wait([self](const error_code& cancelled) {
    if (cancelled) return;
    self->Finish(Verdict::kFailure,
                 fmt::format("{}: no answer within {}s", self->what_, self->timeout_.count()));
    self->Close();
  });
  socket_.async_connect(Tcp::endpoint(ip, port), [self, where](const error_code& failed) {
    if (failed) {
      self->Finish(Judge(failed), where + Words(failed));
      self->Close();
    } else if (self->request_.empty()) {
      self->Finish(Verdict::kSuccess, "");
      self->Close();
    } else {
      self->Send();
    }
  });
}

void NetProbe::Send() {
  asio::async_write(socket_, asio::buffer(request_),
                    [self = shared_from_this()](const error_code& failed, std::size_t) {
                      if (failed) {
                        self->Finish(Judge(failed), self->what_ + ": " + Words(failed));
                        self->Close();
                      } else {
                        self->ReadHead();
                      }
                    });
}

void NetProbe::ReadHead() {
  socket_.async_read_some(
      asio::buffer(buffer_), [self = shared_from_this()](const error_code& failed, std::size_t n) {
        if (failed) {
          self->Finish(Judge(failed),
                       self->what_ + (failed == asio::error::eof
                                          ? ": the connection was closed without an answer"
                                          : ": " + Words(failed)));
          self->Close();
          return;
        }
        self->head_.append(self->buffer_.data(), n);
        self->OnHeadBytes();
      });
}

void NetProbe::OnHeadBytes() {
  const auto head = ParseResponseHead(head_);
  if (!head) {
    Finish(Verdict::kFailure, what_ + ": " + head.error().message);
    Close();
    return;
  }
  if (!*head) {
    if (head_.size() < kMaxHead) return ReadHead();
    Finish(Verdict::kFailure, what_ + ": the answer's head is too large");
    Close();
    return;
  }
  const ResponseHead& response = **head;
  if (response.status < 200) {  // 100 Continue and the like: the answer follows
    head_.erase(0, response.bytes);
    return head_.empty() ? ReadHead() : OnHeadBytes();
  }
  const bool success = response.status < 400;
  Finish(success ? Verdict::kSuccess : Verdict::kFailure,
         success ? "" : fmt::format("{}: {}", what_, response.status));
  const std::size_t body = std::min(response.content_length.value_or(kMaxBody), kMaxBody);
  const std::size_t here = head_.size() - response.bytes;
  body_left_ = body > here ? body - here : 0;
  DiscardBody();
}

void NetProbe::DiscardBody() {
  if (body_left_ == 0) return Close();
  const std::size_t most = std::min(body_left_, buffer_.size());
  socket_.async_read_some(asio::buffer(buffer_.data(), most),
                          [self = shared_from_this()](const error_code& failed, std::size_t n) {
                            self->body_left_ -= std::min(n, self->body_left_);
                            if (failed) return self->Close();
                            self->DiscardBody();
                          });
}

void NetProbe::Finish(Verdict verdict, std::string message) {
  if (const Callback callback = std::exchange(callback_, nullptr)) {
    callback({verdict, std::move(message)});
  }
}

void NetProbe::Close() {
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace ballast::probe
