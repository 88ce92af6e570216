// The bytes of one connection, plain or encrypted, on a non-blocking socket that somebody else
// owns. No call waits: it says what to wait for. Internal to apiserver; one thread.
#pragma once

#include <cstddef>
#include <memory>

#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {

class Transport {
 public:
  enum class State {
    kDone,
    kReadable,  // again when the socket is readable
    kWritable,  // again when the socket is writable
    kClosed,    // by the other side, or broken
  };
  struct Outcome {
    State state = State::kDone;
    std::size_t bytes = 0;  // read or written; more than 0 when done
  };

  virtual ~Transport() = default;
  // Before anything else, again and again until kDone.
  virtual Outcome Handshake() = 0;
  // With room for a TLS record (16 KiB) nothing that arrived is left where a wait would not see it.
  virtual Outcome Read(char* data, std::size_t size) = 0;
  virtual Outcome Write(const char* data, std::size_t size) = 0;
  // Says that nothing more will be written, as far as that is possible without waiting.
  virtual void EndWriting() = 0;
  // Fills in what the handshake showed.
  virtual void Describe(Peer& peer) const = 0;
  // The other side speaks plain HTTP where TLS is expected (once the handshake has failed).
  [[nodiscard]] virtual bool PlainInsteadOfTls() const { return false; }
};

[[nodiscard]] std::unique_ptr<Transport> NewPlainTransport(int fd);

// recv and send without SIGPIPE, EINTR seen to.
[[nodiscard]] Transport::Outcome SocketRead(int fd, char* data, std::size_t size);
[[nodiscard]] Transport::Outcome SocketWrite(int fd, const char* data, std::size_t size);

}  // namespace ballast::apiserver
