// What is going on while something takes time, on standard error: one line that changes on a
// terminal, a line for each change elsewhere. One thread.
#pragma once

#include <iosfwd>
#include <string>

namespace ballast::cli {

class Progress {
 public:
  // `width` of the terminal that `err` is; 0: it is none.
  Progress(std::ostream& err, std::size_t width) : err_(err), width_(width) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(const std::string& text);
  // Takes the line away, before something else is printed.
  void Clear();

 private:
  std::ostream& err_;
  const std::size_t width_;
  std::string shown_;
};

}  // namespace ballast::cli
