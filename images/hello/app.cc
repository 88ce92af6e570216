#include "images/hello/app.h"

#include <sys/random.h>

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

namespace ballast::hello {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kMaxSessions = 20'000;
constexpr long kMaxWaitMs = 600'000;
constexpr std::string_view kCookie = "HELLOSESSID";

std::string Dump(const json& value) {
  // Headers and paths may hold any byte; an answer is better than an exception.
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Response Error(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.body = Dump({{"error", text}});
  return response;
}

Response NotAllowed(std::string_view allow) {
  Response response = Error(405, "method not allowed");
  response.headers = "Allow: " + std::string(allow) + "\r\n";
  return response;
}

std::string RandomId() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return "0";
  std::string id;
  for (const unsigned char byte : bytes) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

bool IsRead(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

json Body(const Request& request) {
  json value = json::parse(request.body, nullptr, false);
  return value.is_object() ? value : json::object();
}

// A number of milliseconds from ?ms= or from {"ms":N}; -1 when there is none or a bad one.
long Milliseconds(const Request& request) {
  if (const auto text = QueryValue(request.query, "ms")) {
    return Digits(*text, kMaxWaitMs).value_or(-1);
  }
  const json body = Body(request);
  if (const auto it = body.find("ms"); it != body.end() && it->is_number_integer()) {
    const auto value = it->get<std::int64_t>();
    return value < 0 || value > kMaxWaitMs ? -1 : static_cast<long>(value);
  }
  return -1;
}

}  // namespace

App::App(Options options, std::string host, Clock::time_point started)
    : options_(std::move(options)), host_(std::move(host)), started_(started) {}

std::string_view App::Strip(std::string_view path) const {
  if (options_.prefix.empty()) return path;
  if (!path.starts_with(options_.prefix)) return {};
  path.remove_prefix(options_.prefix.size());
  if (path.empty()) return "/";
  return path.front() == '/' ? path : std::string_view();
}

Response App::Handle(const Request& request, std::string_view ip, Clock::time_point now) {
  const std::string_view path = request.path;
  // The two switches answer at once and always: they must be there to be turned back.
  if (path == "/delay") return request.method == "POST" ? SetDelay(request) : NotAllowed("POST");
  if (path == "/fail") return request.method == "POST" ? SetFail(request) : NotAllowed("POST");

  Response response;
  if (path == "/healthz") {
    response = IsRead(request) ? Healthz(now) : NotAllowed("GET, HEAD");
  } else if (errors_) {
    response = Error(500, "told to fail");
  } else if (path == "/") {
    response = IsRead(request) ? Hello(request, ip) : NotAllowed("GET, HEAD");
  } else if (path == "/work") {
    const long ms = QueryValue(request.query, "ms") ? Milliseconds(request) : 0;
    if (ms < 0) return Error(400, "ms: a number between 0 and 600000");
    response.body = Dump({{"host", host_}, {"ms", ms}});
    response.wait = milliseconds(ms);
  } else if (path == "/status") {
    const auto text = QueryValue(request.query, "code");
    const auto code = text ? Digits(*text, 599) : std::nullopt;
    if (!code || *code < 200) return Error(400, "code: a number between 200 and 599");
    response.body = Dump({{"host", host_}, {"code", *code}});
    response.status = static_cast<int>(*code);
  } else if (path == "/headers") {
    json headers = json::array();
    for (const auto& [name, value] : request.headers) headers.push_back({name, value});
    response.body = Dump({{"host", host_}, {"method", request.method}, {"headers", headers}});
  } else {
    response = Error(404, "no such path");
  }
  response.wait += delay_;
  return response;
}

Response App::Hello(const Request& request, std::string_view ip) {
  std::string id(CookieValue(request.cookie, kCookie).value_or(""));
  bool made = false;
  const std::uint64_t views = View(&id, &made);
  Response response;
  response.body = Dump({{"hello", "world"},
                        {"ip", ip},
                        {"host", host_},
                        {"tag", options_.tag},
                        {"version", options_.version},
                        {"sessionViews", views},
                        {"id", id}});
  if (made) {
    const std::string& path = options_.prefix.empty() ? "/" : options_.prefix;
    response.headers = "Set-Cookie: " + std::string(kCookie) + "=" + id + "; Path=" + path +
                       "; HttpOnly; SameSite=Lax\r\n";
  }
  return response;
}

std::uint64_t App::View(std::string* id, bool* made) {
  if (const auto it = sessions_.find(*id); it != sessions_.end()) return ++it->second;
  *id = RandomId();
  *made = true;
  if (order_.size() >= kMaxSessions) {
    sessions_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(*id);
  return sessions_[*id] = 1;
}

Response App::Healthz(Clock::time_point now) const {
  if (unhealthy_) return Error(503, "told to fail");
  if (now - started_ < options_.ready_after) return Error(503, "not ready yet");
  Response response;
  response.body = Dump({{"status", "ok"}});
  return response;
}

Response App::SetDelay(const Request& request) {
  const long ms = Milliseconds(request);
  if (ms < 0) return Error(400, "ms: a number between 0 and 600000, as ?ms=N or {\"ms\":N}");
  delay_ = milliseconds(ms);
  Response response;
  response.body = Dump({{"delay", ms}});
  return response;
}

Response App::SetFail(const Request& request) {
  const json body = Body(request);
  std::string mode(QueryValue(request.query, "mode").value_or(""));
  if (mode.empty()) {
    const auto it = body.find("mode");
    mode = it != body.end() && it->is_string() ? it->get<std::string>() : "health";
  }
  if (const auto it = body.find("fail"); it != body.end() && it->is_boolean() && !it->get<bool>()) {
    mode = "none";
  }
  Response response;
  if (mode == "none") {
    unhealthy_ = errors_ = false;
  } else if (mode == "health") {
    unhealthy_ = true;
  } else if (mode == "errors") {
    errors_ = true;
  } else if (mode == "exit") {
    response.after = After::kExit;
    response.exit_code =
        static_cast<int>(Digits(QueryValue(request.query, "code").value_or("1"), 255).value_or(1));
  } else if (mode == "hang") {
    const long ms = Milliseconds(request);
    response.after = After::kHang;
    response.hang = milliseconds(ms < 0 ? 0 : ms);
  } else {
    return Error(400, "mode: one of health, errors, exit, hang, none");
  }
  response.body = Dump({{"mode", mode}});
  return response;
}

}  // namespace ballast::hello
