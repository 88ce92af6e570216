// A TLS client of one connection that says what it was shown. Blocking, with a deadline on reads.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

namespace ballast::live {

class TlsClient {
 public:
  // Connects to the loopback and shakes hands; name() is empty when that failed.
  TlsClient(std::uint16_t port, const std::string& server_name, int max_version = TLS1_3_VERSION);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  [[nodiscard]] std::string name() const;    // the certificate's common name
  [[nodiscard]] std::string serial() const;  // and its serial number
  // The status of a GET on this connection, which stays open; 0: no answer.
  int Get(const std::string& host, const std::string& path);

 private:
  int fd_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
};

}  // namespace ballast::live
