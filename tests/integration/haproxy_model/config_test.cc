// haproxy -c over the golden files, and over what people may put into them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/golden/haproxy/accepted.h"
#include "tests/integration/haproxy_model/instance.h"

namespace ballast::testing {
namespace {

// Every golden directory in one container. The counters' file is there as after the first reload:
// without it HAProxy warns, and goes on.
TEST(ConfigTest, TheGoldenFilesPassWithoutAWarning) {
  constexpr char kScript[] =
      "printf '#fe guid,stot,\\n\\n#be guid,stot,\\n' > /run/haproxy/stats; "
      "for d in /golden/*/; do rm -rf /etc/haproxy/*; cp -r $d/* /etc/haproxy/; echo \"== $d\"; "
      "haproxy -c -V -f /etc/haproxy/haproxy.cfg || exit 1; done";
  int code = 0;
  const std::string output = Shell(
      fmt::format("docker run --rm --tmpfs /etc/haproxy --tmpfs /run/haproxy "
                  "-v {}/tests/golden/haproxy:/golden:ro --entrypoint sh ballast/haproxy:latest "
                  "-c '{}'",
                  BALLAST_SOURCE_DIR,
                  [&] {
                    std::string quoted;
                    for (const char c : std::string(kScript)) {
                      quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
                    }
                    return quoted;
                  }()),
      code);
  EXPECT_EQ(code, 0) << output;
  EXPECT_THAT(output, ::testing::Not(::testing::HasSubstr("WARNING"))) << output;
  EXPECT_THAT(output, ::testing::Not(::testing::HasSubstr("Warnings"))) << output;
  EXPECT_THAT(output, ::testing::HasSubstr("/golden/shop"));
}

// Names, hosts, paths and cookies of every shape, limits and times at their ends.
TEST(ConfigTest, WhateverTheApiAcceptsPasses) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  reconcilers::haproxy::Accepted accepted(seed);
  const auto files = reconcilers::haproxy::Render(accepted.model);
  ASSERT_TRUE(files) << files.error().message;
  std::string directory = std::filesystem::temp_directory_path() / "ballast-accepted-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  std::filesystem::permissions(directory, std::filesystem::perms(0755));
  std::filesystem::create_directory(directory + "/maps");
  for (const auto& [name, text] : *files) std::ofstream(directory + "/" + name) << text;
  int code = 0;
  const std::string output = Shell(
      fmt::format("docker run --rm --network none --tmpfs /run/haproxy -v {}:/etc/haproxy:ro "
                  "--entrypoint haproxy ballast/haproxy:latest -c -f /etc/haproxy/haproxy.cfg",
                  directory),
      code);
  EXPECT_EQ(code, 0) << output.substr(0, 4000);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace ballast::testing
