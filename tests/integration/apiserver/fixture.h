// A server on a unix and a TCP socket, with handlers for what the tests need, and streams that a
// test feeds by hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "controller/apiserver/http_server.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/fakes/temp_dir.h"
#include "tests/integration/apiserver/client.h"

namespace ballast::apiserver {

// What a test and its stream share; outlives the stream. Any thread.
class Feed {
 public:
  // The stream sends `text`; waits for more afterwards.
  void Push(const std::string& text);
  void End();
  // From now on there is always another piece of `text`.
  void Endless(const std::string& text);
  void Throw();
  // False: it did not come to that.
  [[nodiscard]] bool AwaitDestroyed();
  [[nodiscard]] bool AwaitFills(int count);
  [[nodiscard]] int fills() const;
  [[nodiscard]] bool started() const;
  [[nodiscard]] bool overlapped() const;  // Start, Fill or destructor at the same time
  [[nodiscard]] std::function<void()> wake() const;

  [[nodiscard]] std::shared_ptr<BodySource> NewSource();

 private:
  class Source;
  bool Await(const std::function<bool()>& what);
  void Changed(std::function<void()> wake);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> pending_;
  std::string endless_;
  bool end_ = false;
  bool throw_ = false;
  bool destroyed_ = false;
  bool started_ = false;
  bool busy_ = false;
  bool overlapped_ = false;
  int fills_ = 0;
  std::function<void()> wake_;
};

class ServerTest : public testing::Test {
 protected:
  static constexpr std::size_t kBig = 50 << 20;

  ~ServerTest() override;

  void Start(HttpLimits limits = {});
  // Handlers: /big; /feed/NAME (with ?client=); /later (answered by ReleaseLater); /twice,
  // /dropped, /throws; else "METHOD PATH BODY".
  [[nodiscard]] HttpHandler Handler();
  [[nodiscard]] Feed& FeedOf(const std::string& name);

  // Waits until `count` requests for /later are there, then answers them.
  void AwaitLater(std::size_t count);
  void ReleaseLater();

  // The server still serves others.
  void ExpectAlive();
  [[nodiscard]] std::string Get(const std::string& target) const;
  // Polls, since metrics follow what a client sees.
  [[nodiscard]] bool MetricBecomes(const std::string& name, double value) const;
  [[nodiscard]] bool MetricReaches(const std::string& name, double value) const;  // a counter
  [[nodiscard]] std::string UnixGauge(const std::string& gauge) const {
    return gauge + "{listener=" + path_ + "}";
  }
  [[nodiscard]] std::string TcpGauge(const std::string& gauge) const {
    return gauge + "{listener=127.0.0.1:" + std::to_string(port_) + "}";
  }

  TempDir dir_;
  std::string path_ = dir_.path("sub/b.sock");
  std::uint16_t port_ = 0;
  fakes::RecordingMetrics metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Respond> later_;                           // guarded by mutex_
  std::map<std::string, std::unique_ptr<Feed>> feeds_;  // guarded by mutex_
  std::optional<HttpServer> server_;
};

[[nodiscard]] std::string GetRequest(const std::string& target, const std::string& headers = "");

}  // namespace ballast::apiserver
