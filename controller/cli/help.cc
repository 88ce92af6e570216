#include <fmt/format.h>

#include <algorithm>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"

namespace ballast::cli {
namespace {

constexpr char kExitCodes[] =
    "exit codes: 0 done, 1 failed, 2 wrong usage, 3 not in time (--wait), 130 interrupted\n";

// "-o, --output FORMAT"
std::string FlagText(const Flag& flag) {
  return (flag.letter == 0 ? "    " : fmt::format("-{}, ", flag.letter)) + flag.name +
         (flag.value.empty() ? "" : " " + flag.value);
}

std::string FlagHelp(const Flag& flag) {
  const bool said = flag.initial.empty() || flag.initial == "false";
  return flag.help + (said ? "" : fmt::format(" (default: {})", flag.initial));
}

}  // namespace

std::string GeneralHelp() {
  std::string text =
      "Ballast keeps web applications upright on plain Docker.\n\n"
      "usage: ballast COMMAND [ARGUMENTS]\n\ncommands:\n"
      "  controller   run the controller: keep what manifests describe\n";
  for (const Command& command : Commands()) {
    text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  }
  text += "  help         print this, or help about a command: ballast help get\n\n";
  return text + kExitCodes;
}

std::string CommandHelp(const Command& command) {
  std::string text = command.summary;
  text[0] = static_cast<char>(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0]);
  text += ".\n\n";
  const char* lead = "usage: ";
  for (const std::string& usage : command.usages) {
    text += fmt::format("{}ballast {}{}{} [FLAG...]\n", lead, command.name,
                        usage.empty() ? "" : " ", usage);
    lead = "       ";
  }
  if (!command.details.empty()) text += "\n" + command.details;
  std::size_t width = 0;
  for (const Flag& flag : command.flags) width = std::max(width, FlagText(flag).size());
  text += "\n";
  for (const Flag& flag : command.flags) {
    text += fmt::format("  {:<{}}  {}\n", FlagText(flag), width, FlagHelp(flag));
  }
  text += fmt::format("  {:<{}}  {}\n", "-h, --help", width, "print this");
  if (!command.examples.empty()) text += "\nexamples:\n" + command.examples;
  return text + "\n" + kExitCodes;
}

}  // namespace ballast::cli
