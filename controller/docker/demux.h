// Docker's framing of a container's stdout and stderr on one connection (8 bytes of header, then
// the payload), and what to keep of it. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::docker {

// Keeps the first or the last `limit` bytes of what is appended.
class BoundedText {
 public:
  enum class Keep { kFirst, kLast };
  BoundedText(Keep keep, std::size_t limit) : keep_(keep), limit_(limit) {}

  void Append(std::string_view text);
  [[nodiscard]] std::string Take() &&;

 private:
  Keep keep_;
  std::size_t limit_;
  std::string text_;
};

class Demux {
 public:
  // With `framed` false (a container with a terminal) everything is payload.
  Demux(BoundedText& out, bool framed)
      : Demux([&out](std::string_view text) { out.Append(text); }, framed) {}
  Demux(std::function<void(std::string_view)> out, bool framed)
      : out_(std::move(out)), framed_(framed) {}

  void Feed(std::string_view chunk);
  // A terminal's output has no frames, and API 1.41 does not say which it is: the first bytes do.
  [[nodiscard]] bool framed() const { return framed_; }

 private:
  std::function<void(std::string_view)> out_;
  bool framed_;
  std::array<char, 8> header_{};
  std::size_t header_bytes_ = 0;
  std::uint64_t left_ = 0;  // of the current frame
};

}  // namespace ballast::docker
