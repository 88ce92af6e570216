// Bytes of a connection -> one request, with the limits on its size; pure, and made anew for each
// request. Internal to apiserver; one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {

struct RequestError {
  int status = 400;
  std::string text;
};

class RequestReader {
 public:
  RequestReader(std::size_t header_bytes, std::size_t body_bytes);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  enum class State {
    kMore,      // wants more bytes
    kContinue,  // the same, and the client waits to be told to go on ("Expect: 100-continue")
    kDone,
    kBad,  // see error(); the connection cannot be used any further
  };
  // Takes what belongs to this request away from the front of `input`; what it cannot use yet, and
  // what comes after the request, stays there. Not called again after kDone and kBad.
  State Feed(std::string& input);

  // What the body takes in memory so far.
  [[nodiscard]] std::size_t body_size() const;
  [[nodiscard]] const RequestError& error() const { return error_; }

  // Once the header is complete.
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool chunks() const;  // whether the client understands a chunked answer (HTTP/1.1)
  // After kDone, once. All but the peer.
  [[nodiscard]] HttpRequest Take();

 private:
  class Parser;

  State Fail(int status, std::string_view text);
  State OnHeader();

  const std::size_t header_bytes_;
  std::size_t header_used_ = 0;
  bool header_done_ = false;
  bool expects_ = false;
  std::unique_ptr<Parser> parser_;
  HttpRequest request_;  // all but the body
  RequestError error_;
};

}  // namespace ballast::apiserver
