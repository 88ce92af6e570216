// HTTPS from Secrets on the real HAProxy: SNI, HTTP/2, redirects, certificates that change while
// connections are open, users, and who can read the files.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "reconcilers/haproxy/certificate.h"
#include "tests/fault/loadgen/load.h"
#include "tests/integration/dataplane/live.h"
#include "tests/integration/dataplane/tls_client.h"

namespace ballast::live {
namespace {

using fakes::MakeCertificate;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class Tls : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped()) return;
    port = FreePort();
    spec.listeners[0].redirect_to_https = true;
    spec.listeners.push_back({.name = "https",
                              .port = port,
                              .protocol = "HTTPS",
                              .tls_secrets = {{"default", "shop-tls"}, {"default", "blog-tls"}}});
    secrets.PutTls("shop-tls", shop);
    secrets.PutTls("blog-tls", MakeCertificate({"blog.test", "*.blog.test"}));
  }
  // curl of this host over HTTPS; `arguments` may say more. The body, then the status.
  std::string Curl(const std::string& path, const std::string& arguments = "",
                   const std::string& host = "shop.test") {
    return Shell(
        fmt::format("curl -sk --max-time 5 --resolve {0}:{1}:127.0.0.1 {2} "
                    "-w '\n%{{http_version}} %{{http_code}}' https://{0}:{1}{3} || true",
                    host, port, arguments, path));
  }
  [[nodiscard]] std::string NameShown(const std::string& server_name) const {
    return TlsClient(port, server_name).name();
  }
  int Worker() {
    const auto processes = planes->Open({"lb", 1, ""})->Processes();
    EXPECT_TRUE(processes);
    for (const auto& process : *processes) {
      if (!process.old) return process.pid;
    }
    return 0;
  }
  std::string File(const std::string& name) {
    std::stringstream text;
    text << std::ifstream(root + "/lb/lb/1/" + name).rdbuf();
    return text.str();
  }

  std::uint16_t port = 0;
  const fakes::MadeCertificate shop = MakeCertificate({"shop.test"});
};

TEST_F(Tls, ChoosesByNameAndSpeaksHttp2) {
  App a("a");
  static_cast<void>(Publish("shop", {a.endpoint()}));
  static_cast<void>(Publish("blog", {a.endpoint()}));
  ASSERT_TRUE(Until([&] { return NameShown("shop.test") == "shop.test"; }))
      << Condition("Available") << Condition("Degraded");
  Settle();
  EXPECT_EQ(NameShown("blog.test"), "blog.test");
  EXPECT_EQ(NameShown("x.blog.test"), "blog.test");
  EXPECT_EQ(NameShown("unknown.test"), "shop.test");
  EXPECT_EQ(NameShown(""), "shop.test");
  // TLS 1.2 and 1.3, nothing older.
  EXPECT_EQ(TlsClient(port, "shop.test", TLS1_2_VERSION).name(), "shop.test");
  EXPECT_EQ(TlsClient(port, "shop.test", TLS1_1_VERSION).name(), "");

  EXPECT_THAT(Curl("/", "--http2"), testing::EndsWith("\n2 200"));
  EXPECT_THAT(Curl("/", "--http1.1"), testing::EndsWith("\n1.1 200"));
  std::string headers = Curl("/headers", "--http2 -H 'X-Forwarded-Proto: http'");
  std::ranges::transform(headers, headers.begin(), [](unsigned char c) { return std::tolower(c); });
  EXPECT_THAT(headers, HasSubstr(R"("x-forwarded-proto","https")"));
  EXPECT_THAT(headers, HasSubstr(fmt::format(R"("x-forwarded-port","{}")", port)));
  EXPECT_THAT(headers, HasSubstr(fmt::format(R"("x-forwarded-host","shop.test:{}")", port)));

  // The other listener sends everybody here, whatever port they came by.
  const std::string redirect = Shell(
      fmt::format("curl -si -X POST -H 'Host: shop.test:{0}' 'http://127.0.0.1:{0}/a/b?c=d%20e&f'",
                  spec.listeners[0].port));
  EXPECT_THAT(redirect, StartsWith("HTTP/1.1 308 "));
  EXPECT_THAT(redirect,
              HasSubstr(fmt::format("location: https://shop.test:{}/a/b?c=d%20e&f", port)));

  spec.listeners[1].http2 = false;
  ASSERT_TRUE(Until([&] { return Curl("/", "--http2").ends_with("\n1.1 200"); }));
  EXPECT_THAT(Condition("CertificatesReady"), IsEmpty());
}

