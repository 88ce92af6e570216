// Long-lived connections for the fault tests: WebSockets that echo a message each second and
// server-sent event streams. Tells which of them were cut, when, and which replica they were at.
//
//   LongLived streams({.port = 80, .host = "shop.test", .websockets = 25, .event_streams = 25});
//   streams.Start();                       // returns when each is open or has failed
//   ... kill the container "web-2" ...
//   const LongLivedReport report = streams.Stop();
//   EXPECT_EQ(report.CutExcept({"web-2"}), 0u) << report.Details();
//
// Nothing is opened again: a connection that was cut stays cut. One thread of its own; Start,
// Snapshot and Stop may be called from any one other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ballast::loadgen {

struct LongLivedOptions {
  std::string address = "127.0.0.1";  // an IP address, never a name
  std::uint16_t port = 80;
  std::string host = {};  // the Host header; address:port if empty
  std::string websocket_path = "/ws";
  std::string events_path = "/events";
  std::string cookie = {};
  std::size_t websockets = 25;
  std::size_t event_streams = 25;
  std::chrono::milliseconds ping_every{1000};
  // A connection that is open but from which nothing comes for so long counts as cut ("silent").
  std::chrono::milliseconds timeout{5000};
};

struct StreamState {
  enum class Kind { kWebSocket, kEvents };
  Kind kind = Kind::kWebSocket;
  std::string replica;  // from X-Hello-Id; empty when it never opened
  int local_port = 0;
  bool opened = false;
  bool cut = false;      // ended before Stop(), or never opened
  double opened_ms = 0;  // since Start()
  double cut_ms = 0;
  std::string cut_wall_clock;  // HH:MM:SS.mmm UTC
  std::string reason;          // why it was cut
  std::uint64_t messages = 0;  // echoes or events received
};

struct LongLivedReport {
  std::vector<StreamState> streams;

  std::size_t Opened() const;
  std::size_t Cut() const;
  // Those cut that were at none of these replicas: what scaling and crashes must leave at 0.
  std::size_t CutExcept(const std::set<std::string>& replicas) const;
  std::map<std::string, std::size_t> OpenByReplica() const;
  std::string Summary() const;  // one line
  std::string Json() const;
  std::string Details() const;  // the summary, and a line for each that was cut
};

class LongLived {
 public:
  explicit LongLived(LongLivedOptions options);
  ~LongLived();  // stops
  LongLived(const LongLived&) = delete;
  LongLived& operator=(const LongLived&) = delete;

  // Throws std::invalid_argument for an address that is none.
  void Start();
  LongLivedReport Snapshot();
  // Closes them all. Once stopped it returns the same report again.
  LongLivedReport Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ballast::loadgen
