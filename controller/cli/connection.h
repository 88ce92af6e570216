// The way to the API server, as commands see it: whole answers, and streams that go on until one of
// both sides ends them. client.h has the real one. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::cli {

struct HttpCall {
  std::string method = "GET";
  std::string target;  // path and query, encoded
  std::string body;
  std::string content_type;
  std::string accept = "application/json";
};

struct Reply {
  int status = 0;
  std::string body;
  std::string warning;  // the header

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

struct Stream {
  HttpCall call;
  // Pieces of the body as they arrive, of an answer that is ok; false ends the stream.
  std::function<bool(std::string_view piece)> on_data;
  // Once. The body is there only of an answer that is not ok. An error: it broke off.
  std::function<void(const Result<Reply>& reply)> on_end;
};

class Connection {
 public:
  Connection() = default;
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Waits for the whole answer. Unavailable when nobody answers, with what to do next; Cancelled
  // after Ctrl-C.
  [[nodiscard]] virtual Result<Reply> Send(const HttpCall& call) = 0;

  // Begins with the next Run; may be called from callbacks.
  virtual void Open(Stream stream) = 0;
  // Calls `then` once, during Run, which goes on until then.
  virtual void After(std::chrono::milliseconds delay, std::function<void()> then) = 0;
  // Lets streams go on until none is left and nothing waits in After, or Stop. Timeout after
  // `limit`, Cancelled after Ctrl-C; all streams are closed then, without on_end.
  [[nodiscard]] virtual Result<void> Run(std::optional<std::chrono::milliseconds> limit) = 0;
  // Ends Run, from a callback.
  virtual void Stop() = 0;
};

}  // namespace ballast::cli
