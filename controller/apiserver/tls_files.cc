#include "controller/apiserver/tls_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "controller/apiserver/private_files.h"
#include "controller/apiserver/x509.h"

namespace ballast::apiserver {
namespace {

using std::chrono::days;

// Clocks of clients may be behind.
constexpr std::chrono::hours kBackDated{1};

struct Paths {
  explicit Paths(const std::string& directory)
      : authority(directory + "/ca.crt"),
        authority_key(directory + "/ca.key"),
        server(directory + "/server.crt"),
        server_key(directory + "/server.key") {}
  std::string authority;
  std::string authority_key;
  std::string server;
  std::string server_key;
};

// What one has to do about a CA that is of no use, for better or worse.
std::string NewAuthority(const Paths& paths) {
  return fmt::format(
      "bring back {} and {} from a backup, or remove both for a new CA (every kubeconfig and "
      "client certificate must then be made again)",
      paths.authority, paths.authority_key);
}

std::unexpected<Status> Refuse(const std::string& what, const std::string& next_step) {
  return Error(Code::kFailedPrecondition, what + "; " + next_step);
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

bool IsHostName(const std::string& text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

// All that the server answers to, as a certificate has it.
Result<std::vector<std::string>> AllHosts(const std::vector<std::string>& wanted) {
  std::set<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  for (const std::string& host : wanted) {
    const std::string ip = FormatIp(host);
    const std::string name = ip.empty() ? Lower(host) : ip;
    if (ip.empty() && !IsHostName(name)) {
      return Error(Code::kInvalidArgument,
                   fmt::format("\"{}\" is neither a host name nor an IP address", host));
    }
    // "All addresses" is none that a client could ask for.
    if (name != "0.0.0.0" && name != "::") hosts.insert(name);
  }
  std::array<char, 256> machine{};
  if (gethostname(machine.data(), machine.size() - 1) == 0) {
    const std::string name = Lower(machine.data());
    if (IsHostName(name)) hosts.insert(name);
  }
  return std::vector<std::string>(hosts.begin(), hosts.end());
}

Result<KeyPair> MakeAuthority(const Paths& paths, const std::optional<std::string>& kept,
                              api::Time now) {
  KeyPair made;
  if (kept) {
    made.key = *kept;  // a crash came between key and certificate
  } else {
    auto key = NewKey();
    if (!key) return std::unexpected(key.error());
    made.key = std::move(*key);
    if (auto written = WritePrivate(paths.authority_key, made.key, 0600); !written) {
      return std::unexpected(written.error());
    }
  }
  auto certificate =
      Sign({.use = CertificateUse::kAuthority,
            // With the time: two CAs of the same name confuse those who check.
            .common_name = fmt::format("Ballast CA {}", std::chrono::system_clock::to_time_t(now)),
            .not_before = now - kBackDated,
            .not_after = now + TlsFiles::kAuthorityLife},
           made.key, nullptr);
  if (!certificate) {
    return Refuse(fmt::format("{}: {}", paths.authority_key, certificate.error().message),
                  NewAuthority(paths));
  }
  made.certificate = std::move(*certificate);
  if (auto written = WritePrivate(paths.authority, made.certificate, 0644); !written) {
    return std::unexpected(written.error());
  }
  return made;
}

Result<KeyPair> LoadAuthority(const Paths& paths, api::Time now) {
  auto certificate = ReadPrivate(paths.authority, Secrecy::kPublic);
  if (!certificate) return std::unexpected(certificate.error());
  auto key = ReadPrivate(paths.authority_key, Secrecy::kSecret);
  if (!key) return std::unexpected(key.error());
  if (!certificate->has_value()) return MakeAuthority(paths, *key, now);
  if (!key->has_value()) {
    return Refuse(
        fmt::format("{} is there, but not its key {}", paths.authority, paths.authority_key),
        NewAuthority(paths));
  }
  KeyPair pair{.certificate = std::move(**certificate), .key = std::move(**key)};
  if (auto checked = CheckPair(pair); !checked) {
    return Refuse(
        fmt::format("{} and {}: {}", paths.authority, paths.authority_key, checked.error().message),
        NewAuthority(paths));
  }
  const auto info = Inspect(pair.certificate);
  if (!info) return std::unexpected(info.error());
  if (!info->authority) {
    return Refuse(paths.authority + " is not the certificate of a CA", NewAuthority(paths));
  }
  if (now < info->not_before) {
    return Refuse(fmt::format("the CA {} counts only from {:%F %T} UTC on", paths.authority,
                              fmt::gmtime(info->not_before)),
                  "check the clock; if it was wrong when the CA was made: " + NewAuthority(paths));
  }
  if (info->not_after <= now) {
    return Refuse(fmt::format("the CA {} has expired on {:%F}", paths.authority,
                              fmt::gmtime(info->not_after)),
                  "check the clock; if it is right: " + NewAuthority(paths));
  }
  return pair;
}

// Null: a new one is needed.
Result<std::optional<KeyPair>> LoadServer(const Paths& paths, const KeyPair& authority,
                                          const std::vector<std::string>& hosts, api::Time now) {
  auto certificate = ReadPrivate(paths.server, Secrecy::kPublic);
  if (!certificate) return std::unexpected(certificate.error());
  auto key = ReadPrivate(paths.server_key, Secrecy::kSecret);
  if (!key) return std::unexpected(key.error());
  if (!certificate->has_value() || !key->has_value()) return std::nullopt;
  KeyPair pair{.certificate = std::move(**certificate), .key = std::move(**key)};
  const auto info = Inspect(pair.certificate);
  if (!info || !IsKey(pair.key)) {
    const std::string& wrong = info ? paths.server_key : paths.server;
    return Refuse(
        wrong + " cannot be understood",
        fmt::format("remove {} and {}: they will be made again", paths.server, paths.server_key));
  }
  const bool complete = std::ranges::all_of(hosts, [&](const std::string& host) {
    return std::ranges::find(info->hosts, host) != info->hosts.end();
  });
  // From the future: the clock has been put right. Halves of two pairs: a crash came between them.
  if (!complete || now < info->not_before || info->not_after - now < TlsFiles::kRenewBefore ||
      !CheckPair(pair) || !IsSignedBy(pair.certificate, authority.certificate)) {
    return std::nullopt;
  }
  return pair;
}

Result<KeyPair> MakeServer(const Paths& paths, const KeyPair& authority,
                           const std::vector<std::string>& hosts, api::Time now) {
  const auto end = Inspect(authority.certificate);
  if (!end) return std::unexpected(end.error());
  auto key = NewKey();
  if (!key) return std::unexpected(key.error());
  auto certificate = Sign({.use = CertificateUse::kServer,
                           .common_name = "ballast",
                           .hosts = hosts,
                           .not_before = now - kBackDated,
                           .not_after = std::min(now + TlsFiles::kServerLife, end->not_after)},
                          *key, &authority);
  if (!certificate) return std::unexpected(certificate.error());
  KeyPair made{.certificate = std::move(*certificate), .key = std::move(*key)};
  if (auto written = WritePrivate(paths.server_key, made.key, 0600); !written) {
    return std::unexpected(written.error());
  }
  if (auto written = WritePrivate(paths.server, made.certificate, 0644); !written) {
    return std::unexpected(written.error());
  }
  return made;
}

}  // namespace

Result<TlsFiles> TlsFiles::Load(const std::string& directory, const std::vector<std::string>& hosts,
                                const reconcilers::Clock& clock) {
  const Paths paths(directory);
  const api::Time now = clock.WallNow();
  const auto all_hosts = AllHosts(hosts);
  if (!all_hosts) return std::unexpected(all_hosts.error());
  const auto locked = LockPrivateDirectory(directory);
  if (!locked) return std::unexpected(locked.error());
  TlsFiles files;
  auto authority = LoadAuthority(paths, now);
  if (!authority) return std::unexpected(authority.error());
  files.authority_ = std::move(*authority);
  auto kept = LoadServer(paths, files.authority_, *all_hosts, now);
  if (!kept) return std::unexpected(kept.error());
  if (!kept->has_value()) {
    auto made = MakeServer(paths, files.authority_, *all_hosts, now);
    if (!made) return std::unexpected(made.error());
    *kept = std::move(*made);
    files.renewed_ = true;
  }
  files.server_ = {.certificate_chain = std::move((*kept)->certificate),
                   .key = std::move((*kept)->key),
                   .client_ca = files.authority_.certificate};
  return files;
}

Result<KeyPair> TlsFiles::IssueClient(const std::string& user,
                                      const std::vector<std::string>& groups,
                                      std::chrono::seconds life,
                                      const reconcilers::Clock& clock) const {
  const auto end = Inspect(authority_.certificate);
  if (!end) return std::unexpected(end.error());
  auto key = NewKey();
  if (!key) return std::unexpected(key.error());
  const api::Time now = clock.WallNow();
  auto certificate = Sign({.use = CertificateUse::kClient,
                           .common_name = user,
                           .organizations = groups,
                           .not_before = now - kBackDated,
                           .not_after = std::min<api::Time>(now + life, end->not_after)},
                          *key, &authority_);
  if (!certificate) return std::unexpected(certificate.error());
  return KeyPair{.certificate = std::move(*certificate), .key = std::move(*key)};
}

}  // namespace ballast::apiserver
