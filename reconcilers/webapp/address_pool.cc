#include "reconcilers/webapp/address_pool.h"

#include <algorithm>
#include <charconv>

namespace ballast::reconcilers {

std::optional<std::uint32_t> ParseIpv4(const std::string& text) {
  std::uint32_t address = 0;
  const char* at = text.data();
  const char* end = at + text.size();
  for (int i = 0; i < 4; ++i) {
    unsigned octet = 0;
    const auto [next, error] = std::from_chars(at, end, octet);
    if (error != std::errc{} || octet > 255) return std::nullopt;
    address = (address << 8) | octet;
    at = next;
    if (i < 3) {
      if (at == end || *at != '.') return std::nullopt;
      ++at;
    }
  }
  return at == end ? std::optional(address) : std::nullopt;
}

std::string FormatIpv4(std::uint32_t address) {
  return std::to_string(address >> 24) + "." + std::to_string((address >> 16) & 255) + "." +
         std::to_string((address >> 8) & 255) + "." + std::to_string(address & 255);
}

std::optional<Cidr> ParseCidr(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto base = ParseIpv4(text.substr(0, slash));
  int prefix = 0;
  const char* begin = text.data() + slash + 1;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, prefix);
  if (!base || error != std::errc{} || rest != end || prefix < 1 || prefix > 32) {
    return std::nullopt;
  }
  const std::uint32_t mask = prefix == 32 ? ~0U : ~((1U << (32 - prefix)) - 1U);
  return Cidr{*base & mask, prefix};
}

std::string Cidr::ToString() const { return FormatIpv4(base) + "/" + std::to_string(prefix); }

bool Cidr::Overlaps(const Cidr& other) const {
  const int shift = 32 - std::min(prefix, other.prefix);
  return (std::uint64_t{base} >> shift) == (std::uint64_t{other.base} >> shift);
}

Cidr AddressPool::DockerRange(const Cidr& subnet) { return {subnet.base, subnet.prefix + 2}; }

void AddressPool::SetSubnet(const Cidr& subnet) {
  const std::lock_guard lock(mutex_);
  if (subnet_ == subnet) return;
  subnet_ = subnet;
  cursor_ = subnet.size() / 4;
}

void AddressPool::Use(const std::string& address) {
  const auto value = ParseIpv4(address);
  if (!value) return;
  const std::lock_guard lock(mutex_);
  // After a restart go on behind the highest one in use, where nothing was freed lately.
  if (used_.insert(*value).second && subnet_ && *value > subnet_->base &&
      *value - subnet_->base < subnet_->size() && *value - subnet_->base >= cursor_) {
    cursor_ = *value - subnet_->base + 1;
  }
}

Result<std::string> AddressPool::Allocate() {
  const std::lock_guard lock(mutex_);
  if (!subnet_) return Error(Code::kUnavailable, "the network of the replicas is not there yet");
  const api::Time now = clock_.WallNow();
  if (auto loaded = LoadOnce(); !loaded) {
    return Wrap("read the addresses given back lately", loaded.error());
  }
  std::erase_if(freed_, [&](const auto& entry) {
    return now - entry.second >= kQuarantine && now >= entry.second;
  });
  const std::uint32_t first = subnet_->size() / 4;
  const std::uint32_t last = subnet_->size() - 2;  // the last one is the broadcast address
  for (std::uint32_t tried = first; tried <= last; ++tried) {
    if (cursor_ < first || cursor_ > last) cursor_ = first;
    const std::uint32_t address = subnet_->base + cursor_++;
    if (used_.contains(address) || freed_.contains(FormatIpv4(address))) continue;
    used_.insert(address);
    return FormatIpv4(address);
  }
  return Error(Code::kFailedPrecondition,
               "no free address left in " + subnet_->ToString() +
                   " (a freed one rests for ten minutes); choose a larger network with --subnet");
}

Result<void> AddressPool::LoadOnce() {
  if (loaded_) return {};
  auto kept = journal_.Load();
  if (!kept) return std::unexpected(kept.error());
  for (auto& [address, time] : *kept) freed_.emplace(address, time);
  loaded_ = true;
  return {};
}

void AddressPool::Release(const std::string& address) {
  const auto value = ParseIpv4(address);
  if (!value) return;
  const std::lock_guard lock(mutex_);
  if (used_.erase(*value) == 0) return;
  freed_[address] = clock_.WallNow();
  if (!LoadOnce()) return;  // do not write over what could not be read
  // Best effort: without the file only a restart within ten minutes could give it away again, and
  // then the cursor still goes on behind the addresses in use.
  static_cast<void>(journal_.Save(freed_));
}

}  // namespace ballast::reconcilers
