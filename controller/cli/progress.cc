#include "controller/cli/progress.h"

#include <ostream>

#include "controller/cli/table.h"

namespace ballast::cli {

void Progress::Show(const std::string& text) {
  if (text == shown_) return;
  shown_ = text;
  if (width_ == 0) {
    err_ << text << "\n";
  } else {
    err_ << "\r\x1b[K" << Fit(text, width_ - 1) << std::flush;
  }
}

void Progress::Clear() {
  if (width_ > 0 && !shown_.empty()) err_ << "\r\x1b[K" << std::flush;
  shown_.clear();
}

}  // namespace ballast::cli
