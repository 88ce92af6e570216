// Tables as the server makes them (Kubernetes' Table) -> text. Rows may come later, one by one, as
// a watch tells them: columns keep the width that they had. Pure, golden-tested.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cli/row_printer.h"
#include "controller/cli/table.h"

namespace ballast::cli {

struct ObjectTableOptions {
  bool wide = false;
  bool with_namespace = false;
  bool show_labels = false;
  bool headers = true;
  bool color = false;
  std::string ref_prefix;  // "webapp/" in front of names
};

class ObjectTable {
 public:
  explicit ObjectTable(ObjectTableOptions options)
      : options_(std::move(options)), printer_(options_.color) {}

  // The rows of a Table, with titles the first time. `deleted`: these objects are gone.
  [[nodiscard]] std::string Render(const nlohmann::json& table, bool deleted = false);

 private:
  struct Shown {
    std::size_t index = 0;  // in the cells
    std::string title;
  };
  void ReadColumns(const nlohmann::json& table);
  [[nodiscard]] std::vector<Cell> Row(const nlohmann::json& row, bool deleted) const;

  const ObjectTableOptions options_;
  std::vector<Shown> columns_;
  RowPrinter printer_;
  bool titled_ = false;
};

// The colour of a word in a column like STATUS: Available is good, BackOff is bad.
[[nodiscard]] Style StyleOfWord(std::string_view column, std::string_view word);

}  // namespace ballast::cli
