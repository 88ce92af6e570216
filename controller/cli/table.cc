#include "controller/cli/table.h"

#include <algorithm>

namespace ballast::cli {
namespace {

constexpr std::size_t kGap = 3;
constexpr std::size_t kMinLast = 12;  // characters of the last column, before others are left out

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string_view Code(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[31m";
    case Style::kDim:
      return "\x1b[2m";
  }
  return "";
}

std::string Blanks(std::size_t count) { return std::string(count, ' '); }

}  // namespace

std::string Paint(std::string_view text, Style style, bool color) {
  if (!color || style == Style::kPlain || text.empty()) return std::string(text);
  return std::string(Code(style)) + std::string(text) + "\x1b[0m";
}

std::string Sanitize(std::string_view text) {
  std::string clean;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080..U+009F are control characters too, some terminals obey them.
    const bool c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte == '\n' || byte == '\t') {
      clean += ' ';
    } else if (byte < ' ' || byte == 0x7f || c1) {
      clean += '?';
      if (c1) ++i;
    } else {
      clean += text[i];
    }
  }
  return clean;
}

std::size_t DisplayWidth(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::string Fit(const std::string& text, std::size_t width) {
  if (DisplayWidth(text) <= width) return text;
  const std::size_t keep = width > 3 ? width - 3 : 0;
  std::size_t bytes = 0;
  for (std::size_t shown = 0; bytes < text.size(); ++bytes) {
    if (IsContinuation(text[bytes])) continue;
    if (shown++ == keep) break;
  }
  return text.substr(0, bytes) + std::string("...").substr(0, std::min<std::size_t>(width, 3));
}

std::string RenderTable(const std::vector<Column>& columns,
                        const std::vector<std::vector<Cell>>& rows, const TableOptions& options) {
  std::vector<std::size_t> shown(columns.size());
  std::vector<std::size_t> widths(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    shown[i] = i;
    widths[i] = DisplayWidth(columns[i].title);
    for (const auto& row : rows) widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
  }
  const auto needed = [&] {  // with the last column as short as it may get
    std::size_t sum = 0;
    for (const std::size_t i : shown) {
      sum += i == shown.back() ? std::min(widths[i], kMinLast) : widths[i] + kGap;
    }
    return sum;
  };
  while (options.width > 0 && needed() > options.width) {
    const auto least = std::max_element(shown.begin(), shown.end(), [&](auto a, auto b) {
      return columns[a].expendable < columns[b].expendable;
    });
    if (least == shown.end() || columns[*least].expendable == 0) break;
    shown.erase(least);
  }
  if (shown.empty()) return "";
  if (options.width > 0) {
    std::size_t before = 0;
    for (const std::size_t i : shown) before += i == shown.back() ? 0 : widths[i] + kGap;
    const std::size_t left = options.width > before ? options.width - before : 0;
    widths[shown.back()] = std::min(widths[shown.back()], std::max(left, kMinLast));
  }

  std::string text;
  const auto add_row = [&](const auto& cell_of) {
    std::string line;
    for (const std::size_t i : shown) {
      const Cell& cell = cell_of(i);
      const std::string fitted = Fit(cell.text, widths[i]);
      const std::string padding = Blanks(widths[i] - DisplayWidth(fitted));
      const std::string painted = Paint(fitted, cell.style, options.color);
      line += columns[i].right ? padding + painted : painted;
      if (i == shown.back()) break;
      line += (columns[i].right ? "" : padding) + Blanks(kGap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  std::vector<Cell> titles;
  titles.reserve(columns.size());
  for (const Column& column : columns) titles.push_back({column.title, Style::kBold});
  add_row([&](std::size_t i) -> const Cell& { return titles[i]; });
  for (const auto& row : rows) add_row([&](std::size_t i) -> const Cell& { return row[i]; });
  return text;
}

}  // namespace ballast::cli
