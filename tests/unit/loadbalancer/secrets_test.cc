// Certificates and users from Secrets over a HAProxy in memory: what is sent, what stays, what is
// said, and that no value gets anywhere else.
#include <algorithm>

#include "api/reasons.h"
#include "tests/unit/loadbalancer/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::hours;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr char kPath[] = "/etc/haproxy/certs/default_shop-tls.pem";

class SecretsTest : public World {
 protected:
  SecretsTest() {
    spec.listeners.push_back({.name = "https",
                              .port = 443,
                              .protocol = "HTTPS",
                              .tls_secrets = {{"default", "shop-tls"}, {"default", "blog-tls"}}});
    first = Make("shop.test");
    secrets.PutTls("shop-tls", first);
    secrets.PutTls("blog-tls", Make("blog.test"));
  }
  fakes::MadeCertificate Make(const std::string& name, int days = 90) {
    return fakes::MakeCertificate({name}, clock.WallNow() - hours(24),
                                  clock.WallNow() + hours(24 * days));
  }
  std::string Config() { return Haproxy().files.at("haproxy.cfg"); }
  std::string Problems() {
    std::string all;
    for (const std::string& problem : Lb().Report().secret_problems) all += problem + "\n";
    return all;
  }
  // Everything that people or other programs see.
  std::string Shown() {
    std::string all = Problems() + Lb().Report().refused + Lb().Report().waiting;
    for (const auto& event : events.Events()) all += event.message + "\n";
    if (Haproxy().files.contains("ballast.json")) all += Haproxy().files.at("ballast.json");
    return all;
  }
  void ExpectHidden(const fakes::MadeCertificate& made) {
    // A line from the middle of the key.
    const std::size_t line = made.key.find('\n') + 1;
    EXPECT_THAT(Shown(), Not(HasSubstr(made.key.substr(line, 30))));
  }

  fakes::MadeCertificate first;
};

TEST_F(SecretsTest, ServesHttpsWithItsCertificates) {
  const api::Time expiry = clock.WallNow() + hours(24 * 90);
  StartShop();
  EXPECT_THAT(Config(), HasSubstr("bind *:443 ssl crt-list /etc/haproxy/certs/https.list"));
  EXPECT_EQ(Haproxy().files.at("certs/https.list"),
            "/etc/haproxy/certs/default_shop-tls.pem\n/etc/haproxy/certs/default_blog-tls.pem\n");
  EXPECT_EQ(Haproxy().files.at("certs/default_shop-tls.pem"), first.certificate + first.key);
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_TRUE(Lb().Report().uses_certificates);
  EXPECT_EQ(metrics.Get("ballast_certificate_expiry_timestamp_seconds{load_balancer=default,"
                        "secret=default/shop-tls}"),
            static_cast<double>(std::chrono::system_clock::to_time_t(expiry)));
  ExpectHidden(first);
}

TEST_F(SecretsTest, ChangedCertificateTakesNoReload) {
  StartShop();
  const fakes::MadeCertificate second = Make("shop.test");
  secrets.PutTls("shop-tls", second);
  Haproxy().old_workers = 1;
  Settle();
  EXPECT_THAT(Haproxy().TakeWrites(), ElementsAre("set ssl cert " + std::string(kPath) + " <<\n" +
                                                      second.certificate + second.key,
                                                  "commit ssl cert " + std::string(kPath)));
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_EQ(Haproxy().certificates.at(kPath), second.certificate + second.key);
  EXPECT_EQ(Haproxy().files.at("certs/default_shop-tls.pem"), second.certificate + second.key);
  EXPECT_TRUE(events.Has(api::reason::kCertificateChanged));
  ExpectHidden(second);
  // And then nothing more.
  Settle();
  clock.Advance(std::chrono::seconds(11));
  Settle();
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
}

