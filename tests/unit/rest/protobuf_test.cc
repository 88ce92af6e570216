// Bodies as kubectl 1.32 sends them when it creates something without a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "controller/apiserver/protobuf_body.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

std::string Varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string Bytes(int number, const std::string& bytes) {
  return Varint(static_cast<std::uint64_t>(number) << 3 | 2) + Varint(bytes.size()) + bytes;
}
std::string Number(int number, std::uint64_t value) {
  return Varint(static_cast<std::uint64_t>(number) << 3) + Varint(value);
}
std::string Entry(int number, const std::string& key, const std::string& value) {
  return Bytes(number, Bytes(1, key) + Bytes(2, value));
}
std::string Wrap(const std::string& api_version, const std::string& kind, const std::string& raw,
                 const std::string& more = Bytes(3, "") + Bytes(4, "")) {
  return std::string("k8s\0", 4) + Bytes(1, Bytes(1, api_version) + Bytes(2, kind)) +
         Bytes(2, raw) + more;
}
// As kubectl writes metadata: all texts, empty ones too, and an empty time.
std::string Meta(const std::string& name) {
  return Bytes(1, Bytes(1, name) + Bytes(2, "") + Bytes(3, "") + Bytes(4, "") + Bytes(5, "") +
                      Bytes(6, "") + Number(7, 0) + Bytes(8, ""));
}

class Protobuf : public testing::Test {
 protected:
  Reply Send(const std::string& path, const std::string& body) {
    return world_.Send("POST", path, body, {{"content-type", kProtobufType}});
  }
  World world_;
};

TEST_F(Protobuf, MakesANamespace) {
  // The bytes of `kubectl create ns team`.
  const std::string bytes = Wrap("v1", "Namespace", Meta("team") + Bytes(2, "") + Bytes(3, ""));
  const Reply reply = Send(kNamespaces, bytes);
  EXPECT_EQ(reply.status, 201) << reply.text;
  EXPECT_EQ(reply.body["metadata"]["name"], "team");
  EXPECT_EQ(reply.body["kind"], "Namespace");
}

TEST_F(Protobuf, MakesAConfigMap) {
  std::string meta = Bytes(1, "c") + Entry(11, "app", "web") + Entry(12, "note", "x");
  const Reply reply =
      Send(kConfigMaps, Wrap("v1", "ConfigMap",
                             Bytes(1, meta) + Entry(2, "a", "1") + Entry(2, "empty", "") +
                                 Bytes(2, Bytes(1, "none")) +
                                 Entry(3, "bin", std::string("\0\xff", 2)) + Number(4, 1)));
  EXPECT_EQ(reply.status, 201) << reply.text;
  EXPECT_EQ(reply.body["data"], (json{{"a", "1"}, {"empty", ""}, {"none", ""}}));
  EXPECT_EQ(reply.body["binaryData"]["bin"], "AP8=");
  EXPECT_EQ(reply.body["immutable"], true);
  EXPECT_EQ(reply.body["metadata"]["labels"]["app"], "web");
  EXPECT_EQ(reply.body["metadata"]["annotations"]["note"], "x");
}

TEST_F(Protobuf, MakesASecret) {
  const Reply reply = Send(kSecrets, Wrap("v1", "Secret",
                                          Meta("s") + Entry(2, "k", "hunter2") +
                                              Bytes(3, "Opaque") + Entry(4, "t", "text")));
  EXPECT_EQ(reply.status, 201) << reply.text;
  EXPECT_EQ(reply.body["data"], (json{{"k", "aHVudGVyMg=="}, {"t", "dGV4dA=="}}));
  EXPECT_EQ(reply.body["type"], "Opaque");
}

TEST_F(Protobuf, IsCheckedLikeEverythingElse) {
  EXPECT_EQ(Send(kConfigMaps, Wrap("v1", "Secret", Meta("s"))).status, 400) << "another kind";
  EXPECT_EQ(Send(kConfigMaps, Wrap("v1", "ConfigMap", Meta("Bad_Name"))).status, 422);
  EXPECT_EQ(Send(kConfigMaps, Wrap("v1", "ConfigMap", "")).status, 422) << "no name";
  const Reply pod = Send(kConfigMaps, Wrap("v1", "Pod", ""));
  EXPECT_EQ(pod.status, 415);
  EXPECT_THAT(pod.text, HasSubstr("application/json"));
}

