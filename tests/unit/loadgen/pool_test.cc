// Every class of failure is told from the others, and nothing is retried. One request at a time and
// on the test's own thread, so that no result depends on how fast the machine is.
#include "tests/fault/loadgen/pool.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>

#include "tests/unit/loadgen/scripted_server.h"

namespace ballast::loadgen {
namespace {

class PoolTest : public testing::Test {
 protected:
  void Script(std::vector<Step> script, Options options = {}) {
    server_.emplace(std::move(script));
    options.port = server_->port();
    pool_.emplace(&io_, options, [this](const Result& result) { result_ = result; });
  }
  // Sends one request and waits for its result.
  Result Send() {
    result_.reset();
    pool_->Send();
    io_.restart();
    while (!result_) io_.run_one();
    return *result_;
  }

  std::optional<ScriptedServer> server_;
  boost::asio::io_context io_;
  std::optional<Result> result_;
  std::optional<Pool> pool_;
};

TEST_F(PoolTest, ReplicaFromHeaderOrBody) {
  Script({{Answer(200, "", "X-Hello-Id: a\r\n")},
          {Answer(200, R"({"x":1,"host":"b","y":2})")},
          {Answer(200, "plain")}});
  EXPECT_EQ(Send().replica, "a");
  EXPECT_EQ(Send().replica, "b");
  const Result third = Send();
  EXPECT_EQ(third.replica, "");
  EXPECT_EQ(third.outcome, Outcome::kOk);
  EXPECT_TRUE(third.reused);
  EXPECT_NE(third.local_port, 0);
  EXPECT_EQ(pool_->connections(), 1u);
}

TEST_F(PoolTest, AnyStatusBut200IsAFailure) {
  Script({{Answer(503, "no", "X-Hello-Id: a\r\n")}, {Answer(201, "")}});
  const Result first = Send();
  EXPECT_EQ(first.outcome, Outcome::kStatus);
  EXPECT_EQ(first.status, 503);
  EXPECT_EQ(first.replica, "a");
  EXPECT_EQ(Send().outcome, Outcome::kStatus);
}

TEST_F(PoolTest, TellsEofOnANewConnectionFromEofOnAReusedOne) {
  Script({{"", true}, {Answer(200, "")}, {"", true}, {Answer(200, "")}});
  EXPECT_EQ(Send().outcome, Outcome::kEof);
  EXPECT_EQ(Send().outcome, Outcome::kOk);
  const Result reused = Send();
  EXPECT_EQ(reused.outcome, Outcome::kEofOnReused);
  EXPECT_TRUE(reused.reused);
  EXPECT_EQ(Send().outcome, Outcome::kOk);
}

TEST_F(PoolTest, PartialAnswersAndRubbish) {
  Script({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true},
          {"HTTP/1.1 200", true},
          {"220 mail ready\r\n\r\n", true}});
  EXPECT_EQ(Send().outcome, Outcome::kPartial);
  EXPECT_EQ(Send().outcome, Outcome::kPartial);
  EXPECT_EQ(Send().outcome, Outcome::kProtocol);
}

TEST_F(PoolTest, ConnectionCloseIsObeyedAndFreshMeansFresh) {
  Script({{Answer(200, "", "Connection: close\r\n")}});
  EXPECT_FALSE(Send().reused);
  EXPECT_FALSE(Send().reused);
  EXPECT_EQ(pool_->connections(), 2u);
  Options fresh;
  fresh.keep_alive = false;
  Script({{Answer(200, "")}}, fresh);
  EXPECT_FALSE(Send().reused);
  EXPECT_FALSE(Send().reused);
}

TEST_F(PoolTest, TimesOutWithoutOrInTheMiddleOfAnAnswer) {
  Script({{""}, {"HTTP/1.1 200 OK\r\n"}});
  for (int i = 0; i < 2; ++i) {
    result_.reset();
    pool_->Send();
    io_.restart();
    io_.run_one();  // connected
    pool_->Expire(std::chrono::steady_clock::now());
    EXPECT_FALSE(result_);
    pool_->Expire(std::chrono::steady_clock::now() + std::chrono::hours(1));
    while (!result_) io_.run_one();
    EXPECT_EQ(result_->outcome, Outcome::kTimeout);
    EXPECT_EQ(pool_->in_flight(), 0u);
  }
}

TEST_F(PoolTest, AConnectionClosedWhileIdleIsNotUsed) {
  Script({{Answer(200, "")}});
  EXPECT_EQ(Send().outcome, Outcome::kOk);
  server_.reset();
  const Result result = Send();
  EXPECT_FALSE(result.reused);
  EXPECT_EQ(result.outcome, Outcome::kConnect) << "not an EOF of the old connection";
  EXPECT_EQ(pool_->idle_closed(), 1u);
}

TEST_F(PoolTest, NobodyListens) {
  Script({{""}});
  server_.reset();
  const Result result = Send();
  EXPECT_EQ(result.outcome, Outcome::kConnect);
  EXPECT_FALSE(result.error.empty());
}

}  // namespace
}  // namespace ballast::loadgen
