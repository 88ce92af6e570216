#include "tests/fault/loadgen/long_lived.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/loadgen/scripted_server.h"

namespace ballast::loadgen {
namespace {

constexpr char kEvents[] =
    "HTTP/1.1 200 OK\r\nX-Hello-Id: r1\r\nTransfer-Encoding: chunked\r\n\r\n"
    "f\r\nid: 1\ndata: a\n\n\r\n";

LongLivedOptions Only(std::uint16_t port, std::size_t websockets, std::size_t events) {
  LongLivedOptions options;
  options.port = port;
  options.websockets = websockets;
  options.event_streams = events;
  return options;
}

template <typename Condition>
LongLivedReport WaitFor(LongLived* streams, Condition condition) {
  while (!condition(streams->Snapshot())) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return streams->Stop();
}

TEST(LongLived, OpenStreamsAreNotCutByStop) {
  ScriptedServer server({{kEvents}});
  LongLived streams(Only(server.port(), 0, 3));
  streams.Start();
  const auto report = WaitFor(&streams, [](const LongLivedReport& r) {
    return r.streams[0].messages + r.streams[1].messages + r.streams[2].messages == 3;
  });
  EXPECT_EQ(report.Opened(), 3u);
  EXPECT_EQ(report.Cut(), 0u) << report.Details();
  EXPECT_EQ(report.OpenByReplica().at("r1"), 3u);
}

TEST(LongLived, ACutStreamSaysWhoseItWas) {
  ScriptedServer server({{kEvents, true}, {std::string(kEvents) + "0\r\n\r\n"}});
  LongLived streams(Only(server.port(), 0, 2));
  streams.Start();
  const auto report = WaitFor(&streams, [](const LongLivedReport& r) { return r.Cut() == 2; });
  EXPECT_EQ(report.Opened(), 2u);
  EXPECT_EQ(report.CutExcept({"r1"}), 0u);
  EXPECT_EQ(report.CutExcept({"r2"}), 2u);
  EXPECT_NE(report.Details().find("ended by the server"), std::string::npos) << report.Details();
}

TEST(LongLived, ASilentStreamIsCut) {
  ScriptedServer server({{kEvents}});
  LongLivedOptions options = Only(server.port(), 0, 1);
  options.timeout = std::chrono::milliseconds(50);
  LongLived streams(options);
  streams.Start();
  const auto report = WaitFor(&streams, [](const LongLivedReport& r) { return r.Cut() == 1; });
  EXPECT_NE(report.streams[0].reason.find("silent"), std::string::npos);
}

TEST(LongLived, WhatNeverOpensIsCutAtNobody) {
  ScriptedServer server({{Answer(503, "no")}});
  LongLived streams(Only(server.port(), 1, 1));
  streams.Start();
  const auto report = streams.Stop();
  EXPECT_EQ(report.Opened(), 0u);
  EXPECT_EQ(report.Cut(), 2u) << report.Details();
  for (const StreamState& stream : report.streams) {
    EXPECT_NE(stream.reason.find("503"), std::string::npos) << stream.reason;
  }
}

TEST(LongLived, NoneAtAll) {
  LongLived streams(Only(1, 0, 0));
  streams.Start();
  EXPECT_EQ(streams.Stop().streams.size(), 0u);
}

}  // namespace
}  // namespace ballast::loadgen
