// A file system of its own in memory, as small as a test wants it. In a mount namespace of the
// test's, so that nothing is left behind however it ends. One thread, before others are started.
#pragma once

#include <string>

namespace ballast::store {

class SmallDisk {
 public:
  // `options`: "size=4m".
  SmallDisk(std::string path, const std::string& options);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // Why there is none; "" when there is.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  void Remount(const std::string& options, bool read_only) const;

 private:
  const std::string path_;
  std::string why_not_;
};

}  // namespace ballast::store
