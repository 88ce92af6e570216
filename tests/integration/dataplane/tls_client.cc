#include "tests/integration/dataplane/tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace ballast::live {

TlsClient::TlsClient(std::uint16_t port, const std::string& server_name, int max_version) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout{.tv_sec = 15, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
  context_ = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(context_, 0);  // what the server refuses shall be its own decision
  SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context_, max_version);
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, fd_);
  if (!server_name.empty()) SSL_set_tlsext_host_name(ssl_, server_name.c_str());
  connected_ = SSL_connect(ssl_) == 1;
}

TlsClient::~TlsClient() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  if (context_ != nullptr) SSL_CTX_free(context_);
  if (fd_ >= 0) ::close(fd_);
}

std::string TlsClient::name() const {
  if (!connected_) return "";
  X509* const certificate = SSL_get1_peer_certificate(ssl_);
  std::array<char, 256> text{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text.data(),
                            text.size());
  X509_free(certificate);
  return text.data();
}

std::string TlsClient::serial() const {
  if (!connected_) return "";
  X509* const certificate = SSL_get1_peer_certificate(ssl_);
  BIGNUM* const number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* const text = BN_bn2hex(number);
  std::string result = text;
  OPENSSL_free(text);
  BN_free(number);
  X509_free(certificate);
  return result;
}

int TlsClient::Get(const std::string& host, const std::string& path) {
  if (!connected_) return 0;
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
  if (SSL_write(ssl_, request.data(), static_cast<int>(request.size())) <= 0) return 0;
  std::string reply;
  std::array<char, 4096> chunk{};
  std::size_t wanted = 0;
  while (wanted == 0 || reply.size() < wanted) {
    const int count = SSL_read(ssl_, chunk.data(), chunk.size());
    if (count <= 0) return 0;
    reply.append(chunk.data(), static_cast<std::size_t>(count));
    const std::size_t end = reply.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const std::size_t length = reply.find("ontent-");
    const std::size_t digits = reply.find("ength: ", length);
    const std::size_t body =
        digits == std::string::npos ? 0 : std::strtoul(reply.c_str() + digits + 7, nullptr, 10);
    wanted = end + 4 + body;
  }
  return std::atoi(reply.c_str() + 9);
}

}  // namespace ballast::live
