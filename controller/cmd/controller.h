// The controller: every adapter is made here, once, and handed to those who need its port. Nothing
// else in the program knows two adapters. Owned by main; one thread calls it.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "api/status.h"
#include "controller/cmd/lock_file.h"
#include "controller/cmd/options.h"

namespace ballast::cmd {

// How a controller ended. kBusy: something did not end in time, and nothing that it uses may be
// destroyed: leave the process with _exit.
enum class Ending { kClean, kBusy };

class Controller {
 public:
  Controller(Options options, std::string version);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Runs until `stop` is requested. An error is a reason not to run at all, with what to do next.
  Result<Ending> Run(const std::stop_token& stop);

 private:
  struct Parts;

  Result<void> Prepare();
  // Reads what is stored, and lets what depends on it begin.
  Result<void> Load();
  Result<void> Serve();
  void Stop();
  // Asks until Docker answers; false when it is time to stop.
  Result<bool> AwaitDocker(const std::stop_token& stop);
  void EnqueueEverything();

  const Options options_;
  const std::string version_;
  LockFile lock_;  // released last
  std::unique_ptr<Parts> parts_;
};

}  // namespace ballast::cmd
