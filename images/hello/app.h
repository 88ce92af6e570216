// What the sample web app answers: its endpoints and its state (sessions, injected faults). No
// sockets: connection.h asks it. Owned by main(), used by the one thread of the io_context.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "images/hello/http.h"
#include "images/hello/options.h"

namespace ballast::hello {

class App {
 public:
  using Clock = std::chrono::steady_clock;

  App(Options options, std::string host, Clock::time_point started);

  // `ip` is the address this connection arrived at.
  Response Handle(const Request& request, std::string_view ip, Clock::time_point now);

  // The path below HELLO_PREFIX; empty when it is not below it.
  std::string_view Strip(std::string_view path) const;

  const Options& options() const { return options_; }
  const std::string& host() const { return host_; }

 private:
  Response Hello(const Request& request, std::string_view ip);
  Response Healthz(Clock::time_point now) const;
  Response SetDelay(const Request& request);
  Response SetFail(const Request& request);
  // Counts this view; makes a session when `id` is none of ours.
  std::uint64_t View(std::string* id, bool* made);

  const Options options_;
  const std::string host_;
  const Clock::time_point started_;
  std::chrono::milliseconds delay_{0};
  bool unhealthy_ = false;
  bool errors_ = false;
  // The oldest sessions go first when there are too many: clients without cookies make one each.
  std::unordered_map<std::string, std::uint64_t> sessions_;
  std::deque<std::string> order_;
};

}  // namespace ballast::hello
