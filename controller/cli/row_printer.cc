#include "controller/cli/row_printer.h"

#include <algorithm>

namespace ballast::cli {

std::string RowPrinter::Print(const std::vector<std::vector<Cell>>& rows) {
  constexpr std::size_t kGap = 3;
  for (const auto& row : rows) {
    widths_.resize(std::max(widths_.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths_[i] = std::max(widths_[i], DisplayWidth(row[i].text));
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = indent_;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += Paint(row[i].text, row[i].style, color_);
      if (i + 1 == row.size()) break;
      line += std::string(widths_[i] - DisplayWidth(row[i].text) + kGap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::vector<Cell> TitleRow(const std::vector<std::string>& titles) {
  std::vector<Cell> row;
  row.reserve(titles.size());
  for (const std::string& title : titles) row.push_back({title, Style::kBold});
  return row;
}

}  // namespace ballast::cli
