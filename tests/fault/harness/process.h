// Child processes for the fault and end-to-end tests: run a command and read what it says, or start
// one and kill it. Test-only; not thread-safe.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace ballast::fault {

struct CommandResult {
  int exit_code = -1;
  std::string output;  // stdout and stderr
};

// Runs argv[0] with arguments; no shell. Waits for its end.
CommandResult Run(const std::vector<std::string>& argv);
// As Run, but throws std::runtime_error with the output when it fails.
std::string MustRun(const std::vector<std::string>& argv);

// A child that is started, signalled and waited for by its pid. Killed when destroyed.
class Child {
 public:
  Child() = default;
  Child(const std::vector<std::string>& argv, const std::string& log_file);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool Running();
  void Signal(int signal) const;
  // Waits; returns the exit status as waitpid gives it.
  int Wait();
  void Kill();  // SIGKILL and Wait

 private:
  pid_t pid_ = -1;
};

// Polls until `done` or the deadline; true when done. The only waiting that tests do.
bool Eventually(const std::function<bool()>& done, std::chrono::milliseconds deadline,
                std::chrono::milliseconds every = std::chrono::milliseconds(20));

// Lets a load run for a while: what is measured needs time to be measured in.
void RunFor(std::chrono::milliseconds duration);

// A TCP port that nobody listens on now.
int FreePort();

}  // namespace ballast::fault
