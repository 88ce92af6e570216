// Events (core v1) as lines of a table, the latest last. Pure, golden-tested.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/meta.h"
#include "controller/cli/row_printer.h"

namespace ballast::cli {

// In the order in which they happened last.
void SortEvents(std::vector<nlohmann::json>& events);

class EventTable {
 public:
  struct Options {
    bool with_namespace = false;
    bool with_object = true;
    bool color = false;
    std::string indent;
  };
  explicit EventTable(Options options)
      : options_(std::move(options)), printer_(options_.color, options_.indent) {}

  // Lines of these, below titles the first time. Further lines keep the columns' widths.
  [[nodiscard]] std::string Render(const std::vector<nlohmann::json>& events, api::Time now);

 private:
  const Options options_;
  RowPrinter printer_;
  bool titled_ = false;
};

// "5m" since a time like "2026-11-21T10:41:56Z"; "-" when it is none.
[[nodiscard]] std::string AgeOf(const std::string& since, api::Time now);

}  // namespace ballast::cli
