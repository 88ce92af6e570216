#include "controller/apiserver/http_tls.h"

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "controller/apiserver/openssl_ptr.h"

namespace ballast::apiserver {

class TlsContext {
 public:
  explicit TlsContext(SslContextPtr context) : context_(std::move(context)) {}
  [[nodiscard]] SSL_CTX* get() const { return context_.get(); }

 private:
  SslContextPtr context_;
};

namespace {

using State = Transport::State;

// --- The socket, as OpenSSL wants to see it: its own kind would raise SIGPIPE.

int FdOf(BIO* bio) { return *static_cast<const int*>(BIO_get_data(bio)); }

int BioResult(BIO* bio, const Transport::Outcome& outcome) {
  BIO_clear_retry_flags(bio);
  if (outcome.state == State::kReadable) BIO_set_retry_read(bio);
  if (outcome.state == State::kWritable) BIO_set_retry_write(bio);
  if (outcome.state == State::kDone) return static_cast<int>(outcome.bytes);
  return outcome.state == State::kClosed ? 0 : -1;
}

int BioRead(BIO* bio, char* data, int size) {
  return BioResult(bio, SocketRead(FdOf(bio), data, static_cast<std::size_t>(size)));
}

int BioWrite(BIO* bio, const char* data, int size) {
  const auto outcome = SocketWrite(FdOf(bio), data, static_cast<std::size_t>(size));
  const int result = BioResult(bio, outcome);
  return result == 0 ? -1 : result;  // only reading has an end
}

// NOLINTNEXTLINE(google-runtime-int): OpenSSL's types
long BioControl(BIO* /*bio*/, int command, long /*number*/, void* /*data*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* SocketMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_read(made, BioRead);
    BIO_meth_set_write(made, BioWrite);
    BIO_meth_set_ctrl(made, BioControl);
    return made;
  }();
  return method;
}

// --- The context

int ChooseProtocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* length,
                   const unsigned char* offered, unsigned int offered_length, void* /*data*/) {
  static constexpr std::array<unsigned char, 9> kHttp1 = {8,   'h', 't', 't', 'p',
                                                          '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  const int result =
      SSL_select_next_proto(&found, length, kHttp1.data(), kHttp1.size(), offered, offered_length);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::unexpected<Status> Refuse(const std::string& what) {
  return Error(Code::kInvalidArgument, what + " (" + OpensslError() + ")");
}

Result<void> UseCertificate(SSL_CTX* context, const TlsOptions& options) {
  const BioPtr bio = ReadBio(options.certificate_chain);
  const CertificatePtr own = ReadCertificate(bio.get());
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) {
    return Refuse("the server's certificate is no PEM certificate that can be used");
  }
  while (CertificatePtr next = ReadCertificate(bio.get())) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1) {
      return Refuse("a certificate of the server's chain cannot be used");
    }
    static_cast<void>(next.release());  // the context's now
  }
  ERR_clear_error();
  const KeyPtr key = ReadKey(options.key);
  if (!key) return Refuse("the server's key is no PEM key, or is encrypted with a password");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return Refuse("the server's key does not belong to its certificate");
  }
  return {};
}

Result<void> AskClients(SSL_CTX* context, const std::string& pem) {
  if (pem.empty()) return {};
  const BioPtr bio = ReadBio(pem);
  int count = 0;
  while (const CertificatePtr ca = ReadCertificate(bio.get())) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()) != 1 ||
        SSL_CTX_add_client_CA(context, ca.get()) != 1) {
      return Refuse("a certificate of the clients' CA cannot be used");
    }
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return Error(Code::kInvalidArgument, "the clients' CA is no PEM certificate");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return {};
}

// --- What a certificate says

std::vector<std::string> Names(const X509_NAME* subject, int nid) {
  std::vector<std::string> names;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, nid, at)) >= 0;) {
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, value);
    if (size < 0) continue;
    names.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    // A name that other programs would see cut short is none.
    if (names.back().contains('\0')) names.pop_back();
  }
  return names;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(const TlsContext& context, int fd) : ssl_(SSL_new(context.get())), fd_(fd) {
    BIO* const bio = ssl_ ? BIO_new(SocketMethod()) : nullptr;
    if (bio == nullptr) {
      ssl_.reset();  // out of memory
      return;
    }
    BIO_set_data(bio, &fd_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_accept_state(ssl_.get());
  }

  Outcome Handshake() override {
    return Do([](SSL* ssl) { return SSL_do_handshake(ssl); });
  }
  Outcome Read(char* data, std::size_t size) override {
    return Do([=](SSL* ssl) { return SSL_read(ssl, data, static_cast<int>(size)); });
  }
  Outcome Write(const char* data, std::size_t size) override {
    return Do([=](SSL* ssl) { return SSL_write(ssl, data, static_cast<int>(size)); });
  }
  void EndWriting() override {
    if (ssl_ && !broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
      ERR_clear_error();
    }
    shutdown(fd_, SHUT_WR);
  }
  void Describe(Peer& peer) const override {
    const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return;
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const auto names = Names(subject, NID_commonName);
    if (names.size() != 1) return;  // whose it is must be clear
    peer.common_name = names[0];
    peer.organizations = Names(subject, NID_organizationName);
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1) {
      peer.certificate_end = std::chrono::system_clock::from_time_t(timegm(&end));
    }
  }
  [[nodiscard]] bool PlainInsteadOfTls() const override { return plain_; }

 private:
  template <typename Call>
  Outcome Do(Call call) {
    if (!ssl_ || broken_) return {.state = State::kClosed};
    ERR_clear_error();
    const int result = call(ssl_.get());
    if (result > 0) return {.bytes = static_cast<std::size_t>(result)};
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {.state = State::kReadable};
      case SSL_ERROR_WANT_WRITE:
        return {.state = State::kWritable};
      case SSL_ERROR_ZERO_RETURN:
        return {.state = State::kClosed};
      default:
        plain_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
        broken_ = true;
        ERR_clear_error();
        return {.state = State::kClosed};
    }
  }

  SslPtr ssl_;
  int fd_;
  bool broken_ = false;
  bool plain_ = false;
};

}  // namespace

Result<std::shared_ptr<const TlsContext>> NewTlsContext(const TlsOptions& options) {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    return Refuse("TLS cannot be set up");
  }
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // So that one read takes one record, whatever the client puts in between.
  SSL_CTX_clear_mode(raw, SSL_MODE_AUTO_RETRY);
  // No sessions to be resumed: each connection shows a certificate that is valid now.
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(raw, ChooseProtocol, nullptr);
  if (auto used = UseCertificate(raw, options); !used) return std::unexpected(used.error());
  if (auto asked = AskClients(raw, options.client_ca); !asked) {
    return std::unexpected(asked.error());
  }
  return std::make_shared<const TlsContext>(std::move(context));
}

std::unique_ptr<Transport> NewTlsTransport(const TlsContext& context, int fd) {
  return std::make_unique<TlsTransport>(context, fd);
}

}  // namespace ballast::apiserver
