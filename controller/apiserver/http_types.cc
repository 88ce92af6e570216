#include "controller/apiserver/http_types.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ballast::apiserver {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> Decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

std::optional<std::string> DecodeQuery(std::string_view text) {
  std::string spaces(text);
  std::ranges::replace(spaces, '+', ' ');  // a real one comes as %2B
  return Decode(spaces);
}

}  // namespace

std::string Peer::Key() const {
  if (!common_name.empty()) return "certificate:" + common_name;
  if (unix_socket) return "uid:" + std::to_string(uid);
  return "ip:" + address.substr(0, address.rfind(':'));
}

std::string_view HttpRequest::Header(std::string_view name) const {
  const auto found = headers.find(std::string(name));
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

HttpHandler Synchronous(SyncHandler handler) {
  return [handler = std::move(handler)](const HttpRequest& request, const Respond& respond) {
    respond(handler(request));
  };
}

HttpResponse TextResponse(int status, std::string_view text) {
  HttpResponse response{.status = status};
  response.body.append(text).append("\n");
  return response;
}

bool ParseTarget(std::string_view target, HttpRequest& request) {
  const std::size_t question = target.find('?');
  const auto path = Decode(target.substr(0, question));
  if (!path || path->empty() || path->front() != '/') return false;
  request.path = *path;
  if (question == std::string_view::npos) return true;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    const auto name = DecodeQuery(pair.substr(0, equals));
    const auto value = DecodeQuery(equals == std::string_view::npos ? std::string_view()
                                                                    : pair.substr(equals + 1));
    if (!name || !value) return false;
    if (!name->empty()) request.query[*name] = *value;
  }
  return true;
}

}  // namespace ballast::apiserver
