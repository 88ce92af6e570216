#include "api/yaml_write.h"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/tree.h"

namespace ballast::api {
namespace {

using nlohmann::json;

// Would a parser of YAML 1.1 or 1.2 read this text, written without quotes, as the same text?
bool IsPlain(std::string_view text) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/' || c == ' ' || c == ',' || c == '=' || c == '(' ||
           c == ')' || c == '+' || c == ';' || c == ':' || static_cast<unsigned char>(c) >= 0x80;
  };
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':' ||
      text.find(": ") != text.npos || !std::ranges::all_of(text, harmless)) {
    return false;
  }
  const char first = text.front();
  const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
                      first == '/' || first == '_' || static_cast<unsigned char>(first) >= 0x80;
  if (!letter) {
    // Digits may begin numbers, times and what 1.1 calls sexagesimal: 10:30.
    const bool number_like = std::ranges::all_of(text, [](char c) {
      return (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-' || c == '+' || c == '_' ||
             c == 'e' || c == 'E' || c == 'x' || c == 'o' || c == ',' || (c >= 'a' && c <= 'f') ||
             (c >= 'A' && c <= 'F');
    });
    const bool time_like = text.size() >= 10 && text[4] == '-' && text[7] == '-';
    if (first < '0' || first > '9' || number_like || time_like) return false;
  }
  if (text.size() == 1 && (first == 'y' || first == 'Y' || first == 'n' || first == 'N')) {
    return false;
  }
  const Scalar scalar = ResolvePlainScalar(text);
  return scalar.problem.empty() && scalar.node.kind == Value::Kind::kString;
}

// A block shows every line as it is; not what begins with a blank, or has blanks at the end of a
// line, or other line breaks than \n.
bool FitsBlock(std::string_view text) {
  if (text.find('\n') == text.npos || text.front() == ' ' || text.front() == '\n') return false;
  // yaml-cpp writes "|", which keeps exactly one newline at the end.
  if (text.back() != '\n' || text.ends_with("\n\n")) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n') || c >= 0x7f) return false;
    if (c == '\n' && i > 0 && text[i - 1] == ' ') return false;
  }
  return true;
}

void WriteText(YAML::Emitter& out, const std::string& text) {
  if (IsPlain(text)) {
    out << YAML::Auto << text;
  } else if (FitsBlock(text)) {
    out << YAML::Literal << text.substr(0, text.size() - 1);  // the newline is yaml-cpp's
  } else {
    out << YAML::DoubleQuoted << text;
  }
}

void Write(YAML::Emitter& out, const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      if (value.empty()) {
        out << YAML::Flow << YAML::BeginMap << YAML::EndMap;
        return;
      }
      out << YAML::Block << YAML::BeginMap;
      for (const auto& [key, member] : value.items()) {
        out << YAML::Key;
        if (IsPlain(key)) {
          out << YAML::Auto << key;
        } else {
          out << YAML::DoubleQuoted << key;
        }
        out << YAML::Value;
        Write(out, member);
      }
      out << YAML::EndMap;
      return;
    case json::value_t::array:
      if (value.empty()) {
        out << YAML::Flow << YAML::BeginSeq << YAML::EndSeq;
        return;
      }
      out << YAML::Block << YAML::BeginSeq;
      for (const json& item : value) Write(out, item);
      out << YAML::EndSeq;
      return;
    case json::value_t::string:
      return WriteText(out, value.get_ref<const std::string&>());
    case json::value_t::null:
    case json::value_t::discarded:
      out << YAML::LowerNull << YAML::Null;
      return;
    case json::value_t::boolean:
      out << value.get<bool>();
      return;
    default:  // numbers are written as in JSON
      out << value.dump(-1, ' ', false, json::error_handler_t::replace);
  }
}

}  // namespace

std::string WriteYaml(const json& value) {
  YAML::Emitter out;
  try {
    Write(out, value);
    if (out.good()) return std::string(out.c_str(), out.size()) + "\n";
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): falls back below
  }
  // JSON is YAML: whatever yaml-cpp cannot write is at least correct.
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace ballast::api
