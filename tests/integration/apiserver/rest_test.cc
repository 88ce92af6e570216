// The whole API over its real server, on the unix socket and over TLS, with both stores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "controller/apiserver/body.h"
#include "controller/apiserver/http_server.h"
#include "controller/apiserver/registry.h"
#include "controller/apiserver/rest_handler.h"
#include "controller/apiserver/tls_files.h"
#include "controller/apiserver/tokens.h"
#include "controller/apiserver/watch.h"
#include "controller/runtime/system_clock.h"
#include "controller/runtime/task_thread.h"
#include "controller/store/memory_store.h"
#include "controller/store/sqlite_store.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/fakes/temp_dir.h"
#include "tests/integration/apiserver/client.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kMaps = "/api/v1/namespaces/default/configmaps";
const std::string kApps = "/apis/ballast.dev/v1alpha1/namespaces/default/webapps";

struct Answer {
  int status = 0;
  std::string head;
  std::string text;
  json body;
};

// Takes the chunks of an answer apart.
std::string Unchunk(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t line = text.find("\r\n", at);
    if (line == std::string::npos) break;
    const std::size_t size = std::stoul(text.substr(at, line - at), nullptr, 16);
    if (size == 0) break;
    out += text.substr(line + 2, size);
    at = line + 2 + size + 2;
  }
  return out;
}

Answer Parse(const std::string& raw) {
  Answer answer;
  const std::size_t end = raw.find("\r\n\r\n");
  if (!raw.starts_with("HTTP/1.1 ") || end == std::string::npos) return answer;
  answer.status = std::stoi(raw.substr(9, 3));
  answer.head = raw.substr(0, end + 2);
  answer.text = raw.substr(end + 4);
  if (answer.head.find("chunked") != std::string::npos) answer.text = Unchunk(answer.text);
  answer.body = json::parse(answer.text, nullptr, false);
  if (answer.body.is_discarded()) answer.body = nullptr;
  return answer;
}

struct Setting {
  bool sqlite = false;
  bool tls = false;
};

class Rest : public testing::TestWithParam<Setting> {
 protected:
  void SetUp() override { Begin(); }
  void TearDown() override { End(); }

