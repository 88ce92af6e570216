// A real HAProxy of the image ballast/haproxy, in a container on the host's network, for one test:
// directories of its own, removed with it by id.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reconcilers/haproxy/diff.h"
#include "reconcilers/haproxy/render.h"
#include "reconcilers/haproxy/replies.h"

namespace ballast::testing {

// Runs a shell command; its output with the exit code in `code`.
std::string Shell(const std::string& command, int& code);

class Instance {
 public:
  // Starts with these files and waits until the admin socket answers (ADD_FAILURE otherwise).
  explicit Instance(const reconcilers::ConfigFiles& files);
  explicit Instance(const reconcilers::haproxy::LoadBalancerModel& model);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  // One command on the admin socket of the current worker; without the closing empty line.
  [[nodiscard]] std::string Command(const std::string& text) const;
  // One command on each worker that was replaced and has not ended yet.
  [[nodiscard]] std::vector<std::string> OldWorkers(const std::string& text) const;
  // Runs them in order; every reply must be the expected one.
  void Run(const std::vector<reconcilers::haproxy::RuntimeCommand>& commands) const;

  void Publish(const reconcilers::ConfigFiles& files) const;
  // Saves counters and states, reloads, waits for the new worker.
  void Reload() const;

  [[nodiscard]] std::vector<reconcilers::haproxy::ServerStateRow> Servers() const;
  [[nodiscard]] std::optional<reconcilers::haproxy::ServerStateRow> Server(
      const std::string& backend, const std::string& server) const;
  // Keys and values of a map file, sorted.
  [[nodiscard]] std::vector<std::string> Map(const std::string& path) const;

 private:
  [[nodiscard]] std::string Ask(const std::string& socket, const std::string& text) const;
  void Start();

  std::string directory_;
  std::string id_;  // of the container
};

}  // namespace ballast::testing
