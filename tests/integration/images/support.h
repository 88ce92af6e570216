// For the tests of the images: processes, ports and plain HTTP, all blocking, for one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ballast::images {

// Runs a shell command; its standard output and error without the last newline. A failing command
// fails the test unless `may_fail`.
std::string Shell(const std::string& command, bool may_fail = false);

std::uint16_t FreePort();

// Tries until it holds, every 10 ms; false after 30 s, which no healthy machine needs.
bool Eventually(const std::function<bool()>& holds);

// Sends the bytes to 127.0.0.1, returns what comes until the peer closes. Empty if nobody listens.
std::string Exchange(std::uint16_t port, const std::string& bytes);
// One request with `Connection: close`; the status of its answer, 0 when there is none.
int Status(std::uint16_t port, const std::string& method, const std::string& target,
           const std::string& body = "");

// The sample web app as a process of this host; killed at the end of the test.
class Hello {
 public:
  // Waits until it listens.
  explicit Hello(std::vector<std::string> arguments = {});
  ~Hello();
  Hello(const Hello&) = delete;
  Hello& operator=(const Hello&) = delete;

  std::uint16_t port() const { return port_; }
  void Signal(int signal) const;
  // Waits for its end; the exit code, or 1000 + the signal that ended it.
  int Wait();

 private:
  std::uint16_t port_;
  pid_t pid_ = -1;
};

}  // namespace ballast::images
