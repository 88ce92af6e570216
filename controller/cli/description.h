// The text of `ballast describe`, put together piece by piece: names and values that line up, and
// sections below them. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cli/table.h"

namespace ballast::cli {

class Description {
 public:
  explicit Description(bool color) : color_(color) {}

  // "Name:       value"; further lines of the value below it. An empty one is not shown.
  void Line(std::string_view name, std::string_view value, Style style = Style::kPlain);
  // A map of texts, one a line; "<none>" when it is empty.
  void Map(std::string_view name, const nlohmann::json& map);
  // A title with an indented table below it; nothing without rows.
  void Table(std::string_view title, const std::vector<std::string>& columns,
             const std::vector<std::vector<Cell>>& rows);
  // A title with text below it, indented here.
  void Block(std::string_view title, std::string_view text);

  [[nodiscard]] std::string Take() &&;

 private:
  struct Entry {
    std::string name;
    std::string value;
    Style style = Style::kPlain;
  };
  void Flush();

  const bool color_;
  std::vector<Entry> entries_;  // lines that are not in the text yet
  std::string text_;
};

}  // namespace ballast::cli
