#include "controller/runtime/log.h"

#include <fmt/format.h>
#include <glog/logging.h>

namespace ballast::runtime {
namespace {

using Scope = std::vector<std::pair<std::string, std::string>>;

Scope& ThreadScope() {
  thread_local Scope scope;
  return scope;
}

bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

void AppendValue(std::string& line, std::string_view text) {
  if (!NeedsQuotes(text)) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '\n':
        line += "\\n";
        break;
      case '\r':
        line += "\\r";
        break;
      case '\t':
        line += "\\t";
        break;
      case '"':
      case '\\':
        line += '\\';
        line += c;
        break;
      default:
        if (byte < ' ' || byte == 0x7f) {
          line += fmt::format("\\x{:02x}", byte);
        } else {
          line += c;
        }
    }
  }
  line += '"';
}

void AppendField(std::string& line, std::string_view key, std::string_view value) {
  line += ' ';
  line += key;
  line += '=';
  AppendValue(line, value);
}

google::LogSeverity SeverityOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
    case LogLevel::kInfo:
      return google::GLOG_INFO;
    case LogLevel::kWarning:
      return google::GLOG_WARNING;
    case LogLevel::kError:
      return google::GLOG_ERROR;
  }
  return google::GLOG_ERROR;
}

}  // namespace

void InitLogging(const char* program, bool debug) {
  FLAGS_logtostderr = true;
  FLAGS_v = debug ? 1 : 0;
  google::InitGoogleLogging(program);
}

std::string FormatLogLine(std::string_view message, LogFields fields) {
  std::string line(message);
  for (const auto& [key, value] : fields) AppendField(line, key, value.text());
  for (const auto& [key, value] : ThreadScope()) AppendField(line, key, value);
  return line;
}

void Log(LogLevel level, std::string_view message, LogFields fields, std::source_location where) {
  if (level == LogLevel::kDebug && FLAGS_v < 1) return;
  google::LogMessage(where.file_name(), static_cast<int>(where.line()), SeverityOf(level)).stream()
      << FormatLogLine(message, fields);
}

LogScope::LogScope(std::string_view key, const LogValue& value) {
  ThreadScope().emplace_back(key, value.text());
}

LogScope::~LogScope() { ThreadScope().pop_back(); }

}  // namespace ballast::runtime
