// Reading JSON that somebody else wrote: bounded, tolerant of wrong types, never throwing.
// Splitters cut a body into values while it arrives, so that a list of 10 000 containers never
// exists as one tree. One thread at a time each. Included by .cc files of this folder and by its
// unit tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::docker {

inline constexpr int kMaxJsonDepth = 64;

[[nodiscard]] Result<nlohmann::json> ParseJson(std::string_view text);
// Bytes that are not UTF-8 become U+FFFD: dump() alone would throw.
[[nodiscard]] std::string DumpJson(const nlohmann::json& json);

using Path = std::initializer_list<std::string_view>;

// The value at a path of member names; null when anything on the way is missing or no object.
[[nodiscard]] const nlohmann::json* Find(const nlohmann::json& json, Path path);
// What is missing or of another type is "", 0, false or empty.
[[nodiscard]] std::string GetString(const nlohmann::json& json, Path path);
[[nodiscard]] std::int64_t GetInt(const nlohmann::json& json, Path path);
[[nodiscard]] bool GetBool(const nlohmann::json& json, Path path);
[[nodiscard]] std::map<std::string, std::string> GetStringMap(const nlohmann::json& json,
                                                              Path path);

// The elements of a top-level array, one text each. `null` counts as an empty array.
class ArraySplitter {
 public:
  using OnElement = std::function<Result<void>(std::string_view element)>;
  explicit ArraySplitter(OnElement on_element) : on_element_(std::move(on_element)) {}

  [[nodiscard]] Result<void> Feed(std::string_view chunk);
  [[nodiscard]] Result<void> Finish() const;  // the array must be closed

 private:
  static constexpr std::size_t kMaxElement = std::size_t{16} << 20;
  enum class State { kStart, kBetween, kElement, kEnd, kNull };

  Result<void> FeedByte(char c);

  OnElement on_element_;
  State state_ = State::kStart;
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::string element_;
};

// Lines of a stream, without their line ends. Empty ones are left out; one over the limit is cut
// off and counted.
class LineSplitter {
 public:
  using OnLine = std::function<Result<void>(std::string_view line)>;
  explicit LineSplitter(OnLine on_line, std::size_t max_line = std::size_t{1} << 20)
      : on_line_(std::move(on_line)), max_line_(max_line) {}

  [[nodiscard]] Result<void> Feed(std::string_view chunk);
  [[nodiscard]] Result<void> Finish();  // the last line may lack its end
  [[nodiscard]] std::size_t too_long() const { return too_long_; }

 private:
  Result<void> EndLine();

  OnLine on_line_;
  std::size_t max_line_;
  std::string line_;
  bool skipping_ = false;
  std::size_t too_long_ = 0;
};

}  // namespace ballast::docker
