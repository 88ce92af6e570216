// Port: one running HAProxy (one load balancer instance). No path and no socket appears above it,
// so that an instance on another node fits behind it. Implemented by controller/haproxy. All calls
// block, are serialised by the caller (one LoadBalancer's lock; Check alone may run beside the
// others), never throw.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/status.h"

namespace ballast::reconcilers {

// The files of one configuration, by name relative to the instance's configuration directory:
// "haproxy.cfg", "maps/http-prefix.map", ...
using ConfigFiles = std::map<std::string, std::string>;

// One process of `show proc`.
struct WorkerProcess {
  int pid = 0;
  bool old = false;  // serves what it had when it was replaced, takes nothing new
  int reloads = 0;
};

class DataPlane {
 public:
  virtual ~DataPlane() = default;

  // Runs commands on the current worker's admin socket, in order, and returns one reply each,
  // without the closing empty line. A command may carry a payload ("add map @1 f <<\n...\n").
  // Unavailable when nobody answers, or when another process may answer than before (HAProxy was
  // restarted, or reloaded by somebody else): then nobody knows how many of them ran. The next call
  // connects anew.
  virtual Result<std::vector<std::string>> Commands(const std::vector<std::string>& commands) = 0;

  // Runs one command on every old worker (they finish connections of earlier configurations).
  virtual Result<std::vector<std::string>> OldWorkers(std::string_view command) = 0;
  // Runs one command on one worker, by its process id of Processes().
  virtual Result<std::string> OnWorker(int pid, std::string_view command) = 0;
  virtual Result<std::vector<WorkerProcess>> Processes() = 0;

  // Writes the files so that the next start or reload uses them: temporary file + rename each,
  // haproxy.cfg last. Files of an earlier configuration that are not named are removed.
  virtual Result<void> Publish(const ConfigFiles& files) = 0;

  // The text of one published file; NotFound. Works while HAProxy is away.
  virtual Result<std::string> ReadFile(const std::string& name) = 0;

  // Runs the instance's own `haproxy -c` over the files, without publishing them. InvalidArgument
  // with HAProxy's own lines when it refuses them.
  virtual Result<void> Check(const ConfigFiles& files) = 0;

  // Saves counters and server states to their files, then reloads over the master socket. On
  // success the new worker answers Commands already. InvalidArgument with HAProxy's reasons when
  // the new worker was refused: the old one goes on serving.
  virtual Result<void> Reload() = 0;
};

}  // namespace ballast::reconcilers