TEST_F(Tls, ChangedCertificateWithoutAReload) {
  App a("a");
  static_cast<void>(Publish("shop", {a.endpoint()}));
  ASSERT_TRUE(Until([&] { return NameShown("shop.test") == "shop.test"; }))
      << Condition("Degraded");
  Settle();
  const int reloads = Status().reloads;
  const int worker = Worker();
  TlsClient before(port, "shop.test");
  ASSERT_EQ(before.Get("shop.test", "/"), 200);

  const fakes::MadeCertificate next = MakeCertificate({"shop.test"});
  secrets.PutTls("shop-tls", next);
  ASSERT_TRUE(Until([&] { return TlsClient(port, "shop.test").serial() != before.serial(); }));
  EXPECT_EQ(before.Get("shop.test", "/"), 200);  // the same connection
  EXPECT_EQ(Worker(), worker);
  Settle();
  EXPECT_EQ(Status().reloads, reloads);
  EXPECT_EQ(Status().drift_repaired, 0);
  EXPECT_EQ(File("certs/default_shop-tls.pem"), next.certificate + next.key);
  EXPECT_TRUE(events.Has("CertificateChanged"));
  const std::string serial = TlsClient(port, "shop.test").serial();

  // Another key than the certificate's: said, and what was good stays.
  const fakes::MadeCertificate other = MakeCertificate({"shop.test"});
  secrets.PutTls("shop-tls", {other.certificate, shop.key});
  ASSERT_TRUE(Until([&] {
    return Condition("CertificatesReady").find("not the key of tls.crt") != std::string::npos;
  }));
  EXPECT_EQ(TlsClient(port, "shop.test").serial(), serial);
  EXPECT_THAT(Condition("Degraded"), HasSubstr("the last good one is served"));

  // A restart and a reload come back to the same.
  Shell("docker kill " + Containers().front());
  ASSERT_TRUE(Until([&] { return TlsClient(port, "shop.test").serial() == serial; }));
  App b("b");
  static_cast<void>(Publish("other", {b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Curl("/", "", "other.test").ends_with(" 200"); }));
  EXPECT_EQ(TlsClient(port, "shop.test").serial(), serial);
  // A controller that starts anew, while the Secret is gone.
  secrets.secrets.erase("shop-tls");
  Restart();
  static_cast<void>(Publish("shop", {a.endpoint()}));
  static_cast<void>(Publish("other", {b.endpoint()}));
  Settle();
  EXPECT_EQ(TlsClient(port, "shop.test").serial(), serial);
  EXPECT_EQ(Status().reloads, 0);
}

