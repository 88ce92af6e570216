// A Docker Engine made of canned answers on a unix socket, for what a real one never does: being
// old, wrong, slow or cut off. One owner; Requests() from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/docker/docker_engine.h"
#include "tests/fakes/http_stub.h"

namespace ballast::docker {

class StubDocker {
 public:
  StubDocker();
  ~StubDocker();

  // Answers requests whose "METHOD target", without the version, begins with `prefix`. The longest
  // prefix wins. /version and /info have answers from the start.
  void On(const std::string& prefix, fakes::StubHandler handler);
  void On(const std::string& prefix, int status, const std::string& body);
  // The version it says that it speaks.
  void SetVersion(const std::string& api, const std::string& min = "1.12");

  // "GET /v1.41/containers/x/json" in order, without /version and /info.
  [[nodiscard]] std::vector<std::string> Requests() const;
  [[nodiscard]] fakes::StubRequest Last() const;
  [[nodiscard]] fakes::HttpStub& server() { return *server_; }

  // Short timeouts, this socket.
  [[nodiscard]] DockerOptions Options() const;

 private:
  bool Handle(const fakes::StubRequest& request, const fakes::StubSend& send);

  std::string directory_;
  mutable std::mutex mutex_;
  std::map<std::string, fakes::StubHandler> handlers_;
  std::vector<fakes::StubRequest> requests_;
  std::unique_ptr<fakes::HttpStub> server_;
};

// Cuts the connection instead of an answer.
[[nodiscard]] fakes::StubHandler HangUp();
// Never answers; returns when the client is gone.
[[nodiscard]] fakes::StubHandler Silence();

}  // namespace ballast::docker
