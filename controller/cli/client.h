// Asks the running controller over its unix socket. Blocks; the process' only thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/status.h"
#include "controller/cli/connection.h"

namespace ballast::cli {

// Unavailable when nobody answers on the socket, with what to do next.
[[nodiscard]] Result<Reply> Get(const std::string& socket, const std::string& path,
                                std::chrono::milliseconds timeout);

class Client : public Connection {
 public:
  explicit Client(std::string socket);
  ~Client() override;

  [[nodiscard]] Result<Reply> Send(const HttpCall& call) override;
  void Open(Stream stream) override;
  void After(std::chrono::milliseconds delay, std::function<void()> then) override;
  [[nodiscard]] Result<void> Run(std::optional<std::chrono::milliseconds> limit) override;
  void Stop() override;

 private:
  class Loop;
  const std::string socket_;
  std::unique_ptr<Loop> loop_;  // of Run
};

}  // namespace ballast::cli
