// One connection of HttpServer: reads a request, answers it, and again. Internal to apiserver;
// lives on the server's thread only, kept alive by what it waits for.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "controller/apiserver/http_server.h"
#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {

// What the server's listeners know of their connections.
class SessionBase {
 public:
  virtual ~SessionBase() = default;
  virtual void Close() = 0;
  // Since when it has been waiting for its client; nothing: it is being answered.
  [[nodiscard]] virtual std::optional<std::chrono::steady_clock::time_point> SilentSince()
      const = 0;
};

// The answer to a parsed request, with the rules of HTTP applied (HEAD, keep-alive, bad targets).
using BeastRequest = boost::beast::http::request<boost::beast::http::string_body>;
using BeastResponse = boost::beast::http::response<boost::beast::http::string_body>;
[[nodiscard]] BeastResponse Answer(const BeastRequest& request, const HttpHandler& handler,
                                   reconcilers::Metrics& metrics);
// The answer to what could not be parsed; nothing: just close.
[[nodiscard]] std::optional<BeastResponse> AnswerBroken(boost::beast::error_code error);

template <typename Protocol>
class Session final : public SessionBase, public std::enable_shared_from_this<Session<Protocol>> {
 public:
  using Stream = boost::beast::basic_stream<Protocol>;

  Session(typename Protocol::socket socket, const HttpLimits& limits, const HttpHandler& handler,
          reconcilers::Metrics& metrics)
      : stream_(std::move(socket)), limits_(limits), handler_(handler), metrics_(metrics) {}

  void Read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
    parser_->body_limit(limits_.body_bytes);
    silent_since_ = std::chrono::steady_clock::now();
    stream_.expires_after(limits_.timeout);
    boost::beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](boost::beast::error_code error, std::size_t) {
          self->OnRead(error);
        });
  }

  void Close() override { stream_.close(); }

  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> SilentSince() const override {
    return silent_since_;
  }

 private:
  void OnRead(boost::beast::error_code error) {
    silent_since_.reset();
    if (error) {
      auto answer = AnswerBroken(error);
      if (!answer) return Close();
      return Write(std::move(*answer));
    }
    Write(Answer(parser_->get(), handler_, metrics_));
  }

  void Write(BeastResponse response) {
    response_ = std::move(response);
    stream_.expires_after(limits_.timeout);
    boost::beast::http::async_write(
        stream_, response_,
        [self = this->shared_from_this()](boost::beast::error_code error, std::size_t) {
          if (error || self->response_.need_eof()) return self->Close();
          self->Read();
        });
  }

  Stream stream_;
  const HttpLimits& limits_;
  const HttpHandler& handler_;
  reconcilers::Metrics& metrics_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  BeastResponse response_;
  std::optional<std::chrono::steady_clock::time_point> silent_since_;
};

}  // namespace ballast::apiserver
