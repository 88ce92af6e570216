#include "controller/docker/demux.h"

#include <algorithm>
#include <utility>

namespace ballast::docker {

void BoundedText::Append(std::string_view text) {
  if (keep_ == Keep::kFirst) {
    text_.append(text.substr(0, limit_ - std::min(limit_, text_.size())));
    return;
  }
  if (text.size() > limit_) text.remove_prefix(text.size() - limit_);
  text_.append(text);
  // Cut rarely: each cut moves what is kept.
  if (text_.size() > 2 * limit_) text_.erase(0, text_.size() - limit_);
}

std::string BoundedText::Take() && {
  if (text_.size() > limit_) text_.erase(0, text_.size() - limit_);
  return std::move(text_);
}

void Demux::Feed(std::string_view chunk) {
  while (!chunk.empty()) {
    if (!framed_) {
      out_(chunk);
      return;
    }
    if (left_ > 0) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, chunk.size()));
      out_(chunk.substr(0, take));
      chunk.remove_prefix(take);
      left_ -= take;
      continue;
    }
    header_[header_bytes_++] = chunk.front();
    chunk.remove_prefix(1);
    // stdin, stdout, stderr, Docker's own error; then three zero bytes; then the length.
    const bool valid = header_bytes_ == 1 ? static_cast<unsigned char>(header_[0]) <= 3
                                          : header_bytes_ > 4 || header_[header_bytes_ - 1] == 0;
    if (!valid) {
      framed_ = false;
      out_({header_.data(), header_bytes_});
      continue;
    }
    if (header_bytes_ < header_.size()) continue;
    header_bytes_ = 0;
    for (std::size_t i = 4; i < header_.size(); ++i) {
      left_ = (left_ << 8) | static_cast<unsigned char>(header_[i]);
    }
  }
}

}  // namespace ballast::docker
