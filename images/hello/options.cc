#include "images/hello/options.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace ballast::hello {
namespace {

// The flag's value, else the variable's, else nothing. A later flag wins over an earlier one.
std::optional<std::string> Lookup(int argc, char** argv, std::string_view flag,
                                  const char* variable) {
  for (int i = argc - 1; i > 0; --i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(flag) && argument.substr(flag.size()).starts_with('=')) {
      return std::string(argument.substr(flag.size() + 1));
    }
  }
  const char* value = std::getenv(variable);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

long Number(const std::string& text, std::string_view name, long max) {
  long value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0 || value > max) {
    throw std::invalid_argument(std::string(name) + ": '" + text +
                                "' is not a number between 0 and " + std::to_string(max));
  }
  return value;
}

constexpr std::string_view kFlags[] = {"--address", "--port",        "--tag",         "--version",
                                       "--prefix",  "--start-delay", "--ready-after", "--graceful"};

void RefuseUnknown(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::string_view name = argument.substr(0, argument.find('='));
    bool known = false;
    for (const std::string_view flag : kFlags) known = known || flag == name;
    if (!known || name.size() == argument.size()) {
      throw std::invalid_argument("unknown argument '" + std::string(argument) +
                                  "'; known, each as --name=value: --address --port --tag "
                                  "--version --prefix --start-delay --ready-after --graceful");
    }
  }
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  RefuseUnknown(argc, argv);
  constexpr long kDayMs = 86'400'000;
  Options options;
  if (auto v = Lookup(argc, argv, "--address", "HELLO_ADDRESS")) options.address = *v;
  if (auto v = Lookup(argc, argv, "--port", "PORT")) {
    options.port = static_cast<std::uint16_t>(Number(*v, "PORT", 65535));
  }
  if (auto v = Lookup(argc, argv, "--tag", "HELLO_TAG")) options.tag = *v;
  if (auto v = Lookup(argc, argv, "--version", "HELLO_VERSION")) options.version = *v;
  if (auto v = Lookup(argc, argv, "--prefix", "HELLO_PREFIX")) {
    options.prefix = *v;
    while (options.prefix.ends_with('/')) options.prefix.pop_back();
  }
  if (auto v = Lookup(argc, argv, "--start-delay", "HELLO_START_DELAY_MS")) {
    options.start_delay = std::chrono::milliseconds(Number(*v, "HELLO_START_DELAY_MS", kDayMs));
  }
  if (auto v = Lookup(argc, argv, "--ready-after", "HELLO_READY_AFTER_MS")) {
    options.ready_after = std::chrono::milliseconds(Number(*v, "HELLO_READY_AFTER_MS", kDayMs));
  }
  if (auto v = Lookup(argc, argv, "--graceful", "HELLO_GRACEFUL")) {
    options.graceful = !(v->empty() || *v == "0" || *v == "false" || *v == "no");
  }
  return options;
}

}  // namespace ballast::hello