  void Begin() {
    if (GetParam().sqlite) {
      auto opened = store::SqliteStore::Open({.path = dir_.path("s/ballast.db")}, clock_);
      ASSERT_TRUE(opened) << opened.error().message;
      store_ = std::move(*opened);
    } else {
      store_ = std::make_unique<store::MemoryStore>(clock_);
    }
    transient_ = std::make_unique<store::MemoryStore>(clock_);
    tasks_ = std::make_unique<runtime::TaskThread>();
    registry_ = std::make_unique<Registry>(RegistryDeps{
        .durable = *store_,
        .transient = *transient_,
        .clock = clock_,
        .new_uid = [this] { return "u" + std::to_string(10'000 + ++uids_); },
        .executor = [this](std::function<void()> task) { tasks_->Post(std::move(task)); },
        .decode = {.allowed_host_paths = {}, .all_kinds = true, .knows_time_zone = {}}});
    ASSERT_TRUE(registry_->Load());
    hub_ = std::make_unique<WatchHub>(clock_);
    hub_->Start({store_.get(), transient_.get()});
    tokens_ = std::make_unique<Tokens>(*store_, clock_);
    rest_ = std::make_unique<RestHandler>(RestDeps{
        .registry = *registry_,
        .hub = *hub_,
        .clock = clock_,
        .version = "1",
        .authenticate = [this](const HttpRequest& request) { return Authenticate(request); },
        .audit = [](const AuditRecord&) {},
        .readers = {},
        .other = nullptr});
    server_ = std::make_unique<HttpServer>(metrics_);
    const auto handler = [this](HttpRequest request, Respond respond) {
      rest_->Handle(std::move(request), std::move(respond));
    };
    ListenerOptions options;
    options.limits.body_bytes = kMaxBodyBytes;
    ASSERT_TRUE(server_->ListenUnix(path_, 0660, handler, options));
    auto files = TlsFiles::Load(dir_.path("tls"), {}, clock_);
    ASSERT_TRUE(files);
    tls_.authority = files->authority();
    auto port = server_->ListenTls("127.0.0.1", 0, files->server(), handler, options);
    ASSERT_TRUE(port);
    port_ = *port;
    if (GetParam().tls && token_.empty()) {
      token_ = tokens_->Issue({.user = "tester", .grant = {.role = Role::kAdmin, .ns = ""}})->token;
    }
    server_->Start();
  }
  void End() {
    server_->Stop();
    hub_->Stop();
    store_->Close();
    transient_->Close();
    tasks_->Stop();
    server_.reset();
    rest_.reset();
    hub_.reset();
    registry_.reset();
    tokens_.reset();
    store_.reset();
  }

  std::optional<User> Authenticate(const HttpRequest& request) {
    if (request.peer.unix_socket) return User{.name = "unix:0", .groups = {}, .may_do_all = true};
    const std::string_view text = request.Header("authorization");
    if (!text.starts_with("Bearer ")) return std::nullopt;
    return tokens_->Check(text.substr(7));
  }

  [[nodiscard]] std::unique_ptr<Client> Connect() const {
    return GetParam().tls ? std::make_unique<Client>(port_, tls_) : std::make_unique<Client>(path_);
  }
  [[nodiscard]] std::string Request(const std::string& method, const std::string& target,
                                    const std::string& body, const std::string& headers) const {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: b\r\n" + headers;
    if (!token_.empty()) text += "Authorization: Bearer " + token_ + "\r\n";
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }
  [[nodiscard]] Answer Send(const std::string& method, const std::string& target,
                            const std::string& body = "",
                            const std::string& type = "application/json",
                            const std::string& headers = "") const {
    const auto client = Connect();
    client->Send(Request(method, target, body,
                         headers + "Connection: close\r\n" +
                             (body.empty() ? "" : "Content-Type: " + type + "\r\n")));
    return Parse(client->Read());
  }
  [[nodiscard]] std::unique_ptr<Client> Watch(const std::string& target) const {
    auto client = Connect();
    client->Send(Request("GET", target, "", ""));
    return client;
  }
  [[nodiscard]] static std::string Map(const std::string& name, const std::string& value = "1") {
    return R"({"metadata":{"name":")" + name + R"("},"data":{"a":")" + value + R"("}})";
  }

  const TempDir dir_;
  const std::string path_ = dir_.path("b.sock");
  const runtime::SystemClock clock_;
  fakes::RecordingMetrics metrics_;
  std::atomic<int> uids_ = 0;
  std::uint16_t port_ = 0;
  ClientTls tls_;
  std::string token_;
  std::unique_ptr<reconcilers::Store> store_;
  std::unique_ptr<store::MemoryStore> transient_;
  std::unique_ptr<runtime::TaskThread> tasks_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<WatchHub> hub_;
  std::unique_ptr<Tokens> tokens_;
  std::unique_ptr<RestHandler> rest_;
  std::unique_ptr<HttpServer> server_;
};

INSTANTIATE_TEST_SUITE_P(Settings, Rest,
                         testing::Values(Setting{}, Setting{.tls = true}, Setting{.sqlite = true},
                                         Setting{.sqlite = true, .tls = true}),
                         [](const auto& info) {
                           return std::string(info.param.sqlite ? "Sqlite" : "Memory") +
                                  (info.param.tls ? "Tls" : "Unix");
                         });

TEST_P(Rest, EveryVerb) {
  // create
  const Answer made = Send("POST", kMaps, Map("c"));
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_THAT(made.head, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(made.body["metadata"]["name"], "c");
  EXPECT_EQ(made.body["metadata"]["generation"], 1);
  EXPECT_EQ(Send("POST", kMaps, Map("c")).status, 409);
  EXPECT_EQ(Send("POST", kMaps, "{").status, 400);
  EXPECT_EQ(Send("POST", kMaps, "<a/>", "application/xml").status, 415);
  EXPECT_EQ(Send("POST", kMaps + "?dryRun=All", Map("dry")).status, 201);
  // get
  const Answer got = Send("GET", kMaps + "/c");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, made.body);
  EXPECT_EQ(Send("GET", kMaps + "/dry").status, 404);
  EXPECT_EQ(Send("GET", kMaps + "/c", "", "", "Accept: text/html\r\n").status, 406);
  const Answer head = Send("HEAD", kMaps + "/c");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.text, "");
  // update
  const Answer put = Send("PUT", kMaps + "/c", Map("c", "2"));
  EXPECT_EQ(put.status, 200) << put.text;
  EXPECT_EQ(put.body["metadata"]["generation"], 2);
  json old = made.body;
  old["data"]["a"] = "9";
  const Answer stale = Send("PUT", kMaps + "/c", old.dump());
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.body["reason"], "Conflict");
  EXPECT_EQ(stale.body["code"], 409);
  // patch
  EXPECT_EQ(Send("PATCH", kMaps + "/c", R"({"data":{"a":"3"}})", "application/merge-patch+json")
                .body["data"]["a"],
            "3");
  EXPECT_EQ(Send("PATCH", kMaps + "/c", R"([{"op":"replace","path":"/data/a","value":"4"}])",
                 "application/json-patch+json")
                .body["data"]["a"],
            "4");
  EXPECT_EQ(Send("PATCH", kMaps + "/c", "{}", "application/strategic-merge-patch+json").status,
            200);
  EXPECT_EQ(Send("PATCH", kMaps + "/c?fieldManager=me", R"({"data":{"a":"5"}})",
                 "application/apply-patch+yaml")
                .status,
            409);
  EXPECT_EQ(Send("PATCH", kMaps + "/c?fieldManager=me&force=true", R"({"data":{"a":"5"}})",
                 "application/apply-patch+yaml")
                .status,
            200);
  EXPECT_EQ(Send("PATCH", kMaps + "/applied?fieldManager=me", "data: {a: b}",
                 "application/apply-patch+yaml")
                .status,
            201);
  // list
  const Answer list = Send("GET", kMaps + "?limit=1");
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.body["kind"], "ConfigMapList");
  ASSERT_EQ(list.body["items"].size(), 1U);
  const Answer next = Send(
      "GET", kMaps + "?limit=1&continue=" + list.body["metadata"]["continue"].get<std::string>());
  ASSERT_EQ(next.body["items"].size(), 1U) << next.text;
  EXPECT_EQ(next.body["items"][0]["metadata"]["name"], "c");
  // status and scale
  const std::string app =
      R"({"metadata":{"name":"shop"},"spec":{"template":{"spec":{"containers":[
         {"name":"w","image":"i","ports":[{"containerPort":80}]}]}}}})";
  EXPECT_EQ(Send("POST", kApps, app).status, 201);
  EXPECT_EQ(Send("PATCH", kApps + "/shop/scale", R"({"spec":{"replicas":3}})",
                 "application/merge-patch+json")
                .body["spec"]["replicas"],
            3);
  EXPECT_EQ(Send("GET", kApps + "/shop/scale").body["kind"], "Scale");
  EXPECT_EQ(Send("PUT", kApps + "/shop/status", R"({"status":{"replicas":1}})").status, 200);
  EXPECT_EQ(Send("GET", kApps + "/shop").body["status"]["replicas"], 1);
  // delete
  const Answer deleting = Send("DELETE", kApps + "/shop");
  EXPECT_EQ(deleting.status, 200);
  EXPECT_TRUE(deleting.body["metadata"].contains("deletionTimestamp"));
  const Answer gone = Send("DELETE", kMaps + "/c", R"({"propagationPolicy":"Background"})");
  EXPECT_EQ(gone.body["status"], "Success") << gone.text;
  EXPECT_EQ(Send("DELETE", kMaps).status, 200);
  EXPECT_EQ(Send("GET", kMaps).body["items"].size(), 0U);
  // what is not there
  EXPECT_EQ(Send("GET", "/api/v1/nonsense").status, 404);
  EXPECT_EQ(Send("GET", "/nonsense").status, 404);
  EXPECT_EQ(Send("PUT", kMaps, Map("c")).status, 405);
  EXPECT_EQ(Send("GET", "/version").body["major"], "1");
}

