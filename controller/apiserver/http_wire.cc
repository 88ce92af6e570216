#include "controller/apiserver/http_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <iterator>

namespace ballast::apiserver {
namespace {

void AddHeader(std::string& out, std::string_view name, std::string_view value) {
  const auto add = [&out](std::string_view text) {
    std::ranges::transform(text, std::back_inserter(out), [](char c) {
      return static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
    });
  };
  add(name);
  out += ": ";
  add(value);
  out += "\r\n";
}

}  // namespace

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

std::string WireHeader(const HttpResponse& response, BodyEnd end, bool chunks, bool keep_alive) {
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(response.status)));
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status,
                                std::string_view(reason.data(), reason.size()));
  if (!response.headers.contains("Cache-Control")) AddHeader(out, "Cache-Control", "no-store");
  for (const auto& [name, value] : response.headers) AddHeader(out, name, value);
  if (HasBody(response.status)) {
    AddHeader(out, "Content-Type", response.content_type);
    if (end == BodyEnd::kLength) {
      AddHeader(out, "Content-Length", std::to_string(response.body.size()));
    }
    if (end == BodyEnd::kChunks) AddHeader(out, "Transfer-Encoding", "chunked");
  }
  // What the client's version would not assume by itself.
  if (chunks != keep_alive) AddHeader(out, "Connection", keep_alive ? "keep-alive" : "close");
  out += "\r\n";
  return out;
}

std::string WireChunk(std::string_view text) {
  if (text.empty()) return "";
  std::string out;
  out.reserve(text.size() + 20);
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", text.size());
  out.append(text).append("\r\n");
  return out;
}

}  // namespace ballast::apiserver
