#include "images/hello/http.h"

#include <charconv>

namespace ballast::hello {

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

std::string Serialize(const Response& response, const Framing& framing, std::string_view id) {
  // 204 and 304 have no body and no Content-Length (RFC 9110).
  const bool bodiless = response.status == 204 || response.status == 304;
  std::string out;
  out.reserve(256 + response.headers.size() + response.body.size());
  out += framing.http10 ? "HTTP/1.0 " : "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += Reason(response.status);
  out += "\r\nX-Hello-Id: ";
  out += id;
  if (!bodiless) {
    out += "\r\nContent-Type: ";
    out += response.type;
    out += "\r\nContent-Length: ";
    out += std::to_string(response.body.size());
  }
  out += "\r\n";
  out += response.headers;
  if (!framing.keep_alive) {
    out += "Connection: close\r\n";
  } else if (framing.http10) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  if (!framing.head && !bodiless) out += response.body;
  return out;
}

std::optional<std::string_view> QueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    }
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return std::nullopt;
}

std::optional<std::string_view> CookieValue(std::string_view cookie, std::string_view name) {
  while (!cookie.empty()) {
    const auto start = cookie.find_first_not_of("; ");
    if (start == std::string_view::npos) break;
    cookie.remove_prefix(start);
    const auto end = cookie.find(';');
    const std::string_view pair = cookie.substr(0, end);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return pair.substr(equals + 1);
    }
    cookie = end == std::string_view::npos ? std::string_view() : cookie.substr(end);
  }
  return std::nullopt;
}

std::optional<long> Digits(std::string_view text, long max) {
  long value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || value < 0 || value > max) {
    return std::nullopt;
  }
  return value;
}

}  // namespace ballast::hello
