// Gives each replica an address on Ballast's network, and keeps a freed one unused for ten minutes:
// no configuration file, retry or late packet that still names it can reach another app. Owner:
// controller/cmd; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/ports/address_journal.h"
#include "reconcilers/ports/clock.h"

namespace ballast::reconcilers {

// An IPv4 network, "172.30.0.0/16".
struct Cidr {
  std::uint32_t base = 0;  // host byte order
  int prefix = 0;
  [[nodiscard]] std::uint32_t size() const { return prefix == 0 ? 0 : 1U << (32 - prefix); }
  [[nodiscard]] bool Overlaps(const Cidr& other) const;
  [[nodiscard]] std::string ToString() const;
  bool operator==(const Cidr&) const = default;
};
[[nodiscard]] std::optional<Cidr> ParseCidr(const std::string& text);
[[nodiscard]] std::optional<std::uint32_t> ParseIpv4(const std::string& text);
[[nodiscard]] std::string FormatIpv4(std::uint32_t address);

class AddressPool {
 public:
  static constexpr std::chrono::minutes kQuarantine{10};

  AddressPool(const Clock& clock, AddressJournal& journal) : clock_(clock), journal_(journal) {}

  // The network's subnet; Docker itself hands out addresses of its first quarter (DockerRange), the
  // pool those behind. Equal to the one before: nothing happens.
  void SetSubnet(const Cidr& subnet);
  [[nodiscard]] static Cidr DockerRange(const Cidr& subnet);

  // Seen on a container (dead ones too), or named by a load balancer: in use.
  void Use(const std::string& address);
  // A free address. FailedPrecondition when none is left.
  Result<std::string> Allocate();
  // Its container is gone; quarantined from now.
  void Release(const std::string& address);

 private:
  Result<void> LoadOnce();  // with mutex_ held

  const Clock& clock_;
  AddressJournal& journal_;
  std::mutex mutex_;
  std::optional<Cidr> subnet_;              // guarded by mutex_
  std::set<std::uint32_t> used_;            // guarded by mutex_
  std::map<std::string, api::Time> freed_;  // guarded by mutex_
  bool loaded_ = false;                     // guarded by mutex_
  std::uint32_t cursor_ = 0;                // guarded by mutex_; the next to try, offset in subnet
};

}  // namespace ballast::reconcilers
