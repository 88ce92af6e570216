// A small tmpfs over a directory, for a disk that is full and a directory that is unmounted.
// Unmounted when destroyed. Test-only; one thread.
#pragma once

#include <string>

namespace ballast::fault {

class Mount {
 public:
  // `size` as mount(8) takes it: "4m". Throws when it cannot be mounted.
  Mount(std::string directory, const std::string& size);
  ~Mount() { Unmount(); }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  // Why nothing can be mounted here; "" when it can.
  static std::string Unavailable();

  void Unmount();
  // Writes zeros into `file` of the directory until there is no space left.
  void Fill(const std::string& file) const;

 private:
  const std::string directory_;
  bool mounted_ = true;
};

}  // namespace ballast::fault
