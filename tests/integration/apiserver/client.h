// A client that can be as rude as it likes: raw bytes over a unix, TCP or TLS connection. Blocks,
// but never for ever. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace ballast::apiserver {

inline constexpr std::chrono::seconds kLong{20};  // never reached unless something is broken

// What a client shows and expects of the other side.
struct ClientTls {
  std::string authority;    // PEM; trusted
  std::string certificate;  // PEM; may be empty
  std::string key;
  int max_version = 0;    // 0: any
  std::string protocols;  // for ALPN, as on the wire: "\x02h2\x08http/1.1"
};

class Client {
 public:
  explicit Client(const std::string& path);  // unix
  explicit Client(std::uint16_t port);       // 127.0.0.1
  Client(std::uint16_t port, const ClientTls& tls);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Including the handshake.
  [[nodiscard]] bool connected() const { return connected_; }
  // False: the server takes no more.
  bool Send(const std::string& text) const;
  // Until the server closes (or, with `enough`, that was read).
  std::string Read(const std::string& enough = "") const;
  // At least so many bytes, unless the server closes.
  std::string ReadBytes(std::size_t count) const;
  // The server has closed, and said so: with TLS, by a close_notify.
  [[nodiscard]] bool EndedWell() const;
  void EndWriting() const;
  // Tells the kernel to keep little of what was not read yet. Before anything comes.
  void KeepLittle() const;
  [[nodiscard]] int fd() const { return fd_; }

  // With TLS.
  [[nodiscard]] std::string protocol() const;
  [[nodiscard]] std::string ServerCertificate() const;  // its serial number, in hexadecimal

 private:
  struct Tls;
  // 0: closed; -1: nothing for now.
  int Receive(char* data, int size) const;

  int fd_ = -1;
  bool connected_ = false;
  std::unique_ptr<Tls> tls_;
};

}  // namespace ballast::apiserver