TEST_F(Protobuf, DeleteOptionsToo) {
  Send(kConfigMaps, Wrap("v1", "ConfigMap", Meta("c")));
  const std::string path = std::string(kConfigMaps) + "/c";
  const auto remove = [&](const std::string& raw) {
    return world_
        .Send("DELETE", path, Wrap("v1", "DeleteOptions", raw), {{"content-type", kProtobufType}})
        .status;
  };
  EXPECT_EQ(remove(Bytes(2, Bytes(1, "other"))), 409);
  EXPECT_EQ(remove(Bytes(5, "All")), 200);
  EXPECT_EQ(world_.Get(path).status, 200);
  EXPECT_EQ(remove(Number(1, 0) + Bytes(4, "Background")), 200);
  EXPECT_EQ(world_.Get(path).status, 404);
}

TEST_F(Protobuf, ThatIsNoneIsRefusedAndShowsNoValue) {
  const std::string good = Wrap("v1", "Secret", Meta("s") + Entry(2, "k", "hunter2"));
  const std::vector<std::string> wrong = {
      "",
      "k8s",
      "{}",
      good.substr(4),
      Wrap("v1", "Secret", Meta("s") + Bytes(99, "hunter2")),          // no such field
      Wrap("v1", "Secret", Meta("s") + Number(2, 5)),                  // not a map
      Wrap("v1", "Secret", Meta("s") + Bytes(2, "hunter2")),           // no entry
      Wrap("v1", "Secret", Meta("s") + Entry(4, "k", "hunter2\xff")),  // no UTF-8
      Wrap("v1", "Secret", Meta("s") + Entry(2, "k", "hunter2") + Entry(2, "k", "x")),
      Wrap("v1", "Secret", Meta("s") + Bytes(5, "hunter2")),      // no bool
      Wrap("v1", "Secret", Meta("s") + std::string(12, '\xff')),  // an endless number
      Wrap("v1", "Secret",
           Meta("s") + "\x12\xff\xff\xff\xff\x0f"
                       "x"),                     // 4 GiB
      Wrap("v1", "Secret", Meta("s") + "\x13"),  // a group
      Wrap("v1", "Secret", Meta("s"), Bytes(3, "gzip")),
      Wrap("v1", "Secret", Meta("s"), Bytes(4, "application/json"))};
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const Reply reply = Send(kSecrets, wrong[i]);
    EXPECT_EQ(reply.status, 400) << i << reply.text;
    EXPECT_THAT(reply.text, Not(HasSubstr("hunter2"))) << i;
  }
  const std::size_t complete = good.size() - 4;  // without contentEncoding and contentType
  for (std::size_t size = 0; size < complete; ++size) {
    const auto parsed = ParseProtobuf(std::string_view(good).substr(0, size));
    EXPECT_FALSE(parsed && parsed->contains("data")) << size;
  }
}

TEST(ProtobufFuzz, SurvivesWhateverComes) {
  const std::string good = Wrap(
      "v1", "Secret", Meta("s") + Entry(2, "k", "v") + Bytes(3, "Opaque") + Entry(4, "t", "x"));
  std::minstd_rand random(7);  // NOLINT(cert-msc51-cpp): the same bytes each time
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (unsigned i = 0; i <= random() % 4; ++i) {
      const std::size_t at = 4 + random() % (bytes.size() - 4);
      switch (random() % 3) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, 1 + random() % 3);
          break;
        default:
          bytes.insert(at, 1 + random() % 3, static_cast<char>(random()));
      }
      if (bytes.size() < 8) break;
    }
    const auto parsed = ParseProtobuf(bytes);
    EXPECT_TRUE(!parsed || !parsed->dump().empty()) << "texts are UTF-8";
  }
}

}  // namespace
}  // namespace ballast::apiserver
