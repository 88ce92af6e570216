// Who is let in to the API.
#include "controller/cmd/api_door.h"

#include <gtest/gtest.h>

#include "controller/store/memory_store.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::cmd {
namespace {

class Door : public testing::Test {
 protected:
  static apiserver::HttpRequest Tcp() {
    apiserver::HttpRequest request{
        .method = "GET", .path = "/", .query = {}, .headers = {}, .body = ""};
    request.peer.address = "192.0.2.7:1";
    return request;
  }

  fakes::FakeClock clock_;
  fakes::RecordingMetrics metrics_;
  store::MemoryStore store_{clock_};
  apiserver::Tokens tokens_{store_, clock_};
  apiserver::HttpServer server_{metrics_};
  Options options_;
  ApiDoor door_{options_, server_, tokens_, clock_};
};

TEST_F(Door, TheSocketMayDoAll) {
  apiserver::HttpRequest request = Tcp();
  request.peer.unix_socket = true;
  request.peer.uid = 1000;
  EXPECT_EQ(door_.Authenticate(request)->name, "unix:1000");
  EXPECT_TRUE(door_.Authenticate(request)->may_do_all);
}

TEST_F(Door, ACertificateIsAUserUntilItEnds) {
  apiserver::HttpRequest request = Tcp();
  request.peer.common_name = "alice";
  request.peer.organizations = {"ballast:view"};
  request.peer.certificate_end = clock_.WallNow() + std::chrono::hours(1);
  ASSERT_TRUE(door_.Authenticate(request));
  EXPECT_EQ(door_.Authenticate(request)->name, "alice");
  EXPECT_EQ(door_.Authenticate(request)->groups.at(0), "ballast:view");
  EXPECT_FALSE(door_.Authenticate(request)->may_do_all);
  clock_.Advance(std::chrono::hours(1));
  EXPECT_FALSE(door_.Authenticate(request)) << "though the connection goes on";
}

TEST_F(Door, ATokenIsAUser) {
  apiserver::HttpRequest request = Tcp();
  EXPECT_FALSE(door_.Authenticate(request));
  const std::string token = tokens_.Issue({.user = "bob", .grant = {}})->token;
  request.headers["authorization"] = "Bearer " + token;
  ASSERT_TRUE(door_.Authenticate(request));
  EXPECT_EQ(door_.Authenticate(request)->name, "bob");
  for (const std::string& wrong :
       {std::string("Bearer "), "Bearer " + token + "x", "Basic " + token, token}) {
    request.headers["authorization"] = wrong;
    EXPECT_FALSE(door_.Authenticate(request)) << wrong;
  }
}

}  // namespace
}  // namespace ballast::cmd
