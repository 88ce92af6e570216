// The commands that people run: `ballast status`, `get`, `apply`, ... `ballast controller` is
// controller/cmd's. Everything from outside comes in through Environment, so that tests see what is
// printed. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta.h"
#include "controller/cli/connection.h"

namespace ballast::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;   // it could not be done: no controller, no such web app
inline constexpr int kExitUsage = 2;    // the command line is wrong
inline constexpr int kExitTimeout = 3;  // done, but --wait did not see it work in time
inline constexpr int kExitInterrupted = 130;  // Ctrl-C

inline constexpr char kDefaultSocket[] = "/run/ballast/ballast.sock";

struct TerminalSize {
  std::size_t width = 0;
  std::size_t height = 0;
};

struct Environment {
  std::string version;
  std::size_t width = 0;  // of the terminal that `out` is; 0: it is none
  bool color = false;
  std::size_t error_width = 0;  // of the terminal that `err` is; 0: it is none
  // Of `out`, now; null: it is no terminal, or none that can be drawn on.
  std::function<TerminalSize()> terminal;
  std::function<api::Time()> now;
  std::function<std::string()> read_input;  // standard input, whole
  // Null: the real one.
  std::function<std::unique_ptr<Connection>(const std::string& socket)> connect;
};

// `arguments` without the program's name. Returns the exit code.
[[nodiscard]] int Run(const std::vector<std::string>& arguments, const Environment& environment,
                      std::ostream& out, std::ostream& err);

// Of the process: the widths of its terminals, whether colours may be used (a terminal, no
// NO_COLOR), its clock and standard input.
[[nodiscard]] Environment DetectEnvironment(std::string version);

// To standard output. A reader that went away (`ballast status | head -1`) is no failure; a full
// disk is, and is said.
[[nodiscard]] bool WriteOut(std::string_view text);

[[nodiscard]] std::string GeneralHelp();

// "; did you mean \"status\"?", or nothing when no word is near.
[[nodiscard]] std::string Suggest(std::string_view word, const std::vector<std::string>& known);

}  // namespace ballast::cli
