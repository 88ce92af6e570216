#include "controller/cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "controller/cli/cli.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

const Flag* FindFlag(const Command& command, std::string_view name) {
  const auto found = std::ranges::find(command.flags, name, &Flag::name);
  return found == command.flags.end() ? nullptr : &*found;
}

const Flag* FindLetter(const Command& command, char letter) {
  const auto found = std::ranges::find(command.flags, letter, &Flag::letter);
  return found == command.flags.end() ? nullptr : &*found;
}

bool IsSwitch(const Flag& flag) { return flag.value.empty(); }

std::string NoSuchFlag(const Command& command, std::string_view flag) {
  std::vector<std::string> known = {"--help"};
  for (const Flag& each : command.flags) known.push_back(each.name);
  const std::string shown = Sanitize(flag);
  return fmt::format("{} has no flag {}{}", command.name, shown,
                     flag.starts_with("--") ? Suggest(shown, known) : "");
}

using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

// Reads one argument after the other; what is wrong, or "".
class Reader {
 public:
  Reader(const Command& command, const std::vector<std::string>& arguments, Values& values)
      : command_(command), arguments_(arguments), values_(values) {}

  std::string Read(std::vector<std::string>& words, bool& help) {
    bool flags = true;
    for (; next_ < arguments_.size(); ++next_) {
      const std::string& argument = arguments_[next_];
      // "-" alone is standard input.
      if (!flags || argument.size() < 2 || argument.front() != '-') {
        words.push_back(argument);
        continue;
      }
      std::string wrong;
      if (argument == "--") {
        flags = false;
      } else if (argument == "-h" || argument == "--help") {
        help = true;
      } else {
        wrong = argument.starts_with("--") ? Long(argument) : Short(argument);
      }
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

 private:
  std::string Long(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const Flag* const flag = FindFlag(command_, name);
    if (flag == nullptr) return NoSuchFlag(command_, name);
    if (equals != argument.npos) return Set(*flag, argument.substr(equals + 1));
    if (IsSwitch(*flag)) return Set(*flag, "true");
    return SetNext(*flag);
  }

  // -w, -Aw, -oyaml, -o yaml, -o=yaml
  std::string Short(const std::string& argument) {
    for (std::size_t i = 1; i < argument.size(); ++i) {
      const Flag* const flag = FindLetter(command_, argument[i]);
      if (flag == nullptr) return NoSuchFlag(command_, argument);
      const bool last = i + 1 == argument.size();
      if (!last && argument[i + 1] == '=') return Set(*flag, argument.substr(i + 2));
      if (!IsSwitch(*flag)) return last ? SetNext(*flag) : Set(*flag, argument.substr(i + 1));
      if (std::string wrong = Set(*flag, "true"); !wrong.empty()) return wrong;
    }
    return "";
  }

  std::string SetNext(const Flag& flag) {
    if (next_ + 1 >= arguments_.size()) {
      return fmt::format("{} needs a value: {} {}", flag.name, flag.name, flag.value);
    }
    return Set(flag, arguments_[++next_]);
  }

  std::string Set(const Flag& flag, const std::string& value) {
    if (IsSwitch(flag) && value != "true" && value != "false") {
      return fmt::format("{} is true or false, not \"{}\"", flag.name, Sanitize(value));
    }
    if (value.empty())
      return fmt::format("{} needs a value: {} {}", flag.name, flag.name, flag.value);
    values_[flag.name].push_back(value);
    return "";
  }

  const Command& command_;
  const std::vector<std::string>& arguments_;
  Values& values_;
  std::size_t next_ = 0;
};

}  // namespace

std::expected<Arguments, std::string> Arguments::Parse(const Command& command,
                                                       const std::vector<std::string>& arguments) {
  Arguments parsed;
  parsed.command_ = &command;
  std::string wrong = Reader(command, arguments, parsed.values_).Read(parsed.words_, parsed.help_);
  if (parsed.help_) return parsed;
  if (!wrong.empty()) return std::unexpected(std::move(wrong));
  if (std::ranges::find(parsed.words_, "") != parsed.words_.end()) {
    return std::unexpected("an argument is empty");
  }
  return parsed;
}

std::string Arguments::Get(std::string_view flag) const {
  const auto found = values_.find(flag);
  if (found != values_.end()) return found->second.back();
  const Flag* const known = FindFlag(*command_, flag);
  return known == nullptr ? "" : known->initial;
}

std::vector<std::string> Arguments::All(std::string_view flag) const {
  const auto found = values_.find(flag);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

bool Arguments::Given(std::string_view flag) const { return values_.contains(flag); }

std::optional<std::chrono::seconds> ParseDuration(std::string_view text) {
  if (text == "0") return std::chrono::seconds(0);
  constexpr std::int64_t kMax = std::int64_t{100} * 365 * 24 * 3600;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || end == text.data() + text.size()) return std::nullopt;
    std::int64_t unit = 0;
    switch (*end) {
      case 's':
        unit = 1;
        break;
      case 'm':
        unit = 60;
        break;
      case 'h':
        unit = 3600;
        break;
      case 'd':
        unit = 24 * 3600;
        break;
      default:
        return std::nullopt;
    }
    if (number > kMax / unit) return std::nullopt;
    total += number * unit;
    if (total > kMax) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end + 1 - text.data()));
    if (text.empty()) return std::chrono::seconds(total);
  }
  return std::nullopt;
}

std::optional<int> ParseCount(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::vector<std::string> SplitAt(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return parts;
}

}  // namespace ballast::cli
