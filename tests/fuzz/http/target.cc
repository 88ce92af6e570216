#include "tests/fuzz/http/target.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/http_request_reader.h"
#include "controller/apiserver/http_wire.h"

namespace http = ballast::apiserver;

namespace {

constexpr std::size_t kHeader = 512;
constexpr std::size_t kBody = 1024;

void Require(bool holds) {
  if (!holds) std::abort();
}

class Source final : public http::StatusSource {
 public:
  http::StatusReport Report() const override { return {}; }
  std::string NotReady() const override { return ""; }
  std::string MetricsText() const override { return "x 1\n"; }
};

// What a connection would be answered.
struct Seen {
  std::vector<std::string> answers;
  std::vector<std::string> bodies;
  int last_status = 0;
  bool operator==(const Seen&) const = default;
};

void Answer(http::RequestReader& reader, const http::Router& router, Seen& seen) {
  const bool chunks = reader.chunks();
  const bool keep_alive = reader.keep_alive();
  const http::HttpRequest request = reader.Take();
  Require(request.body.size() <= kBody);
  Require(!request.path.empty() && request.path.front() == '/');
  for (const auto& [name, value] : request.headers) {
    Require(!name.empty() && name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ \r\n") == name.npos);
    Require(value.find('\n') == value.npos);
  }
  http::HttpResponse response = router.Route(request);
  response.headers["X-Echo"] = request.path + request.body;
  std::string header = http::WireHeader(response, http::BodyEnd::kLength, chunks, keep_alive);
  Require(header.find("\r\n\r\n") == header.size() - 4);
  seen.answers.push_back(std::move(header));
  seen.bodies.push_back(request.body);
}

Seen Converse(std::string_view text, std::size_t piece, const http::Router& router) {
  Seen seen;
  std::string input;
  auto reader = std::make_unique<http::RequestReader>(kHeader, kBody);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    input += text.substr(at, piece);
    while (true) {
      const auto state = reader->Feed(input);
      Require(reader->body_size() <= kBody);
      if (state == http::RequestReader::State::kBad) {
        seen.last_status = reader->error().status;
        Require(seen.last_status == 400 || seen.last_status == 413 || seen.last_status == 431);
        return seen;
      }
      if (state != http::RequestReader::State::kDone) {
        Require(input.size() <= kHeader);
        break;
      }
      Answer(*reader, router, seen);
      reader = std::make_unique<http::RequestReader>(kHeader, kBody);
      if (input.empty()) break;
    }
  }
  return seen;
}

}  // namespace

void ballast::apiserver::fuzz::Http(std::string_view bytes) {
  static const Source source;
  static const http::Router router = http::PrivateRouter(source);
  if (bytes.empty()) return;
  const std::string_view text = bytes.substr(1);
  const std::size_t piece = 1 + static_cast<unsigned char>(bytes.front()) % 64U;
  const Seen whole = Converse(text, text.size() + 1, router);
  const Seen pieces = Converse(text, piece, router);
  Require(whole.answers == pieces.answers && whole.bodies == pieces.bodies);
}