TEST_P(Rest, LimitsOfABody) {
  const Answer big = Send("POST", kMaps, Map("big", std::string(1'000'000, 'x')));
  EXPECT_EQ(big.status, 201);
  EXPECT_EQ(Send("GET", kMaps + "/big").text.size(), big.text.size());
  EXPECT_EQ(Send("POST", kMaps, Map("more", std::string(2'000'000, 'x'))).status, 422);
  EXPECT_EQ(Send("POST", kMaps, std::string(kMaxBodyBytes + 1, ' ')).status, 413);
}

TEST_P(Rest, StrangersAreNotLetInOverTls) {
  if (!GetParam().tls) GTEST_SKIP() << "the socket lets everybody in who may open it";
  const Client stranger(port_, tls_);
  stranger.Send("GET " + kMaps + " HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
  const Answer answer = Parse(stranger.Read());
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.head, HasSubstr("WWW-Authenticate: Bearer"));
  EXPECT_EQ(answer.body["kind"], "Status");
  token_.back() = token_.back() == '0' ? '1' : '0';
  EXPECT_EQ(Send("GET", kMaps).status, 401);
}

TEST_P(Rest, WhatWasAcknowledgedIsThereAfterARestart) {
  if (!GetParam().sqlite) GTEST_SKIP() << "a store in memory";
  const Answer made = Send("POST", kMaps, Map("c"));
  const std::string version = made.body["metadata"]["resourceVersion"];
  EXPECT_EQ(Send("PUT", kMaps + "/c", Map("c", "2")).status, 200);
  End();
  Begin();
  EXPECT_EQ(Send("GET", kMaps + "/c").body["data"]["a"], "2");
  const auto watch = Watch(kMaps + "?watch=true&resourceVersion=" + version);
  EXPECT_THAT(watch->Read("MODIFIED"), HasSubstr("MODIFIED")) << "watches go on where they were";
}

