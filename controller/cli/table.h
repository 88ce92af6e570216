// Text tables for a terminal: columns that line up, fit the width, and show nothing that a terminal
// would obey. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cli {

enum class Style { kPlain, kBold, kGood, kWarning, kBad, kDim };

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

struct Column {
  std::string title;
  bool right = false;  // numbers
  // When the terminal is too narrow, columns with the highest number are left out first; 0: never.
  int expendable = 0;
};

struct TableOptions {
  std::size_t width = 0;  // 0: as wide as it gets
  bool color = false;
};

// The last column is cut with "..." where it does not fit. No rows: only the titles.
[[nodiscard]] std::string RenderTable(const std::vector<Column>& columns,
                                      const std::vector<std::vector<Cell>>& rows,
                                      const TableOptions& options);

[[nodiscard]] std::string Paint(std::string_view text, Style style, bool color);
// Without control characters and escape sequences; in one line.
[[nodiscard]] std::string Sanitize(std::string_view text);
// Characters on the screen (one each; wide ones are not known here).
[[nodiscard]] std::size_t DisplayWidth(std::string_view text);
// At most `width` characters, the last three "..." when something was cut.
[[nodiscard]] std::string Fit(const std::string& text, std::size_t width);

}  // namespace ballast::cli
