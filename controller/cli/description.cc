#include "controller/cli/description.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/cli/arguments.h"
#include "controller/cli/row_printer.h"

namespace ballast::cli {

using nlohmann::json;

void Description::Line(std::string_view name, std::string_view value, Style style) {
  bool first = true;
  for (const std::string& line : SplitAt(value, '\n')) {
    entries_.push_back({first ? std::string(name) + ":" : "", line, style});
    first = false;
  }
}

void Description::Map(std::string_view name, const json& map) {
  std::string lines;
  if (map.is_object()) {
    for (const auto& [key, value] : map.items()) {
      const std::string text = value.is_string()
                                   ? value.get<std::string>()
                                   : value.dump(-1, ' ', false, json::error_handler_t::replace);
      lines += Fit(Sanitize(key) + "=" + Sanitize(text), 200) + "\n";
    }
  }
  Line(name, lines.empty() ? "<none>" : lines);
}

void Description::Flush() {
  std::size_t width = 0;
  for (const Entry& entry : entries_) width = std::max(width, DisplayWidth(entry.name));
  for (const Entry& entry : entries_) {
    text_ += Paint(entry.name, Style::kBold, color_) +
             std::string(width - DisplayWidth(entry.name) + 2, ' ') +
             Paint(entry.value, entry.style, color_) + "\n";
  }
  entries_.clear();
}

void Description::Table(std::string_view title, const std::vector<std::string>& columns,
                        const std::vector<std::vector<Cell>>& rows) {
  if (rows.empty()) return;
  std::vector<std::vector<Cell>> all = {TitleRow(columns)};
  all.insert(all.end(), rows.begin(), rows.end());
  Flush();
  text_ += Paint(std::string(title) + ":", Style::kBold, color_) + "\n" +
           RowPrinter(color_, "  ").Print(all);
}

void Description::Block(std::string_view title, std::string_view text) {
  Flush();
  text_ += Paint(std::string(title) + ":", Style::kBold, color_) + "\n";
  for (const std::string& line : SplitAt(text, '\n')) text_ += "  " + line + "\n";
}

std::string Description::Take() && {
  Flush();
  return std::move(text_);
}

}  // namespace ballast::cli