TEST_F(SecretsTest, BadOnesAreSaidAndTheLastGoodOneStays) {
  StartShop();
  const auto stays = [&](const std::string& why) {
    Settle();
    EXPECT_THAT(Problems(), AllOf(HasSubstr("default/shop-tls"), HasSubstr(why),
                                  HasSubstr("the last good one is served")));
    EXPECT_EQ(Haproxy().certificates.at(kPath), first.certificate + first.key);
    EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
    EXPECT_TRUE(events.Has(api::reason::kCertificateInvalid));
    EXPECT_THAT(events.Events(), SizeIs(1));
    events.Clear();
  };
  const fakes::MadeCertificate other = Make("shop.test");
  secrets.PutTls("shop-tls", {first.certificate, other.key});
  stays("tls.key is not the key of tls.crt");
  ExpectHidden(other);
  secrets.Put("shop-tls", "Opaque", {{"tls.crt", other.certificate}, {"tls.key", other.key}});
  stays("is of type Opaque");
  secrets.PutTls("shop-tls", Make("shop.test", 0));
  stays("expired on");
  secrets.PutTls("shop-tls", {"nonsense", other.key});
  stays("no certificate in PEM");
  secrets.secrets.erase("shop-tls");
  stays("is not there: `kubectl create secret tls shop-tls");
  // Nobody can say: nothing is said.
  secrets.PutTls("shop-tls", first);
  Settle();
  events.Clear();
  secrets.away = true;
  Settle();
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
}

TEST_F(SecretsTest, ListenerWithoutAnyIsLeftOutAndComesLater) {
  const auto blog = secrets.secrets.at("blog-tls");
  secrets.secrets.clear();
  StartShop();
  EXPECT_THAT(Config(), AllOf(HasSubstr("frontend http\n"), Not(HasSubstr("frontend https\n"))));
  EXPECT_THAT(Problems(), HasSubstr("listener https is left out"));
  secrets.secrets["blog-tls"] = blog;
  Settle();
  EXPECT_THAT(Config(), HasSubstr("frontend https\n"));
  EXPECT_EQ(Haproxy().files.at("certs/https.list"), "/etc/haproxy/certs/default_blog-tls.pem\n");
  EXPECT_THAT(Problems(), AllOf(HasSubstr("default/shop-tls is not there"),
                                HasSubstr("it is not served"), Not(HasSubstr("left out"))));
  EXPECT_EQ(Haproxy().reloads, 1);
}

TEST_F(SecretsTest, RefusedByHaproxyStaysAsItWasAndBlocksNobody) {
  StartShop();
  Haproxy().FailNext("commit ssl cert", "inconsistencies between ...\nCan't commit it!\n");
  const fakes::MadeCertificate second = Make("shop.test");
  secrets.PutTls("shop-tls", second);
  secrets.PutTls("blog-tls", Make("blog.test"));
  Settle();
  // The first in order was refused; the transaction is put away, the other one is set.
  EXPECT_THAT(Haproxy().TakeWrites(),
              ElementsAre(StartsWith("set ssl cert /etc/haproxy/certs/default_blog-tls.pem"),
                          StartsWith("commit "), StartsWith("abort "),
                          StartsWith("set ssl cert /etc/haproxy/certs/default_shop-tls.pem"),
                          StartsWith("commit ")));
  EXPECT_THAT(Problems(), AllOf(HasSubstr("default/blog-tls: HAProxy refuses it"),
                                HasSubstr("the last good one is served")));
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_THAT(Haproxy().transactions, IsEmpty());
  ExpectHidden(second);
}

TEST_F(SecretsTest, UnknownReplyIsNoSuccess) {
  StartShop();
  Haproxy().FailNext("set ssl cert", "Transaction perhaps created\n");
  const fakes::MadeCertificate second = Make("shop.test");
  secrets.PutTls("shop-tls", second);
  Settle();
  EXPECT_EQ(Haproxy().certificates.at(kPath), first.certificate + first.key);
  EXPECT_THAT(Problems(), HasSubstr("Transaction perhaps created"));
  EXPECT_EQ(Haproxy().files.at("certs/default_shop-tls.pem"), first.certificate + first.key);
  ExpectHidden(second);
}

