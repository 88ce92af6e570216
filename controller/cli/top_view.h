// What `ballast top` shows: the JSON of GET /ballast/v1/top -> a table, the busiest first. Reads
// without ever throwing, whatever it is. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace ballast::cli {

struct TopOptions {
  bool replicas = false;  // one line for each of them, not for each web app
  bool with_namespace = false;
  std::size_t width = 0;  // of the terminal; 0: as wide as it gets
  bool color = false;
};
[[nodiscard]] std::string RenderTop(const nlohmann::json& answer, const TopOptions& options);

// One picture of a terminal that is drawn over the one before: no line is longer than it is wide,
// and there are not more than it has. `notice`: what is wrong, "" when nothing is.
[[nodiscard]] std::string DrawTop(const nlohmann::json& answer, const TopOptions& options,
                                  std::size_t height, std::string_view notice);

// "23ms", "1.2s"; "-" when it is not known.
[[nodiscard]] std::string ShowSeconds(const nlohmann::json& seconds);
// "0.4", "12", "15k"
[[nodiscard]] std::string ShowCount(const nlohmann::json& count);
// "250m", "1.5"
[[nodiscard]] std::string ShowCpu(const nlohmann::json& cpus);
// "12Mi"
[[nodiscard]] std::string ShowBytes(const nlohmann::json& bytes);

}  // namespace ballast::cli
