// Structured logging: a constant message and key=value pairs, one line each, on standard error.
// Thin over glog, which no header includes. Shared by all of controller/. Any thread.
#pragma once

#include <concepts>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/meta.h"
#include "api/status.h"

namespace ballast::runtime {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// What stands behind a key; converts from text, numbers, keys and statuses.
class LogValue {
 public:
  // NOLINTBEGIN(google-explicit-constructor): made to be written in braces.
  LogValue(std::string text) : text_(std::move(text)) {}
  LogValue(std::string_view text) : text_(text) {}
  LogValue(const char* text) : text_(text) {}
  LogValue(bool value) : text_(value ? "true" : "false") {}
  LogValue(const api::ObjectKey& key) : text_(key.ToString()) {}
  LogValue(const Status& status)
      : text_(std::string(CodeName(status.code)) + ": " + status.message) {}
  template <typename T>
    requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>)
  LogValue(T value) : text_(std::to_string(value)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

using LogFields = std::initializer_list<std::pair<std::string_view, LogValue>>;

// Before the first line: glog to standard error, nothing to files. `program` outlives the process.
void InitLogging(const char* program, bool debug);

// Log(LogLevel::kInfo, "Replica created", {{"app", key}, {"replica", name}});
void Log(LogLevel level, std::string_view message, LogFields fields = {},
         std::source_location where = std::source_location::current());

// What Log writes: values with blanks, quotes or control characters are quoted and escaped, so that
// a line stays one line whatever is in it.
[[nodiscard]] std::string FormatLogLine(std::string_view message, LogFields fields);

// Fields added to every line of this thread while it lives (the reconcile's id and key). Nests.
class LogScope {
 public:
  LogScope(std::string_view key, const LogValue& value);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;
};

}  // namespace ballast::runtime
