// The arguments of a command -> its flags and words, by a table that the help is made from as well.
// Pure.
#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cli {

struct Flag {
  std::string name;   // "--output"
  char letter = 0;    // 'o'; 0: it has none
  std::string value;  // what it takes, for the help: "FORMAT"; empty: it is on or off
  std::string help;
  std::string initial;  // its value when it is not given: "table", "true"
  bool repeated = false;
};

struct Command {
  std::string name;                 // "get"
  std::string summary;              // one line
  std::vector<std::string> usages;  // without "ballast get"
  std::string details;              // paragraphs, each line at most 100 wide
  std::vector<Flag> flags;
  std::string examples;  // lines
};

class Arguments {
 public:
  // What is wrong, for a person.
  [[nodiscard]] static std::expected<Arguments, std::string> Parse(
      const Command& command, const std::vector<std::string>& arguments);

  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }
  [[nodiscard]] bool help() const { return help_; }
  // Of a flag that the command has; the last one given, or its initial value.
  [[nodiscard]] std::string Get(std::string_view flag) const;
  [[nodiscard]] std::vector<std::string> All(std::string_view flag) const;
  [[nodiscard]] bool On(std::string_view flag) const { return Get(flag) == "true"; }
  [[nodiscard]] bool Given(std::string_view flag) const;

 private:
  const Command* command_ = nullptr;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> words_;
  bool help_ = false;
};

// "90s", "5m", "1h30m", "365d", "0"; nothing: it is none.
[[nodiscard]] std::optional<std::chrono::seconds> ParseDuration(std::string_view text);
// A whole number from 0 on.
[[nodiscard]] std::optional<int> ParseCount(std::string_view text);
// Of one kind "a,b", with empty parts left out.
[[nodiscard]] std::vector<std::string> SplitAt(std::string_view text, char separator);

}  // namespace ballast::cli
