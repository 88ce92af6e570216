#include "tests/integration/store/small_disk.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace ballast::store {

SmallDisk::SmallDisk(std::string path, const std::string& options) : path_(std::move(path)) {
  std::filesystem::create_directories(path_);
  if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
      mount("tmpfs", path_.c_str(), "tmpfs", 0, options.c_str()) == 0) {
    return;
  }
  why_not_ = "a file system cannot be mounted here: " + std::generic_category().message(errno);
}

SmallDisk::~SmallDisk() {
  if (why_not_.empty()) umount2(path_.c_str(), MNT_DETACH);
}

void SmallDisk::Remount(const std::string& options, bool read_only) const {
  unsigned flags = MS_REMOUNT;
  if (read_only) flags |= MS_RDONLY;
  EXPECT_EQ(mount("tmpfs", path_.c_str(), "tmpfs", flags, options.c_str()), 0)
      << std::generic_category().message(errno);
}

}  // namespace ballast::store
