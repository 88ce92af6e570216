// The Docker API as a whole: which version to speak, one request at a time, metrics, and errors
// that say what was being done. Any thread; blocks. Owner: DockerEngine.
#pragma once

#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/docker/docker_engine.h"
#include "controller/docker/http_client.h"

namespace ballast::docker {

class ApiClient {
 public:
  explicit ApiClient(const DockerOptions& options);

  // Asks the engine anew.
  [[nodiscard]] Result<reconcilers::EngineVersion> Negotiate(const Canceller* canceller = nullptr);

  // Sends `request`, whose target begins after the version ("/containers/json"). Any HTTP status is
  // a success, except one: the engine no longer speaks our version (it was replaced meanwhile);
  // then another is agreed upon first. `operation` names the request in metrics.
  [[nodiscard]] Result<Response> Call(std::string_view operation, Request request,
                                      const BodySink* sink = nullptr);

  // Several that change nothing, answered at the same time, in their order.
  [[nodiscard]] std::vector<Result<Response>> CallAll(std::string_view operation,
                                                      std::vector<Request> requests);

  // GET whose answer is one JSON value. `what` begins the error message: "inspect container x".
  [[nodiscard]] Result<nlohmann::json> GetJson(std::string_view operation, std::string_view what,
                                               std::string target);

 private:
  Result<std::string> Prefix(const Canceller* canceller);  // "/v1.41"
  void Count(std::string_view operation, const Result<Response>& result) const;

  const DockerOptions options_;
  HttpClient http_;
  std::mutex mutex_;
  std::string prefix_;  // "" until agreed upon
};

}  // namespace ballast::docker
