// Makes sure that Ballast's own network exists, with a subnet that Ballast chose, and tells the
// address pool about it. Any thread; Ensure blocks on Docker, so it is called from jobs only.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "reconcilers/ports/engine.h"
#include "reconcilers/webapp/address_pool.h"

namespace ballast::reconcilers {

struct NetworkOptions {
  std::string name = "ballast";
  std::string owner = "ballast";
  std::string subnet;  // --subnet; "" = the first free one of a list
  // Networks that the host reaches by other ways than Docker's (VPN, LAN, leftovers):
  // "10.8.0.0/16".
  std::vector<std::string> host_routes;
};

class ReplicaNetwork {
 public:
  ReplicaNetwork(Engine& engine, AddressPool& pool, NetworkOptions options)
      : engine_(engine), pool_(pool), options_(std::move(options)) {}

  // Idempotent and cheap once done; Reset makes the next call look again.
  Result<void> Ensure();
  void Reset();

  [[nodiscard]] const std::string& name() const { return options_.name; }

 private:
  Result<void> Adopt(const NetworkInfo& network);
  Result<void> Create();

  Engine& engine_;
  AddressPool& pool_;
  const NetworkOptions options_;
  std::mutex mutex_;
  bool done_ = false;  // guarded by mutex_
};

// The subnets to try, in order. Pure.
[[nodiscard]] std::vector<Cidr> CandidateSubnets(const std::vector<NetworkInfo>& taken);

}  // namespace ballast::reconcilers
