#include "controller/cli/output.h"

#include <unistd.h>

#include <cerrno>

namespace ballast::cli {

int OutputBuffer::sync() {
  const char* from = pbase();
  while (from < pptr() && !closed_ && !failed_) {
    const ssize_t written = write(fd_, from, static_cast<std::size_t>(pptr() - from));
    if (written >= 0) {
      from += written;
    } else if (errno == EPIPE) {
      closed_ = true;
    } else if (errno != EINTR) {
      failed_ = true;
    }
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return closed_ || failed_ ? -1 : 0;
}

OutputBuffer::int_type OutputBuffer::overflow(int_type c) {
  if (sync() != 0) return traits_type::eof();
  if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
  return traits_type::not_eof(c);
}

}  // namespace ballast::cli
