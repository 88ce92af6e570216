#include "tests/integration/apiserver/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace ballast::apiserver {

struct Client::Tls {
  ~Tls() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
};

namespace {

constexpr int kPoll = 100;  // milliseconds

BIO* Bio(const std::string& pem) {
  return BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
}

void Trust(SSL_CTX* context, const std::string& pem) {
  BIO* bio = Bio(pem);
  X509* ca = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  if (ca != nullptr) X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
  X509_free(ca);
  BIO_free(bio);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

void Show(SSL_CTX* context, const ClientTls& tls) {
  BIO* bio = Bio(tls.certificate);
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  bio = Bio(tls.key);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  EXPECT_EQ(SSL_CTX_use_certificate(context, certificate), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key), 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace

Client::Client(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  connected_ = fd_ >= 0 && connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

Client::Client(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected_ = fd_ >= 0 && connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

Client::Client(std::uint16_t port, const ClientTls& tls) : Client(port) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  const timeval patience{.tv_sec = kLong.count(), .tv_usec = 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  tls_ = std::make_unique<Tls>();
  tls_->context = SSL_CTX_new(TLS_client_method());
  if (tls.max_version != 0) {
    SSL_CTX_set_max_proto_version(tls_->context, tls.max_version);
    SSL_CTX_set_min_proto_version(tls_->context, tls.max_version);
    SSL_CTX_set_security_level(tls_->context, 0);
  }
  Trust(tls_->context, tls.authority);
  if (!tls.certificate.empty()) Show(tls_->context, tls);
  tls_->ssl = SSL_new(tls_->context);
  SSL_set_fd(tls_->ssl, fd_);
  SSL_set1_host(tls_->ssl, "localhost");
  if (!tls.protocols.empty()) {
    SSL_set_alpn_protos(tls_->ssl, reinterpret_cast<const unsigned char*>(tls.protocols.data()),
                        static_cast<unsigned>(tls.protocols.size()));
  }
  connected_ = SSL_connect(tls_->ssl) == 1;
}

Client::~Client() {
  tls_.reset();
  close(fd_);
}

bool Client::Send(const std::string& text) const {
  if (tls_ != nullptr) {
    return text.empty() || SSL_write(tls_->ssl, text.data(), static_cast<int>(text.size())) > 0;
  }
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t n = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

int Client::Receive(char* data, int size) const {
  if (tls_ == nullptr || SSL_has_pending(tls_->ssl) == 0) {
    pollfd poll_fd{fd_, POLLIN, 0};
    if (poll(&poll_fd, 1, kPoll) <= 0) return -1;
  }
  if (tls_ != nullptr) {
    const int n = SSL_read(tls_->ssl, data, size);
    return n > 0 ? n : 0;
  }
  const ssize_t n = recv(fd_, data, static_cast<std::size_t>(size), 0);
  return n > 0 ? static_cast<int>(n) : 0;
}

std::string Client::Read(const std::string& enough) const {
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  std::array<char, 16384> buffer{};
  while (std::chrono::steady_clock::now() < deadline) {
    const int n = Receive(buffer.data(), buffer.size());
    if (n < 0) continue;
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (!enough.empty() && text.find(enough) != std::string::npos) return text;
  }
  ADD_FAILURE() << "the server neither answered nor closed; there came: " << text.substr(0, 1000);
  return text;
}

std::string Client::ReadBytes(std::size_t count) const {
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  std::array<char, 16384> buffer{};
  while (text.size() < count && std::chrono::steady_clock::now() < deadline) {
    const int n = Receive(buffer.data(), buffer.size());
    if (n == 0) break;
    if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text;
}

bool Client::EndedWell() const {
  char byte = 0;
  if (tls_ == nullptr) return recv(fd_, &byte, 1, 0) == 0;
  return SSL_get_error(tls_->ssl, SSL_read(tls_->ssl, &byte, 1)) == SSL_ERROR_ZERO_RETURN;
}

void Client::EndWriting() const { shutdown(fd_, SHUT_WR); }

void Client::KeepLittle() const {
  const int little = 4096;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
}

std::string Client::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(tls_->ssl, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string Client::ServerCertificate() const {
  X509* certificate = SSL_get1_peer_certificate(tls_->ssl);
  if (certificate == nullptr) return "";
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* text = BN_bn2hex(number);
  std::string serial = text;
  OPENSSL_free(text);
  BN_free(number);
  X509_free(certificate);
  return serial;
}

}  // namespace ballast::apiserver
