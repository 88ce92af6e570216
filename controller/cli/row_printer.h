// Rows of cells that line up with those printed before: for tables that grow while somebody
// watches. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "controller/cli/table.h"

namespace ballast::cli {

class RowPrinter {
 public:
  explicit RowPrinter(bool color, std::string indent = "")
      : color_(color), indent_(std::move(indent)) {}

  // Columns are as wide as the widest cell so far.
  [[nodiscard]] std::string Print(const std::vector<std::vector<Cell>>& rows);

 private:
  const bool color_;
  const std::string indent_;
  std::vector<std::size_t> widths_;
};

// Titles in bold.
[[nodiscard]] std::vector<Cell> TitleRow(const std::vector<std::string>& titles);

}  // namespace ballast::cli