TEST_F(SecretsTest, OneThatTheCheckRefusesDoesNotKeepTheOthersFromAReload) {
  StartHaproxy();
  Haproxy().check_result = Status{Code::kInvalidArgument,
                                  "unable to load certificate " + std::string(kPath) + ": too odd"};
  Lb().SetSpec(spec);
  desired.Add("shop", {{.host = "shop.test"}});
  static_cast<void>(manager->Publish(Spec("shop", {Ep("a", 1)})));
  clock.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(Lb().Tick().reload_due);
  static_cast<void>(Lb().Reload());
  Haproxy().check_result.reset();
  Settle();
  EXPECT_EQ(Haproxy().files.at("certs/https.list"), "/etc/haproxy/certs/default_blog-tls.pem\n");
  EXPECT_THAT(Problems(), AllOf(HasSubstr("too odd"), HasSubstr("it is not served")));
}

TEST_F(SecretsTest, RestartOfTheControllerKeepsWhatRuns) {
  StartShop();
  Restart();
  secrets.away = true;
  static_cast<void>(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2)})));
  Settle();
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
  EXPECT_EQ(Haproxy().published, 0);
  EXPECT_EQ(Haproxy().reloads, 0);
  // The Secret is gone now, and HAProxy starts again: it still has the certificate.
  secrets.away = false;
  secrets.secrets.erase("shop-tls");
  Settle();
  EXPECT_TRUE(Haproxy().Start());
  Settle();
  EXPECT_EQ(Haproxy().certificates.at(kPath), first.certificate + first.key);
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_THAT(Problems(), HasSubstr("the last good one is served"));
}

