#include "controller/docker/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ballast::docker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Status Of(int status, const std::string& message) {
  return ToStatus("start container x", status, "{\"message\":\"" + message + "\"}");
}

TEST(Errors, ByHttpStatus) {
  EXPECT_EQ(Of(400, "bad"), (Status{Code::kInvalidArgument, "start container x: bad"}));
  EXPECT_EQ(Of(404, "no such container").code, Code::kNotFound);
  EXPECT_EQ(
      Of(409, "Conflict. The container name \\\"/a\\\" is already in use by container \\\"b\\\"")
          .code,
      Code::kAlreadyExists);
  EXPECT_EQ(Of(409, "network with name n already exists").code, Code::kAlreadyExists);
  EXPECT_EQ(Of(409, "volume is in use").code, Code::kConflict);
  EXPECT_EQ(Of(500, "boom").code, Code::kInternal);
  EXPECT_EQ(Of(503, "later").code, Code::kUnavailable);
  EXPECT_EQ(Of(403, "error while removing network: network n has active endpoints").code,
            Code::kConflict);
}

TEST(Errors, PortsAreNamed) {
  const Status allocated =
      Of(500,
         "driver failed programming external connectivity on endpoint a (0e1f): Bind for "
         "0.0.0.0:8080 failed: port is already allocated");
  EXPECT_EQ(allocated.code, Code::kFailedPrecondition);
  EXPECT_THAT(allocated.message, HasSubstr("port 8080 of this host is taken"));
  const Status in_use =
      Of(500,
         "Error starting userland proxy: listen tcp4 127.0.0.1:443: bind: address already in use");
  EXPECT_EQ(in_use.code, Code::kFailedPrecondition);
  EXPECT_THAT(in_use.message, HasSubstr("port 443 of this host is taken"));
}

TEST(Errors, AddressesAndSubnets) {
  EXPECT_EQ(Of(403, "Address already in use").code, Code::kConflict);
  EXPECT_EQ(Of(403, "Pool overlaps with other one on this address space").code, Code::kConflict);
}

TEST(Errors, AFullDiskSaysWhatToDo) {
  const Status full = Of(500, "mkdir /var/lib/docker/overlay2/x: no space left on device");
  EXPECT_EQ(full.code, Code::kFailedPrecondition);
  EXPECT_THAT(full.message, HasSubstr("docker system df"));
}

TEST(Errors, TextIsOneBoundedLine) {
  EXPECT_EQ(ErrorText("{\"message\":\"a\\r\\n\\tb\\u0000c\"}"), "a b c");
  EXPECT_EQ(ErrorText("404 page not found\n"), "404 page not found");
  EXPECT_EQ(ErrorText("{\"message\":5}"), "{\"message\":5}");
  EXPECT_LT(ErrorText(std::string(1 << 20, 'x')).size(), 3000U);
  EXPECT_EQ(ToStatus("w", 500, "").message, "w: HTTP status 500");
}

TEST(Errors, OfPulls) {
  const auto pull = [](int status, const char* text) {
    return PullFailure("r/i:1", status, text, "hint");
  };
  EXPECT_EQ(pull(404, "pull access denied for i, repository does not exist").code,
            Code::kPermissionDenied);
  EXPECT_EQ(pull(500, "unauthorized: incorrect username or password").code,
            Code::kPermissionDenied);
  EXPECT_EQ(pull(0, "manifest for i:1 not found: manifest unknown").code, Code::kNotFound);
  EXPECT_EQ(pull(500, "dial tcp: lookup r on 127.0.0.11: no such host").code, Code::kUnavailable);
  EXPECT_EQ(pull(500, "toomanyrequests: rate limit").code, Code::kUnavailable);
  EXPECT_EQ(pull(400, "invalid reference format").code, Code::kInvalidArgument);
  EXPECT_EQ(pull(0, "write /x: no space left on device").code, Code::kFailedPrecondition);
  EXPECT_THAT(pull(404, "manifest unknown").message,
              HasSubstr("pull image r/i:1: manifest unknown (hint)"));
}

}  // namespace
}  // namespace ballast::docker