// What is set reaches workers before the last reload as well, and what HAProxy itself refuses is
// put away.
TEST_F(Tls, OldWorkersAndRefusals) {
  App a("a");
  static_cast<void>(Publish("shop", {a.endpoint()}));
  ASSERT_TRUE(Until([&] { return NameShown("shop.test") == "shop.test"; }))
      << Condition("Degraded");
  Settle();
  TlsClient open(port, "shop.test");
  ASSERT_EQ(open.Get("shop.test", "/"), 200);
  // A request that is on its way keeps the worker.
  std::thread request([&] { EXPECT_EQ(open.Get("shop.test", "/work?ms=4000"), 200); });
  ::poll(nullptr, 0, 300);
  App b("b");
  static_cast<void>(Publish("other", {b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Curl("/", "", "other.test").ends_with(" 200"); }));
  const auto plane = planes->Open({"lb", 1, ""});
  const auto shown = [&] {
    const auto replies = plane->OldWorkers("show ssl cert /etc/haproxy/certs/default_shop-tls.pem");
    return replies && !replies->empty() ? replies->front() : "";
  };
  const std::string before = shown();
  ASSERT_THAT(before, HasSubstr("SHA1 FingerPrint"));
  const fakes::MadeCertificate next = MakeCertificate({"shop.test"});
  secrets.PutTls("shop-tls", next);
  const std::string fingerprint =
      reconcilers::haproxy::ReadCertificate(next.certificate, next.key)->fingerprint;
  EXPECT_TRUE(Until([&] { return shown().find(fingerprint) != std::string::npos; })) << shown();
  request.join();
  // A transaction that somebody left open is replaced.
  ASSERT_TRUE(plane->Commands(
      {"set ssl cert /etc/haproxy/certs/default_shop-tls.pem <<\n" + shop.certificate + shop.key}));
  const fakes::MadeCertificate last = MakeCertificate({"shop.test"});
  const std::string serial = TlsClient(port, "shop.test").serial();
  secrets.PutTls("shop-tls", last);
  EXPECT_TRUE(Until([&] { return TlsClient(port, "shop.test").serial() != serial; }));
  EXPECT_THAT(Condition("CertificatesReady"), IsEmpty());
  // One that is as large as a command can be, by the runtime API, and a larger one.
  const std::string ca =
      MakeCertificate(std::vector<std::string>(30, std::string(60, 'a') + ".test")).certificate;
  fakes::MadeCertificate large = MakeCertificate({"shop.test"});
  while (large.certificate.size() + large.key.size() + ca.size() < 15'000) large.certificate += ca;
  Settle();
  int reloads = Status().reloads;
  secrets.PutTls("shop-tls", large);
  ASSERT_TRUE(
      Until([&] { return File("certs/default_shop-tls.pem") == large.certificate + large.key; }));
  Settle();
  EXPECT_EQ(Status().reloads, reloads) << Condition("CertificatesReady");
  large.certificate += ca;
  secrets.PutTls("shop-tls", large);
  ASSERT_TRUE(
      Until([&] { return File("certs/default_shop-tls.pem") == large.certificate + large.key; }));
  Settle();
  EXPECT_EQ(Status().reloads, reloads + 1);
  EXPECT_EQ(NameShown("shop.test"), "shop.test");
}

TEST_F(Tls, ComesWithItsFirstCertificateAndKeysStayPrivate) {
  App a("a");
  secrets.secrets.clear();
  spec.listeners[0].redirect_to_https = false;
  static_cast<void>(Publish("shop", {a.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  Settle();
  EXPECT_THAT(Condition("CertificatesReady"), AllOf(HasSubstr("listener https is left out"),
                                                    HasSubstr("kubectl create secret tls")));
  loadgen::Load load({.port = spec.listeners[0].port, .host = "shop.test", .rate = 100});
  load.Start();
  secrets.PutTls("shop-tls", shop);
  ASSERT_TRUE(Until([&] { return NameShown("shop.test") == "shop.test"; }));
  secrets.PutTls("blog-tls", MakeCertificate({"blog.test"}));
  ASSERT_TRUE(Until([&] { return NameShown("blog.test") == "blog.test"; }));
  const loadgen::Report report = load.Stop();
  EXPECT_EQ(report.failed, 0U) << report.Details();
  Settle();
  const std::string key = shop.key.substr(shop.key.find('\n') + 1, 40);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root + "/lb/lb/1")) {
    const bool check = entry.path().string().find("/.check") != std::string::npos;
    if (!entry.is_regular_file()) continue;
    EXPECT_FALSE(check) << entry.path();
    EXPECT_EQ(entry.status().permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << entry.path();
    if (entry.path().extension() == ".pem") continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    EXPECT_THAT(text.str(), Not(HasSubstr(key))) << entry.path();
  }
  EXPECT_EQ(std::filesystem::status(root + "/lb/lb/1/certs").permissions(),
            std::filesystem::perms::owner_all);
  EXPECT_THAT(Shell("docker logs " + Containers().front()), Not(HasSubstr(key)));
  EXPECT_THAT(Shell("docker inspect " + Containers().front()), Not(HasSubstr(key)));
  // Taken off the listener, its file goes.
  spec.listeners[1].tls_secrets.pop_back();
  ASSERT_TRUE(Until([&] { return NameShown("blog.test") == "shop.test"; }));
  Settle();
  EXPECT_FALSE(std::filesystem::exists(root + "/lb/lb/1/certs/default_blog-tls.pem"));
}

TEST_F(Tls, AsksForUsers) {
  App a("a");
  api::Traffic traffic;
  traffic.basic_auth_secret = "users";
  spec.stats_auth = api::NamespacedName{"default", "admins"};
  static_cast<void>(Publish("shop", {a.endpoint()}, {}, traffic));
  static_cast<void>(Publish("open", {a.endpoint()}));
  // Without the Secret nobody is let in, and only there.
  ASSERT_TRUE(Until([&] { return Curl("/", "-u alice:x").ends_with(" 503"); })) << Curl("/");
  EXPECT_THAT(Curl("/", "", "open.test"), testing::EndsWith(" 200"));
  const std::string stats = fmt::format("http://127.0.0.1:{}/", spec.stats_port);
  EXPECT_EQ(Shell("curl -s -o /dev/null -w '%{http_code}' " + stats), "503");

  secrets.PutUser("users", "alice", "it's $5; \"quoted\" 100%");
  secrets.Put("admins", "Opaque",
              {{"auth", "root:" + Shell("openssl passwd -6 -salt abc secret") + "\n"}});
  ASSERT_TRUE(Until([&] { return Curl("/").ends_with(" 401"); }));
  EXPECT_THAT(Curl("/", "-i"), HasSubstr("www-authenticate: Basic realm=\"default/shop\""));
  EXPECT_THAT(Curl("/", "-u alice:wrong"), testing::EndsWith(" 401"));
  const std::string good = "-u 'alice:it'\\''s $5; \"quoted\" 100%'";
  EXPECT_THAT(Curl("/", good), testing::EndsWith(" 200"));
  EXPECT_THAT(Curl("/", good + " --http2"), testing::EndsWith("\n2 200"));
  EXPECT_THAT(Curl("/", "", "open.test"), testing::EndsWith(" 200"));
  EXPECT_EQ(Shell("curl -s -o /dev/null -w '%{http_code}' " + stats), "401");
  EXPECT_EQ(Shell("curl -s -o /dev/null -w '%{http_code}' -u root:secret " + stats), "200");
  EXPECT_THAT(File("haproxy.cfg"), Not(HasSubstr("quoted")));
  EXPECT_THAT(File("ballast.json"), Not(HasSubstr("$6$")));
  EXPECT_THAT(Shell("ss -ltn"), HasSubstr(fmt::format("0.0.0.0:{}", spec.stats_port)));

  // bcrypt, a hash of "password", as htpasswd -B writes it.
  secrets.Put("users", "Opaque",
              {{"auth", "bob:$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe\n"}});
  ASSERT_TRUE(Until([&] { return Curl("/", "-u bob:password").ends_with(" 200"); }));
  EXPECT_THAT(Curl("/", good), testing::EndsWith(" 401"));
  // Gone: nobody.
  secrets.secrets.erase("users");
  ASSERT_TRUE(Until([&] { return Curl("/", "-u bob:password").ends_with(" 503"); }));
}

// The port that is published is the one that the app is told.
TEST_F(Tls, Bridged) {
  spec.host_network = false;
  const std::string network = owner + "-net";
  ASSERT_TRUE(engine->CreateNetwork({.name = network}));
  const auto id = engine->CreateContainer(
      {.name = owner + "-app",
       .image = kImage,
       .entrypoint = {"sh", "-c"},
       .cmd = {"printf 'defaults\\n mode http\\n timeout client 5s\\nfrontend f\\n bind *:8080\\n "
               "http-request return status 200 content-type text/plain lf-string "
               "\"%%[req.hdr(X-Forwarded-Proto)] %%[req.hdr(X-Forwarded-Port)]\"\\n' > /tmp/c && "
               "exec haproxy -db -f /tmp/c"},
       .labels = {{api::kLabelOwner, owner}},
       .network_mode = network});
  ASSERT_TRUE(id) << id.error().message;
  ASSERT_TRUE(engine->StartContainer(*id));
  const auto info = engine->InspectContainer(*id);
  ASSERT_TRUE(info);
  const reconcilers::Endpoint server{.server = "a",
                                     .container_id = *id,
                                     .address = info->networks.at(network),
                                     .port = 8080,
                                     .network = network};
  static_cast<void>(Publish("shop", {server}));
  ASSERT_TRUE(Until([&] {
    static_cast<void>(Publish("shop", {server}));
    return Curl("/") == fmt::format("https {}\n2 200", port);
  })) << Curl("/")
      << Condition("Available") << Condition("Degraded");
  Settle();
  const int worker = Worker();
  const std::string serial = TlsClient(port, "shop.test").serial();
  secrets.PutTls("shop-tls", MakeCertificate({"shop.test"}));
  ASSERT_TRUE(Until([&] { return TlsClient(port, "shop.test").serial() != serial; }));
  EXPECT_EQ(Worker(), worker);
}

}  // namespace
}  // namespace ballast::live
