#include "tests/unit/docker/stub_docker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace ballast::docker {

using fakes::StubHandler;
using fakes::StubRequest;
using fakes::StubResponse;
using fakes::StubSend;

StubDocker::StubDocker() {
  std::string name = std::filesystem::temp_directory_path() / "ballast-stub-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) std::abort();
  directory_ = name;
  SetVersion("1.41");
  On("GET /info", 200, R"({"SecurityOptions":["name=seccomp"],"DockerRootDir":"/d"})");
  server_ = std::make_unique<fakes::HttpStub>(
      directory_ + "/docker.sock",
      [this](const StubRequest& request, const StubSend& send) { return Handle(request, send); });
}

StubDocker::~StubDocker() {
  server_.reset();
  std::filesystem::remove_all(directory_);
}

void StubDocker::On(const std::string& prefix, StubHandler handler) {
  const std::lock_guard lock(mutex_);
  handlers_[prefix] = std::move(handler);
}

void StubDocker::On(const std::string& prefix, int status, const std::string& body) {
  On(prefix, [response = StubResponse(status, body)](const StubRequest&, const StubSend& send) {
    return send(response);
  });
}

void StubDocker::SetVersion(const std::string& api, const std::string& min) {
  On("GET /version", 200,
     fmt::format(R"({{"Version":"20","ApiVersion":"{}","MinAPIVersion":"{}","Os":"linux"}})", api,
                 min));
}

std::vector<std::string> StubDocker::Requests() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const StubRequest& request : requests_) out.push_back(request.method + " " + request.target);
  return out;
}

StubRequest StubDocker::Last() const {
  const std::lock_guard lock(mutex_);
  return requests_.empty() ? StubRequest{} : requests_.back();
}

DockerOptions StubDocker::Options() const {
  return {.socket_path = directory_ + "/docker.sock",
          .request_timeout = std::chrono::seconds(20),
          .slow_request_timeout = std::chrono::seconds(20),
          .pull_silence_timeout = std::chrono::seconds(20)};
}

bool StubDocker::Handle(const StubRequest& request, const StubSend& send) {
  std::string path = request.target;
  if (path.starts_with("/v1.")) path.erase(0, path.find('/', 1));
  const std::string line = request.method + " " + path;
  StubHandler handler;
  {
    const std::lock_guard lock(mutex_);
    if (path != "/version" && path != "/info") requests_.push_back(request);
    std::size_t longest = 0;
    for (const auto& [prefix, candidate] : handlers_) {
      if (line.starts_with(prefix) && prefix.size() >= longest) {
        longest = prefix.size();
        handler = candidate;
      }
    }
  }
  if (!handler) return send(StubResponse(404, R"({"message":"page not found"})"));
  return handler(request, send);
}

StubHandler HangUp() {
  return [](const StubRequest&, const StubSend&) { return false; };
}

StubHandler Silence() {
  return [](const StubRequest& request, const StubSend&) {
    request.await_close();
    return false;
  };
}

}  // namespace ballast::docker
