// Ballast's own certificate authority in a directory: makes it when it is missing, gives the server
// its certificate, and issues client certificates. Whoever can read the directory is an
// administrator. A value: what was loaded, immutable, any thread; controller/cmd owns it and loads
// it anew (once a day is plenty) to have the server's certificate renewed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/status.h"
#include "controller/apiserver/http_server.h"
#include "controller/apiserver/x509.h"
#include "reconcilers/ports/clock.h"

namespace ballast::apiserver {

class TlsFiles {
 public:
  static constexpr std::chrono::days kAuthorityLife{3650};
  static constexpr std::chrono::days kServerLife{365};
  static constexpr std::chrono::days kRenewBefore{30};

  // `directory` (0700) holds ca.crt, ca.key, server.crt and server.key (keys 0600). What is missing
  // is made; the server's certificate is also made anew when less than 30 days of it are left or
  // its time has not come, when it is not valid for one of `hosts` (names and IP addresses;
  // localhost, 127.0.0.1, ::1 and the name of this machine are always added), or when it is of
  // another CA. What others may read or write, or what cannot be understood, is refused, and the
  // message says what to do. Several processes may load at once; one after the other writes.
  [[nodiscard]] static Result<TlsFiles> Load(const std::string& directory,
                                             const std::vector<std::string>& hosts,
                                             const reconcilers::Clock& clock);

  // What a client needs to trust the server.
  [[nodiscard]] const std::string& authority() const { return authority_.certificate; }
  // For ListenTls and SetCertificate; clients are asked for a certificate of this CA.
  [[nodiscard]] const TlsOptions& server() const { return server_; }
  // Whether Load made a new certificate for the server.
  [[nodiscard]] bool renewed() const { return renewed_; }

  // CN = `user`, O = `groups`. Ends with the CA at the latest.
  [[nodiscard]] Result<KeyPair> IssueClient(const std::string& user,
                                            const std::vector<std::string>& groups,
                                            std::chrono::seconds life,
                                            const reconcilers::Clock& clock) const;

 private:
  TlsFiles() = default;

  KeyPair authority_;
  TlsOptions server_;
  bool renewed_ = false;
};

}  // namespace ballast::apiserver
