#include "api/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace ballast::api {
namespace {

constexpr std::size_t kLongestQuote = 60;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool IsFloat(std::string_view text) {
  std::size_t i = 0;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  std::size_t digits = 0;
  while (i < text.size() && IsDigit(text[i])) ++i, ++digits;
  if (i < text.size() && text[i] == '.') {
    ++i;
    std::size_t fraction = 0;
    while (i < text.size() && IsDigit(text[i])) ++i, ++fraction;
    if (digits == 0 && fraction == 0) return false;
  } else if (digits == 0) {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    return AllDigits(text.substr(i));
  }
  return i == text.size();
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Whole text as an integer of that base; too_big when it overflows.
void ParseInteger(std::string_view digits, int base, Value& node) {
  node.kind = Value::Kind::kInt;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), node.integer, base);
  node.too_big = error != std::errc() || end != digits.data() + digits.size();
}

void AppendJsonString(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\b') {
      out += "\\b";
    } else if (c == '\f') {
      out += "\\f";
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

void AppendJson(const Value& node, std::string& out) {
  switch (node.kind) {
    case Value::Kind::kNull:
      out += "null";
      return;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
    case Value::Kind::kFloat:
      out += node.text;
      return;
    case Value::Kind::kString:
      AppendJsonString(node.text, out);
      return;
    case Value::Kind::kList: {
      out += '[';
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i > 0) out += ',';
        AppendJson(node.items[i], out);
      }
      out += ']';
      return;
    }
    case Value::Kind::kMap: {
      std::vector<const Member*> sorted;
      sorted.reserve(node.members.size());
      for (const Member& member : node.members) sorted.push_back(&member);
      std::sort(sorted.begin(), sorted.end(),
                [](const Member* a, const Member* b) { return a->key < b->key; });
      out += '{';
      for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (i > 0) out += ',';
        AppendJsonString(sorted[i]->key, out);
        out += ':';
        AppendJson(sorted[i]->value, out);
      }
      out += '}';
      return;
    }
  }
}

bool OnlyHex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

}  // namespace

const Member* Value::Find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

void Value::Set(std::string key, Value value) {
  members.push_back({.key = std::move(key), .at = {}, .value = std::move(value)});
}

Value Value::Int(std::int64_t value) {
  Value node;
  node.kind = Kind::kInt;
  node.integer = value;
  node.text = std::to_string(value);
  return node;
}

Value Value::Bool(bool value) {
  Value node;
  node.kind = Kind::kBool;
  node.boolean = value;
  node.text = value ? "true" : "false";
  return node;
}

Value Value::Text(std::string value) {
  Value node;
  node.kind = Kind::kString;
  node.text = std::move(value);
  node.quoted = true;
  return node;
}

Value Value::List() {
  Value node;
  node.kind = Kind::kList;
  return node;
}

Value Value::Map() {
  Value node;
  node.kind = Kind::kMap;
  return node;
}

std::string Value::Describe() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      return text.size() <= kLongestQuote ? text : text.substr(0, kLongestQuote) + "...";
    case Kind::kString:
      return Quote(text);
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "something else";
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  std::size_t end = text.size();
  if (end > kLongestQuote) {
    end = kLongestQuote;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  }
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
  if (end < text.size()) out += "...";
  return out;
}

std::string ToJsonText(const Value& node) {
  std::string out;
  AppendJson(node, out);
  return out;
}

Scalar ResolvePlainScalar(std::string_view text) {
  Scalar scalar;
  Value& node = scalar.node;
  node.text = text;
  if (text.empty() || IsOneOf(text, {"null", "Null", "NULL", "~"})) return scalar;
  if (IsOneOf(text, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
    node.kind = Value::Kind::kBool;
    node.boolean = text[0] == 't' || text[0] == 'T';
    node.text = node.boolean ? "true" : "false";
    return scalar;
  }
  if (IsOneOf(text,
              {"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"})) {
    scalar.problem = fmt::format(
        "{} is a boolean to some YAML parsers and a word to others: write true or false, or put "
        "it in quotes",
        Quote(text));
    return scalar;
  }
  const bool has_sign = text[0] == '-' || text[0] == '+';
  const std::string_view digits = has_sign ? text.substr(1) : text;
  if (AllDigits(digits)) {
    if (digits.size() > 1 && digits[0] == '0') {
      scalar.problem = fmt::format(
          "{} is an octal number to some YAML parsers: write it without leading zeros, as 0o17 if "
          "it is octal, or put it in quotes",
          Quote(text));
      return scalar;
    }
    ParseInteger(text[0] == '+' ? digits : text, 10, node);
    return scalar;
  }
  if (text.starts_with("0x") && OnlyHex(text.substr(2))) {
    ParseInteger(text.substr(2), 16, node);
  } else if (text.starts_with("0o") && AllDigits(text.substr(2)) &&
             text.find_first_of("89", 2) == text.npos) {
    ParseInteger(text.substr(2), 8, node);
  } else if (IsFloat(text) || IsOneOf(digits, {".inf", ".Inf", ".INF"}) ||
             IsOneOf(text, {".nan", ".NaN", ".NAN"})) {
    node.kind = Value::Kind::kFloat;
  } else {
    node.kind = Value::Kind::kString;
  }
  return scalar;
}

}  // namespace ballast::api
