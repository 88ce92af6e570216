// What is read of TLS Secrets and of users, what is refused, and that no message holds a value.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/haproxy/certificate.h"
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/haproxy/users.h"
#include "tests/fakes/certificates.h"
#include "tests/golden/haproxy/models.h"

namespace ballast::reconcilers::haproxy {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(CertificateTest, IsWrittenAnew) {
  const fakes::MadeCertificate own = fakes::MakeCertificate({"a.test", "*.b.test"});
  const fakes::MadeCertificate ca = fakes::MakeCertificate({"ca.test"});
  const auto read = ReadCertificate(
      "subject=a\n\n" + own.certificate + "\n\nissuer; del ssl cert\n" + ca.certificate, own.key);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->pem, own.certificate + ca.certificate + own.key);
  EXPECT_THAT(read->names, ElementsAre("a.test", "*.b.test"));
  EXPECT_EQ(read->fingerprint.size(), 40U);
  EXPECT_GT(read->not_after, read->not_before);
  const auto again = ReadCertificateFile(read->pem);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->pem, read->pem);
  EXPECT_EQ(again->fingerprint, read->fingerprint);
}

TEST(CertificateTest, RefusedInWordsThatHoldNoKey) {
  const fakes::MadeCertificate own = fakes::MakeCertificate({"a.test"});
  const fakes::MadeCertificate other = fakes::MakeCertificate({"b.test"});
  const auto why = [](const std::string& chain, const std::string& key) {
    const auto read = ReadCertificate(chain, key);
    return read ? "read" : read.error().message;
  };
  EXPECT_THAT(why(own.certificate, other.key), HasSubstr("not the key of tls.crt"));
  EXPECT_THAT(why(other.certificate + own.certificate, own.key), HasSubstr("put its own first"));
  EXPECT_THAT(why("", own.key), HasSubstr("no certificate in PEM"));
  EXPECT_THAT(why(own.key, own.key), HasSubstr("no certificate in PEM"));
  EXPECT_THAT(why(own.certificate, own.certificate), HasSubstr("no private key in PEM"));
  EXPECT_THAT(why(own.certificate, own.key.substr(0, 80)),
              AllOf(HasSubstr("no private key"), Not(HasSubstr(own.key.substr(30, 20)))));
  EXPECT_THAT(why(own.certificate + own.certificate.substr(0, 100), own.key),
              HasSubstr("after its certificate number 1"));
  EXPECT_THAT(why(own.certificate, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
              HasSubstr("passphrase"));
}

TEST(CertificateTest, FileNames) {
  EXPECT_EQ(CertificateFile({"default", "shop-tls"}), "certs/default_shop-tls.pem");
  const std::string base(240, 'a');
  EXPECT_LT(CertificateFile({"default", base + "b"}).size(), 220U);
  EXPECT_NE(CertificateFile({"default", base + "b"}), CertificateFile({"default", base + "c"}));
}

api::Secret Secret(std::map<std::string, std::string> data) {
  api::Secret secret;
  secret.meta.name = "users";
  secret.data = std::move(data);
  return secret;
}
std::string Salt(std::string_view) { return "0123456789abcdef"; }

TEST(UsersTest, HashesAPlainPassword) {
  const auto users = ReadUsers(Secret({{"username", "alice"}, {"password", "a b'c"}}), Salt);
  ASSERT_TRUE(users) << users.error().message;
  ASSERT_EQ(users->size(), 1U);
  EXPECT_EQ(users->front().name, "alice");
  EXPECT_THAT(users->front().hash, StartsWith("$6$rounds=1000$0123456789abcdef$"));
  EXPECT_EQ(ReadUsersFile(UsersFile(*users)), users);
}

TEST(UsersTest, ReadsHtpasswd) {
  const std::string bcrypt = "$2y$05$" + std::string(53, 'a');
  const std::string sha = "$6$saltsalt$" + std::string(86, 'b');
  const auto users =
      ReadUsers(Secret({{"auth", "# x\nbob:" + bcrypt + "\r\nal ice:" + sha}}), Salt);
  ASSERT_TRUE(users) << users.error().message;
  EXPECT_THAT(*users, ElementsAre(User{"al ice", sha}, User{"bob", bcrypt}));
}

TEST(UsersTest, RefusedInWordsThatHoldNoValue) {
  const auto why = [](std::map<std::string, std::string> data) {
    const auto users = ReadUsers(Secret(std::move(data)), Salt);
    return users ? "read" : users.error().message;
  };
  EXPECT_THAT(why({}), HasSubstr("neither the keys"));
  EXPECT_THAT(why({{"username", "a"}}), HasSubstr("neither the keys"));
  EXPECT_THAT(why({{"username", "a\n"}, {"password", "x"}}), HasSubstr("line break"));
  EXPECT_THAT(why({{"username", "a'b"}, {"password", "x"}}),
              AllOf(HasSubstr("a quote"), Not(HasSubstr("a'b"))));
  EXPECT_THAT(why({{"username", "a"}, {"password", ""}}), HasSubstr("is empty"));
  EXPECT_THAT(why({{"username", "a"}, {"password", std::string("x\0y", 3)}}), HasSubstr("NUL"));
  EXPECT_THAT(why({{"username", "a"}, {"password", std::string(600, 'x')}}), HasSubstr("longer"));
  EXPECT_THAT(why({{"auth", "bob:secret"}}),
              AllOf(HasSubstr("line 1"), HasSubstr("not hashed"), Not(HasSubstr("secret"))));
  EXPECT_THAT(why({{"auth", "bob:$apr1$x$y"}}), HasSubstr("htpasswd -nbB"));
  EXPECT_THAT(why({{"auth", "bob:$2y$05$short"}}), HasSubstr("damaged"));
  EXPECT_THAT(why({{"auth", "bob:$6$salt$short"}}), HasSubstr("damaged"));
  EXPECT_THAT(why({{"auth", "bob:$2y$14$" + std::string(53, 'a')}}), HasSubstr("too long"));
  EXPECT_THAT(why({{"auth", "bob:$6$rounds=900000$s$" + std::string(86, 'a')}}),
              HasSubstr("too long"));
  EXPECT_THAT(why({{"auth", "justapassword"}}),
              AllOf(HasSubstr("not NAME:HASH"), Not(HasSubstr("justapassword"))));
  EXPECT_THAT(why({{"auth", "\n# \n"}}), HasSubstr("no user"));
}

TEST(RepliesTest, CertificateThatRuns) {
  EXPECT_EQ(ParseCertificate("Filename: /x.pem\nStatus: Used\nSerial: 5C\nSHA1 FingerPrint: "
                             "E2B565CBE8CEBA912346FA28EF51D71F05D97B99\nSubject: /CN=a.test\n"),
            "E2B565CBE8CEBA912346FA28EF51D71F05D97B99");
  EXPECT_EQ(ParseCertificate("Can't display the certificate: Not found or the certificate is a "
                             "bundle!\n")
                .error()
                .code,
            Code::kNotFound);
  EXPECT_EQ(
      ParseCertificate("Filename: /x.pem\nStatus: Unused\nSHA1 FingerPrint: E2\n").error().code,
      Code::kNotFound);
  EXPECT_EQ(ParseCertificate("what\n").error().code, Code::kInternal);
}

TEST(RepliesTest, HidesWhatIsSecret) {
  const fakes::MadeCertificate made = fakes::MakeCertificate({"a.test"});
  EXPECT_EQ(HideSecrets("user 'bob' password '$6$rounds=1000$abc$def/.9' is not supported"),
            "user 'bob' password '(hidden)' is not supported");
  const std::string line = made.key.substr(made.key.find('\n') + 1, 64);
  EXPECT_THAT(HideSecrets("bad " + line + " end"),
              AllOf(StartsWith("bad "), EndsWith(" end"), Not(HasSubstr(line.substr(0, 20)))));
  const std::string plain =
      "parsing [/etc/haproxy/haproxy.cfg:23] : unknown keyword 'bogus' in 'backend' section; "
      "/etc/haproxy/certs/averyveryveryveryveryveryveryveryveryveryverylongname.pem $5 ${X}";
  EXPECT_EQ(HideSecrets(plain), plain);
}

}  // namespace
}  // namespace ballast::reconcilers::haproxy
