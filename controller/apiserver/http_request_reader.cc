#include "controller/apiserver/http_request_reader.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

namespace ballast::apiserver {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

constexpr std::string_view kEmptyBody = "0\r\n\r\n";  // the shortest, chunked

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

class RequestReader::Parser : public http::request_parser<http::string_body> {};

RequestReader::RequestReader(std::size_t header_bytes, std::size_t body_bytes)
    : header_bytes_(header_bytes), parser_(std::make_unique<Parser>()) {
  // Beast forgets the lines it has taken; the whole header is counted in Feed.
  parser_->header_limit(static_cast<std::uint32_t>(header_bytes));
  parser_->body_limit(body_bytes);
}

RequestReader::~RequestReader() = default;

RequestReader::State RequestReader::Feed(std::string& input) {
  std::size_t used = 0;
  State state = State::kMore;
  while (used < input.size() && !parser_->is_done()) {
    // Of a last chunk without any before it Beast asserts five bytes on its second look.
    if (header_done_ && parser_->chunked() && input[used] == '0' &&
        input.size() - used < kEmptyBody.size()) {
      break;
    }
    beast::error_code error;
    const std::size_t taken =
        parser_->put(boost::asio::buffer(input.data() + used, input.size() - used), error);
    used += taken;
    if (!header_done_ && (!error || error == http::error::need_more)) {
      header_used_ += taken;
      const std::size_t waiting = parser_->is_header_done() ? 0 : input.size() - used;
      if (header_used_ + waiting > header_bytes_) error = http::error::header_limit;
    }
    if (error && error != http::error::need_more) {
      state = error == http::error::header_limit ? Fail(431, "the request's header is too large")
              : error == http::error::body_limit
                  ? Fail(413, "the request's body is too large")
                  : Fail(400, "this is not HTTP/1.1: " + error.message());
      break;
    }
    if (!header_done_ && parser_->is_header_done()) {
      header_done_ = true;
      state = OnHeader();
      if (state == State::kBad) break;
    }
    if (error || taken == 0) break;
  }
  input.erase(0, used);
  if (state == State::kBad) return state;
  if (parser_->is_done()) return State::kDone;
  // What the parser leaves is the beginning of a line: of the header, or of a chunk or trailer.
  if (input.size() > header_bytes_) return Fail(400, "a line of the request's body is too long");
  if (expects_ && input.empty() && body_size() == 0) {
    expects_ = false;
    return State::kContinue;
  }
  return State::kMore;
}

// The headers are taken here: fields that come after a chunked body are none.
RequestReader::State RequestReader::OnHeader() {
  const auto& message = parser_->get();
  request_.method = View(message.method_string());
  if (!ParseTarget(View(message.target()), request_)) {
    return Fail(400, "the request's target is not a valid path");
  }
  for (const auto& field : message) {
    std::string& value = request_.headers[Lower(View(field.name_string()))];
    if (!value.empty()) value += ", ";
    value += View(field.value());
  }
  // Anything else would leave open where the request ends.
  const auto coding = request_.headers.find("transfer-encoding");
  if (coding != request_.headers.end() && Lower(coding->second) != "chunked") {
    return Fail(400, "the only transfer coding that is understood is chunked");
  }
  // Who speaks HTTP/1.0 would take "100 Continue" for the answer.
  expects_ = chunks() && Lower(request_.Header("expect")) == "100-continue";
  return State::kMore;
}

RequestReader::State RequestReader::Fail(int status, std::string_view text) {
  error_ = {.status = status, .text = std::string(text)};
  return State::kBad;
}

std::size_t RequestReader::body_size() const { return parser_->get().body().size(); }
bool RequestReader::keep_alive() const { return parser_->keep_alive(); }
bool RequestReader::chunks() const { return parser_->get().version() >= 11; }

HttpRequest RequestReader::Take() {
  request_.body = std::move(parser_->get().body());
  return std::move(request_);
}

}  // namespace ballast::apiserver
