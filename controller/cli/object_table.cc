#include "controller/cli/object_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/cli/status_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

std::string Upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string CellText(const json& cell) {
  if (cell.is_string()) return Sanitize(cell.get_ref<const std::string&>());
  if (cell.is_null()) return "<none>";
  return Sanitize(cell.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string Labels(const json& metadata) {
  std::string text;
  const json& labels = Field(metadata, "labels");
  if (!labels.is_object()) return "<none>";
  for (const auto& [key, value] : labels.items()) {
    text += (text.empty() ? "" : ",") + Sanitize(key) + "=" + CellText(value);
  }
  return text.empty() ? "<none>" : text;
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

Style StyleOfWord(std::string_view column, std::string_view word) {
  if (!IsOneOf(column, {"STATUS", "TYPE", "READY", "SERVER"})) return Style::kPlain;
  if (IsOneOf(word, {"Available", "Running", "Active", "True", "true", "UP", "Succeeded"})) {
    return Style::kGood;
  }
  if (IsOneOf(word, {"Unavailable", "Degraded", "Dead", "BackOff", "CrashLoopBackOff", "Failed",
                     "False", "DOWN", "ImagePullFailed"})) {
    return Style::kBad;
  }
  if (IsOneOf(word, {"Progressing", "Starting", "Warning", "Pending", "false", "Created",
                     "Draining", "Stopping", "DRAIN", "MAINT", "Unknown"})) {
    return Style::kWarning;
  }
  return IsOneOf(word, {"Terminating", "Deleted"}) ? Style::kDim : Style::kPlain;
}

void ObjectTable::ReadColumns(const json& table) {
  const auto& definitions = List(table, "columnDefinitions");
  if (definitions.empty() || !columns_.empty()) return;
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    if (Number(definitions[i], "priority") > 0 && !options_.wide) continue;
    columns_.push_back({.index = i, .title = Upper(Text(definitions[i], "name"))});
  }
}

std::vector<Cell> ObjectTable::Row(const json& row, bool deleted) const {
  const auto& cells = List(row, "cells");
  const json& metadata = Field(Field(row, "object"), "metadata");
  std::vector<Cell> shown;
  if (options_.with_namespace) shown.push_back({Text(metadata, "namespace", "")});
  bool first = true;
  for (const Shown& column : columns_) {
    std::string text = column.index < cells.size() ? CellText(cells[column.index]) : "<none>";
    if (column.title == "NAME" && first) text = options_.ref_prefix + text;
    if (deleted && column.title == "STATUS") text = "Deleted";
    const Style style = deleted ? Style::kDim : StyleOfWord(column.title, text);
    shown.push_back({std::move(text), style});
    first = false;
  }
  if (options_.show_labels) shown.push_back({Labels(metadata)});
  return shown;
}

std::string ObjectTable::Render(const json& table, bool deleted) {
  ReadColumns(table);
  std::vector<std::vector<Cell>> rows;
  for (const json& row : List(table, "rows")) rows.push_back(Row(row, deleted));
  if (rows.empty()) return "";
  if (!titled_ && options_.headers) {
    std::vector<std::string> titles;
    if (options_.with_namespace) titles.emplace_back("NAMESPACE");
    for (const Shown& column : columns_) titles.push_back(column.title);
    if (options_.show_labels) titles.emplace_back("LABELS");
    rows.insert(rows.begin(), TitleRow(titles));
    titled_ = true;
  }
  return printer_.Print(rows);
}

}  // namespace ballast::cli
