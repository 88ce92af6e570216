// What surrounds Ballast gives out: a full disk, a port that another program has.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/fault/fixture.h"
#include "tests/fault/harness/mount.h"

namespace ballast::fault {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Surroundings : public FaultTest {
 protected:
  // Whether an Event with these words came.
  bool Told(const std::string& words) {
    const json status = stack_->Status();
    if (!status.is_object()) return false;
    for (const json& event : status.at("events")) {
      if (event.at("message").get<std::string>().find(words) != std::string::npos) return true;
    }
    return false;
  }
};

// The state directory, with HAProxy's files in it, is on a disk that fills up.
TEST_F(Surroundings, FullDiskKeepsServingAndIsSaid) {
  const std::string why = Mount::Unavailable();
  if (!why.empty()) GTEST_SKIP() << why;
  stack_ = std::make_unique<Stack>();
  auto disk = std::make_unique<Mount>(stack_->dir() + "/state", "2m");
  app_.replicas = 2;
  stack_->Apply(app_);
  stack_->StartController();
  ASSERT_TRUE(stack_->WaitSettled("shop", 2)) << stack_->Inconsistency("shop", 2);
  loadgen::Load gets(Requests());
  gets.Start();
  disk->Fill("rubbish");
  // Servers come and go over HAProxy's socket; a died one is replaced.
  const std::string killed = stack_->Containers("shop").at(0);
  stack_->Docker({"kill", "-s", "KILL", killed});
  EXPECT_TRUE(Eventually([&] { return Told("No space left"); }, seconds(30))) << stack_->Log();
  RunFor(seconds(3));
  stack_->KillController();
  stack_->StartController();
  RunFor(seconds(3));
  std::filesystem::remove(stack_->dir() + "/state/rubbish");
  Scale(3);
  ExpectConsistent(3, "space again");
  ExpectNoFailure(gets.Stop(), "GET");
  stack_->KillController();
  disk.reset();
}

TEST_F(Surroundings, PortOfAnotherProgramIsNamedAndTakenOnceItIsFree) {
  stack_ = std::make_unique<Stack>();
  const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(stack_->port());
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  const int reuse = 1;
  setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
  ASSERT_EQ(bind(other, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(other, 1), 0);
  app_.replicas = 2;
  stack_->Apply(app_);
  stack_->StartController();
  const std::string port = std::to_string(stack_->port());
  EXPECT_TRUE(Eventually([&] { return Told("port " + port); }, seconds(30))) << stack_->Log();
  close(other);
  ExpectConsistent(2, "the port is free");
}

}  // namespace
}  // namespace ballast::fault
