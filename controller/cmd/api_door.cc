#include "controller/cmd/api_door.h"

#include <fmt/format.h>
#include <algorithm>
#include <cctype>

#include <condition_variable>
#include <fstream>
#include <sstream>

#include "controller/apiserver/body.h"
#include "controller/apiserver/rest_handler.h"
#include "controller/apiserver/tls_files.h"
#include "controller/runtime/log.h"

namespace ballast::cmd {
namespace {

using apiserver::HttpRequest;
using apiserver::User;
using runtime::Log;
using runtime::LogLevel;

constexpr std::chrono::hours kLookAtCertificate{1};
constexpr std::string_view kBearer = "Bearer ";

Result<std::string> ReadFile(const std::string& flag, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} {}: cannot be read, or is empty", flag, path));
  }
  return text.str();
}

std::string UrlOf(const std::string& host, std::uint16_t port) {
  // Listening everywhere is reached here as well.
  const std::string shown = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host;
  return shown.find(':') == std::string::npos ? fmt::format("https://{}:{}", shown, port)
                                              : fmt::format("https://[{}]:{}", shown, port);
}

}  // namespace

apiserver::ListenerOptions ApiListenerOptions() {
  apiserver::ListenerOptions options;
  options.limits.body_bytes = apiserver::kMaxBodyBytes;
  options.error = [](int status, std::string_view text) {
    apiserver::ApiError error{.code = status, .message = std::string(text)};
    error.reason = status == 400   ? "BadRequest"
                   : status == 408 ? "Timeout"
                   : status == 413 ? "RequestEntityTooLarge"
                   : status == 429 ? "TooManyRequests"
                   : status == 503 ? "ServiceUnavailable"
                                   : "InternalError";
    if (status == 429 || status == 503) error.retry_after_seconds = 1;
    return apiserver::ErrorResponse(error);
  };
  return options;
}

Result<void> ApiDoor::Open(apiserver::HttpHandler handler) {
  if (options_.listen_host.empty()) return {};
  auto tls = LoadCertificate();
  if (!tls) return std::unexpected(tls.error());
  in_force_ = *tls;
  const auto port = server_.ListenTls(options_.listen_host, options_.listen_port, *tls,
                                      std::move(handler), ApiListenerOptions());
  if (!port) {
    return Error(port.error().code, fmt::format("--listen {}:{}: {}", options_.listen_host,
                                                options_.listen_port, port.error().message));
  }
  {
    const std::lock_guard lock(mutex_);
    endpoint_->url = UrlOf(options_.listen_host, *port);
  }
  Log(LogLevel::kInfo, "API is served", {{"url", UrlOf(options_.listen_host, *port)}});
  thread_ = std::jthread([this](const std::stop_token& stop) { Renew(stop); });
  return {};
}

void ApiDoor::Close() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

Result<apiserver::TlsOptions> ApiDoor::LoadCertificate() {
  // Ballast's own CA is there in any case: it issues the client certificates.
  const auto files =
      apiserver::TlsFiles::Load(options_.state_dir + "/tls", {options_.listen_host}, clock_);
  if (!files) return Wrap("prepare the certificate of --listen", files.error());
  apiserver::TlsOptions tls = files->server();
  std::string authority = files->authority();
  if (!options_.tls_certificate.empty()) {
    auto chain = ReadFile("--tls-cert", options_.tls_certificate);
    if (!chain) return std::unexpected(chain.error());
    auto key = ReadFile("--tls-key", options_.tls_key);
    if (!key) return std::unexpected(key.error());
    // A client trusts the certificate itself where it does not know who signed it.
    authority = *chain;
    tls.certificate_chain = std::move(*chain);
    tls.key = std::move(*key);
  }
  if (!options_.client_ca.empty()) {
    auto given = ReadFile("--client-ca", options_.client_ca);
    if (!given) return std::unexpected(given.error());
    tls.client_ca = std::move(*given);
  }
  const std::lock_guard lock(mutex_);
  if (!endpoint_) endpoint_.emplace();
  endpoint_->authority = std::move(authority);
  return tls;
}

void ApiDoor::Renew(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stop, kLookAtCertificate, [] { return false; });
    }
    if (stop.stop_requested()) return;
    auto tls = LoadCertificate();
    if (tls && (tls->certificate_chain != in_force_.certificate_chain ||
                tls->key != in_force_.key || tls->client_ca != in_force_.client_ca)) {
      if (auto set = server_.SetCertificate(*tls); !set) {
        tls = std::unexpected(set.error());
      } else {
        in_force_ = *tls;
        Log(LogLevel::kInfo, "API has a new certificate");
      }
    }
    if (!tls) {
      Log(LogLevel::kWarning, "Certificate of the API not renewed; the old one stays",
          {{"error", tls.error().message}});
    }
  }
}

std::optional<User> ApiDoor::Authenticate(const HttpRequest& request) const {
  if (request.peer.unix_socket) {
    return User{.name = fmt::format("unix:{}", request.peer.uid), .groups = {}, .may_do_all = true};
  }
  if (!request.peer.common_name.empty()) {
    // A connection may outlive the certificate that it began with.
    if (request.peer.certificate_end <= clock_.WallNow()) return std::nullopt;
    return User{.name = request.peer.common_name, .groups = request.peer.organizations};
  }
  const std::string_view authorization = request.Header("authorization");
  // The scheme's name may be written in any case (RFC 9110, 11.1).
  const std::string_view scheme = authorization.substr(0, kBearer.size());
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  if (!std::ranges::equal(scheme, kBearer, same)) return std::nullopt;
  return tokens_.Check(authorization.substr(kBearer.size()));
}

std::optional<apiserver::ApiEndpoint> ApiDoor::Endpoint() const {
  const std::lock_guard lock(mutex_);
  return endpoint_ && !endpoint_->url.empty() ? endpoint_ : std::nullopt;
}

}  // namespace ballast::cmd
