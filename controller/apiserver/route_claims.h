// Which web app has which route, which load balancer which port, which autoscaler which web app:
// what two objects must not both have. A claim is made before the write and taken back when it
// fails, so that of two writers at the same time one is refused. Until a write is done its object
// holds both what it had and what it wants. Owned by Registry. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/codec.h"

namespace ballast::apiserver {

class RouteClaims {
 public:
  // Of one write that is under way. Unless it is kept, its end gives back what it wanted.
  class Claim {
   public:
    Claim(RouteClaims& claims, std::string owner, std::vector<std::string> wants)
        : claims_(claims), owner_(std::move(owner)), wants_(std::move(wants)) {}
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    // The write was done and got this revision: what the object had before it no longer holds.
    void Keep(std::uint64_t revision);

   private:
    RouteClaims& claims_;
    const std::string owner_;
    const std::vector<std::string> wants_;
    bool kept_ = false;
  };

  // Claims for the object what it wants from now on; errors name the fields that others have.
  [[nodiscard]] std::expected<std::shared_ptr<Claim>, std::vector<api::FieldError>> Take(
      const api::Object& object);
  // The name of the Autoscaler that has this web app as its target; empty: none.
  [[nodiscard]] std::string AutoscalerOf(const std::string& ns, const std::string& webapp) const;
  // Of an object that is gone since `revision`.
  void Release(const api::ObjectKey& key, std::uint64_t revision);

 private:
  struct Holder {
    std::string owner;
    int times = 0;  // by what is stored, and by each write that is under way
  };
  struct Stored {
    std::uint64_t revision = 0;
    std::vector<std::string> held;
  };
  // All with mutex_ held.
  void Hold(const std::string& owner, const std::vector<std::string>& list);
  void GiveBack(const std::vector<std::string>& list);
  // False: something newer is known already.
  bool Replace(const std::string& owner, std::uint64_t revision, std::vector<std::string> held);

  mutable std::mutex mutex_;
  std::map<std::string, Holder> holders_;  // of each route and port; guarded by mutex_
  std::map<std::string, Stored> stored_;   // by owner; guarded by mutex_
};

}  // namespace ballast::apiserver
