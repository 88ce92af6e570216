// The commands that people run: `ballast status`, `version`, `help`. `ballast controller` is
// controller/cmd's. Everything from outside comes in through Environment, so that tests see what is
// printed. One thread.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // it could not be done: no controller, no such web app
inline constexpr int kExitUsage = 2;   // the command line is wrong

inline constexpr char kDefaultSocket[] = "/run/ballast/ballast.sock";

struct Environment {
  std::string version;
  std::size_t width = 0;  // of the terminal that `out` is; 0: it is none
  bool color = false;
};

// `arguments` without the program's name. Returns the exit code.
[[nodiscard]] int Run(const std::vector<std::string>& arguments, const Environment& environment,
                      std::ostream& out, std::ostream& err);

// Of standard output: its width, and whether colours may be used (a terminal, no NO_COLOR).
[[nodiscard]] Environment DetectEnvironment(std::string version);

// To standard output. A reader that went away (`ballast status | head -1`) is no failure; a full
// disk is, and is said.
[[nodiscard]] bool WriteOut(std::string_view text);

[[nodiscard]] std::string GeneralHelp();
[[nodiscard]] std::string StatusHelp();

// "; did you mean \"status\"?", or nothing when no word is near.
[[nodiscard]] std::string Suggest(std::string_view word, const std::vector<std::string>& known);

}  // namespace ballast::cli