TEST_F(SecretsTest, CertificateThatSomebodyElseSetIsPutBack) {
  StartShop();
  const fakes::MadeCertificate other = Make("shop.test");
  Haproxy().certificates[kPath] = other.certificate + other.key;
  clock.Advance(LoadBalancerTraffic::kDriftInterval);
  Settle();
  EXPECT_EQ(Haproxy().certificates.at(kPath), first.certificate + first.key);
  EXPECT_EQ(Lb().Report().drift_repaired, 1);
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(SecretsTest, SaysThatItExpires) {
  secrets.PutTls("shop-tls", Make("shop.test", 15));
  StartShop();
  EXPECT_THAT(Lb().Report().expiring, IsEmpty());
  clock.Advance(hours(25));
  Settle();
  EXPECT_THAT(Lb().Report().expiring,
              ElementsAre("Secret default/shop-tls: the certificate expires on 2026-01-16 00:00 "
                          "UTC: renew it"));
  EXPECT_TRUE(events.Has(api::reason::kCertificateExpiring));
  EXPECT_THAT(Problems(), IsEmpty());
  // Expired: it is served all the same, and that is said.
  clock.Advance(hours(24 * 15));
  Settle();
  EXPECT_THAT(Problems(), AllOf(HasSubstr("expired on"), HasSubstr("it is served all the same")));
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
}

TEST_F(SecretsTest, LargeOneNeedsAReload) {
  StartShop();
  fakes::MadeCertificate chain = Make("shop.test");
  std::vector<std::string> names;
  for (char c = 'a'; c <= 'p'; ++c) names.push_back(std::string(60, c) + ".test");
  const std::string ca =
      fakes::MakeCertificate(names, clock.WallNow(), clock.WallNow() + hours(100)).certificate;
  for (int i = 0; i < 5; ++i) chain.certificate += ca;
  secrets.PutTls("shop-tls", chain);
  Settle();
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_TRUE(Haproxy().certificates.at(kPath) == chain.certificate + chain.key);
  while (chain.certificate.size() <= haproxy::kMaxRuntimeCertificate) chain.certificate += ca;
  secrets.PutTls("shop-tls", chain);
  Settle();
  EXPECT_TRUE(Haproxy().certificates.at(kPath) == chain.certificate + chain.key);
  EXPECT_EQ(Haproxy().reloads, 1);
}

class BasicAuthTest : public SecretsTest {
 protected:
  BasicAuthTest() { spec.listeners.pop_back(); }
  BackendSpec Shop() {
    BackendSpec wish = Spec("shop", {Ep("a", 1), Ep("b", 2)});
    wish.traffic.basic_auth_secret = "users";
    return wish;
  }
  std::string Message() {
    const auto seen = manager->Observe(App("shop"), false);
    return seen ? (seen->settled ? "settled" : seen->message) : seen.error().message;
  }
};

TEST_F(BasicAuthTest, AsksForAUserAndHidesThePassword) {
  secrets.PutUser("users", "alice", "correct horse");
  StartShop();
  ASSERT_TRUE(manager->Publish(Shop()));
  Settle();
  EXPECT_THAT(Config(), AllOf(HasSubstr("userlist default_shop\n  user 'alice' password '$6$"),
                              HasSubstr("http-request auth realm 'default/shop' unless { "
                                        "http_auth(default_shop) }")));
  EXPECT_EQ(Message(), "settled");
  for (const auto& [name, text] : Haproxy().files)
    EXPECT_THAT(text, Not(HasSubstr("correct horse")));
  EXPECT_THAT(Haproxy().files.at("ballast.json"), Not(HasSubstr("$6$")));
  EXPECT_THAT(Shown(), Not(HasSubstr("correct horse")));
  // The same Secret is the same file.
  const std::string before = Config();
  Restart();
  ASSERT_TRUE(manager->Publish(Shop()));
  Settle();
  EXPECT_EQ(Config(), before);
  EXPECT_EQ(Haproxy().reloads, 1);
  // Another password is a reload.
  secrets.PutUser("users", "alice", "battery staple");
  Settle();
  EXPECT_NE(Config(), before);
  EXPECT_EQ(Haproxy().reloads, 2);
}

TEST_F(BasicAuthTest, WithoutTheSecretNobodyIsLetIn) {
  StartShop();
  static_cast<void>(manager->Publish(Shop()));
  Settle();
  EXPECT_THAT(Config(), AllOf(HasSubstr("http-request return status 503"),
                              Not(HasSubstr("http-request auth"))));
  EXPECT_THAT(Message(), AllOf(HasSubstr("503"), HasSubstr("default/users is not there")));
  EXPECT_TRUE(events.Has(api::reason::kBasicAuthUnusable));
  secrets.Put("users", "Opaque", {{"auth", "bob:plain"}});
  Settle();
  EXPECT_THAT(Message(), HasSubstr("not hashed"));
  EXPECT_THAT(Message(), Not(HasSubstr("plain")));
  enqueuer.Take();
  secrets.PutUser("users", "alice", "x");
  Settle();
  EXPECT_EQ(Message(), "settled");
  EXPECT_THAT(enqueuer.Take(), Contains(App("shop")));
  // Taken away again: out at once, whatever ran before.
  secrets.secrets.erase("users");
  Settle();
  EXPECT_THAT(Config(), HasSubstr("http-request return status 503"));
}

TEST_F(BasicAuthTest, StoreThatIsAwayChangesNothing) {
  secrets.PutUser("users", "alice", "x");
  StartShop();
  static_cast<void>(manager->Publish(Shop()));
  Settle();
  const std::string before = Config();
  Forget();
  Restart();
  secrets.away = true;
  static_cast<void>(manager->Publish(Shop()));
  Settle();
  static_cast<void>(manager->Publish(Shop()));
  Settle();
  EXPECT_EQ(Config(), before);
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(BasicAuthTest, StatsPageWithUsers) {
  spec.stats_auth = api::NamespacedName{"default", "stats"};
  StartShop();
  EXPECT_THAT(Config(), HasSubstr("frontend ballast.stats\n  bind *:1936\n"));
  EXPECT_THAT(Problems(), AllOf(HasSubstr("stats.auth"), HasSubstr("503")));
  secrets.PutUser("stats", "admin", "x");
  Settle();
  EXPECT_THAT(Config(), AllOf(HasSubstr("userlist ballast.stats\n  user 'admin' password '$6$"),
                              HasSubstr("unless { http_auth(ballast.stats) }")));
  EXPECT_THAT(Problems(), IsEmpty());
}

}  // namespace
}  // namespace ballast::reconcilers
