#include "controller/docker/api_client.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "controller/docker/decode.h"
#include "controller/docker/errors.h"
#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

bool IsVersionRefusal(const Response& response) {
  return response.status == 400 && ContainsNoCase(response.body, "client version");
}

}  // namespace

ApiClient::ApiClient(const DockerOptions& options)
    : options_(options),
      http_({.socket_path = options.socket_path,
             .connect_timeout = options.connect_timeout,
             .idle_timeout = options.idle_timeout,
             .max_idle = options.max_idle_connections,
             .max_body_bytes = options.max_body_bytes}) {}

Result<reconcilers::EngineVersion> ApiClient::Negotiate(const Canceller* canceller) {
  Request request{.timeout = options_.request_timeout, .canceller = canceller};
  const auto ask = [&](std::string target) -> Result<nlohmann::json> {
    request.target = std::move(target);
    auto response = http_.Exchange(request);
    if (!response) return std::unexpected(response.error());
    if (!response->ok()) {
      return std::unexpected(
          ToStatus("ask Docker for its version", response->status, response->body));
    }
    return ParseJson(response->body);
  };
  const auto answer = ask("/version");
  if (!answer) return std::unexpected(answer.error());
  auto version = docker::Negotiate(*answer);
  if (!version) return version;
  const std::string prefix = "/v" + version->api_version;
  const auto info = ask(prefix + "/info");
  if (!info) return std::unexpected(info.error());
  version = CheckHost(*std::move(version), *info);
  if (version) {
    const std::lock_guard lock(mutex_);
    prefix_ = prefix;
  }
  return version;
}

Result<std::string> ApiClient::Prefix(const Canceller* canceller) {
  {
    const std::lock_guard lock(mutex_);
    if (!prefix_.empty()) return prefix_;
  }
  const auto version = Negotiate(canceller);
  if (!version) return std::unexpected(version.error());
  return "/v" + version->api_version;
}

Result<Response> ApiClient::Call(std::string_view operation, Request request,
                                 const BodySink* sink) {
  const std::string target = std::move(request.target);
  auto prefix = Prefix(request.canceller);
  if (!prefix) return std::unexpected(prefix.error());
  request.target = *prefix + target;
  auto response = http_.Exchange(request, sink);
  if (response && IsVersionRefusal(*response)) {
    // Refused before anything was done: safe to repeat, whatever it is.
    const auto version = Negotiate(request.canceller);
    if (!version) return std::unexpected(version.error());
    request.target = "/v" + version->api_version + target;
    response = http_.Exchange(request, sink);
  }
  Count(operation, response);
  return response;
}

std::vector<Result<Response>> ApiClient::CallAll(std::string_view operation,
                                                 std::vector<Request> requests) {
  const auto prefix = Prefix(nullptr);
  if (!prefix) {
    return {requests.size(), Result<Response>(std::unexpected(prefix.error()))};
  }
  std::vector<Request> sent = requests;
  for (Request& request : sent) request.target.insert(0, *prefix);
  std::vector<Result<Response>> responses = http_.ExchangeAll(sent);
  for (std::size_t i = 0; i < responses.size(); ++i) {
    if (responses[i] && IsVersionRefusal(*responses[i])) {
      responses[i] = Call(operation, std::move(requests[i]));
    } else {
      Count(operation, responses[i]);
    }
  }
  return responses;
}

Result<nlohmann::json> ApiClient::GetJson(std::string_view operation, std::string_view what,
                                          std::string target) {
  const auto response =
      Call(operation, {.target = std::move(target), .timeout = options_.request_timeout});
  if (!response) return Wrap(what, response.error());
  if (!response->ok()) return std::unexpected(ToStatus(what, response->status, response->body));
  auto json = ParseJson(response->body);
  if (!json) return Wrap(what, json.error());
  return json;
}

void ApiClient::Count(std::string_view operation, const Result<Response>& result) const {
  if (options_.metrics == nullptr) return;
  const std::string outcome =
      result ? fmt::format("{}", result->status) : std::string(CodeName(result.error().code));
  options_.metrics->Add("ballast_docker_requests_total", 1,
                        {{"operation", operation}, {"result", outcome}});
}

}  // namespace ballast::docker
