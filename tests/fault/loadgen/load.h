// An open-loop load generator for the fault tests: requests begin at a fixed rate whether or not
// the earlier ones were answered, so a server that stalls is seen as it is and not with fewer
// requests.
//
//   Load load({.port = 80, .host = "shop.test", .path = "/work?ms=20", .rate = 300});
//   load.Start();
//   ... docker stop, docker kill, an edit of the manifest ...
//   const Report report = load.Stop();
//   EXPECT_EQ(report.failed, 0u) << report.Details();
//
// Strict: whatever is not a complete answer with status 200 is a failure, and nothing is retried.
// A kept-alive connection that the server has closed *before* it is wanted is not used (as every
// HTTP client does); one that is closed as the request travels is `eof_on_reused`. Each Load has a
// thread of its own; Start, Snapshot and Stop may be called from any one other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/fault/loadgen/report.h"

namespace ballast::loadgen {

struct Options {
  std::string address = "127.0.0.1";  // an IP address, never a name
  std::uint16_t port = 80;
  std::string host = {};  // the Host header; address:port if empty
  std::string path = "/";
  std::string method = "GET";
  std::size_t body_bytes = 0;  // of a POST
  std::string cookie = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  double rate = 300;       // requests per second
  bool keep_alive = true;  // false: a new connection for each request
  std::chrono::milliseconds timeout{5000};
};

class Load {
 public:
  explicit Load(Options options);
  ~Load();  // stops
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Throws std::invalid_argument when the address or rate makes no sense.
  void Start();
  // The state so far, while it runs; what is in flight is in neither `ok` nor `failed`.
  Report Snapshot();
  // Begins no more, waits for what is in flight (at most the timeout), then reports. Once stopped
  // it returns the same report again.
  Report Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ballast::loadgen
