#include "controller/apiserver/http_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(WireHeader, SaysWhatTheClientNeeds) {
  EXPECT_EQ(WireHeader({.body = "abc"}, BodyEnd::kLength, true, true),
            "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(WireHeader({.status = 299, .content_type = "a/b", .headers = {{"Cache-Control", "x"}}},
                       BodyEnd::kChunks, true, false),
            "HTTP/1.1 299 <unknown-status>\r\nCache-Control: x\r\nContent-Type: a/b\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  const std::string old = WireHeader({}, BodyEnd::kClose, false, false);
  EXPECT_THAT(old, Not(HasSubstr("Connection")));
  EXPECT_THAT(old, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(WireHeader({}, BodyEnd::kLength, false, true),
              HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_THAT(WireHeader({.status = 204}, BodyEnd::kLength, true, true),
              Not(HasSubstr("Content-")));
}

TEST(WireHeader, IsNotForgedByValues) {
  const std::string header =
      WireHeader({.content_type = "a\r\nX: 1", .headers = {{"A\r\nY", "b\r\n\r\nbody\x01"}}},
                 BodyEnd::kLength, true, true);
  EXPECT_THAT(header, HasSubstr("A  Y: b    body \r\n"));
  EXPECT_THAT(header, HasSubstr("Content-Type: a  X: 1\r\n"));
}

TEST(WireChunk, IsFramedAndNeverTheLastByMistake) {
  EXPECT_EQ(WireChunk(std::string(26, 'x')), "1a\r\n" + std::string(26, 'x') + "\r\n");
  EXPECT_EQ(WireChunk(""), "");
}

TEST(Peer, IsCountedByCertificateUserOrAddress) {
  EXPECT_EQ((Peer{.unix_socket = true, .uid = 7, .address = "unix"}.Key()), "uid:7");
  EXPECT_EQ((Peer{.address = "10.1.2.3:55"}.Key()), "ip:10.1.2.3");
  EXPECT_EQ((Peer{.address = "[fd00::1]:55"}.Key()), "ip:[fd00::1]");
  EXPECT_EQ((Peer{.address = "10.1.2.3:55", .common_name = "anna"}.Key()), "certificate:anna");
}

}  // namespace
}  // namespace ballast::apiserver
