// What the sample web app is told from outside: environment variables, or flags of the same meaning
// (`--port=8081`), which win. Read once in main(); a plain value afterwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ballast::hello {

struct Options {
  std::string address = "0.0.0.0";           // HELLO_ADDRESS
  std::uint16_t port = 8080;                 // PORT
  std::string tag;                           // HELLO_TAG, e.g. the image's tag
  std::string version = "1";                 // HELLO_VERSION
  std::string prefix;                        // HELLO_PREFIX, a path the app lives under: /shop
  std::chrono::milliseconds start_delay{0};  // HELLO_START_DELAY_MS: listens only after
  std::chrono::milliseconds ready_after{0};  // HELLO_READY_AFTER_MS: /healthz is 503 until then
  bool graceful = false;                     // HELLO_GRACEFUL: SIGTERM lets requests finish
};

// Throws std::invalid_argument with a sentence for the user.
Options ParseOptions(int argc, char** argv);

}  // namespace ballast::hello