TEST_P(Rest, TwoHundredWatchesAllGetAnEvent) {
  ASSERT_EQ(Send("POST", kMaps, Map("c")).status, 201);
  std::vector<std::unique_ptr<Client>> watches;
  for (int i = 0; i < 200; ++i) watches.push_back(Watch(kMaps + "?watch=true"));
  for (const auto& watch : watches) ASSERT_THAT(watch->Read("ADDED"), HasSubstr("ADDED"));
  ASSERT_EQ(Send("PUT", kMaps + "/c", Map("c", "the-change")).status, 200);
  for (const auto& watch : watches) {
    EXPECT_THAT(watch->Read("the-change"), HasSubstr("MODIFIED"));
  }
  ASSERT_EQ(Send("DELETE", kMaps + "/c").status, 200);
  for (const auto& watch : watches) EXPECT_THAT(watch->Read("DELETED"), HasSubstr("the-change"));
}

TEST_P(Rest, AClientThatStopsReadingHurtsNobody) {
  ASSERT_EQ(Send("POST", kMaps, Map("c")).status, 201);
  std::vector<std::unique_ptr<Client>> asleep;
  for (int i = 0; i < 3; ++i) {
    asleep.push_back(Connect());
    asleep.back()->KeepLittle();
    asleep.back()->Send(Request("GET", kMaps + "?watch=true", "", ""));
  }
  const auto awake = Watch(kMaps + "?watch=true");
  EXPECT_THAT(awake->Read("ADDED"), HasSubstr("ADDED"));
  const std::string big(100'000, 'x');
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(Send("PUT", kMaps + "/c", Map("c", "n" + std::to_string(i) + "-" + big)).status, 200);
    EXPECT_THAT(awake->Read("n" + std::to_string(i) + "-"), HasSubstr("MODIFIED")) << i;
  }
  EXPECT_EQ(Send("GET", kMaps + "/c").status, 200);
  // They go on where they were when they wake up; over TCP with so little room that takes its time.
  const std::string last = GetParam().tls ? "n2-" : "n39-";
  const std::string all = asleep[0]->Read(last);
  EXPECT_THAT(all, HasSubstr("n0-"));
  EXPECT_THAT(all, HasSubstr("n1-"));
  EXPECT_THAT(all, HasSubstr(last));
}

TEST_P(Rest, AWatchEndsWhenItsTimeIsOver) {
  const auto watch = Watch(kMaps + "?watch=true&timeoutSeconds=1");
  EXPECT_THAT(watch->Read("0\r\n\r\n"), HasSubstr("0\r\n\r\n")) << "well, so that clients go on";
}

TEST_P(Rest, StoppingEndsWatches) {
  const auto watch = Watch(kMaps + "?watch=true");
  ASSERT_EQ(Send("POST", kMaps, Map("c")).status, 201);
  EXPECT_THAT(watch->Read("ADDED"), HasSubstr("ADDED"));
  server_->Stop();
  EXPECT_THAT(watch->Read(), Not(HasSubstr("ERROR")));
}

}  // namespace
}  // namespace ballast::apiserver
