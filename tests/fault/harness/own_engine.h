// A Docker Engine of the test's own, beside the machine's: it can be restarted without
// hurting anybody else. Images are copied from the machine's engine. Test-only; one thread.
#pragma once

#include <string>
#include <vector>

#include "tests/fault/harness/process.h"

namespace ballast::fault {

class OwnEngine {
 public:
  explicit OwnEngine(const std::string& directory);
  ~OwnEngine();

  void Start();  // and waits until it answers; throws when it does not
  void Stop();   // SIGTERM: stops its containers
  void Kill();   // SIGKILL: they run on until the next Start
  void CopyImages(const std::vector<std::string>& images);

  [[nodiscard]] std::string socket() const { return directory_ + "/docker.sock"; }

 private:
  const std::string directory_;
  const std::string bridge_;
  // Not dockerd's child, as on a machine with systemd: it outlives a dockerd that is killed.
  Child containerd_;
  Child dockerd_;
};

// A unix socket in front of another one, whose connections can be cut and refused.
class SocketProxy {
 public:
  SocketProxy(std::string path, std::string upstream);
  ~SocketProxy();
  SocketProxy(const SocketProxy&) = delete;
  SocketProxy& operator=(const SocketProxy&) = delete;

  void Cut();      // all open connections, and refuses new ones
  void Restore();  // takes connections again

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace ballast::fault
