// Standard output as a stream that tells when nobody reads any more. One thread.
#pragma once

#include <array>
#include <streambuf>

namespace ballast::cli {

class OutputBuffer : public std::streambuf {
 public:
  explicit OutputBuffer(int fd) : fd_(fd) { setp(buffer_.data(), buffer_.data() + buffer_.size()); }
  ~OutputBuffer() override { sync(); }

  // The reader went away (`| head`): what is printed from then on is dropped.
  [[nodiscard]] bool closed() const { return closed_; }
  // A full disk.
  [[nodiscard]] bool failed() const { return failed_; }

 protected:
  int sync() override;
  int_type overflow(int_type c) override;

 private:
  const int fd_;
  bool closed_ = false;
  bool failed_ = false;
  std::array<char, 16384> buffer_{};
};

}  // namespace ballast::cli
