#include "tests/fault/harness/mount.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace ballast::fault {

Mount::Mount(std::string directory, const std::string& size) : directory_(std::move(directory)) {
  if (mount("tmpfs", directory_.c_str(), "tmpfs", 0, ("mode=0755,size=" + size).c_str()) != 0) {
    throw std::runtime_error("mount tmpfs on " + directory_ + ": " + std::strerror(errno));
  }
}

std::string Mount::Unavailable() {
  const std::string directory =
      std::filesystem::temp_directory_path() / ("ballast-mount-" + std::to_string(getpid()));
  std::filesystem::create_directory(directory);
  std::string why;
  try {
    const Mount probe(directory, "64k");
  } catch (const std::runtime_error& error) {
    why = error.what();
  }
  std::filesystem::remove(directory);
  return why;
}

void Mount::Unmount() {
  if (mounted_) umount2(directory_.c_str(), MNT_DETACH);
  mounted_ = false;
}

void Mount::Fill(const std::string& file) const {
  std::ofstream out(directory_ + "/" + file, std::ios::binary);
  const std::string block(4096, '\0');
  while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

}  // namespace ballast::fault
