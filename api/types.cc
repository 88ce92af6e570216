#include "api/types.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec.h"
#include "api/quantity.h"

namespace ballast::api {
namespace {

// Quantities and durations share their shape: a word, a parser, a range, a formatter.
template <typename T, typename Parse, typename Format>
Type<T> Measured(std::string name, std::string wanted, T min, T max, Parse parse, Format format) {
  const std::string range = format(min) + " to " + format(max);
  return {.name = std::move(name),
          .allowed = range,
          .read =
              [=](const Cursor& at, T& out) {
                std::string text;
                if (!ReadWord(at, wanted, text)) return;
                const auto value = parse(text);
                if (!value) {
                  at.ErrorWanted(wanted);
                } else if (*value < min || *value > max) {
                  at.ErrorWanted(wanted + ", from " + range);
                } else {
                  out = *value;
                }
              },
          .write = [format](const T& value, Style) { return Value::Text(format(value)); },
          .is_empty = [](const T& value) { return value == T{}; },
          .describe = nullptr};
}

// "the number 7"
std::string GotOfType(const Cursor& at, std::string_view type) {
  return at.context().secret ? at.Got() : fmt::format("the {} {}", type, at.Got());
}

}  // namespace

bool ReadInteger(const Cursor& at, std::int64_t min, std::int64_t max, std::int64_t& out) {
  const Value& node = at.node();
  if (node.bad) return false;
  const std::string wanted = fmt::format("an integer between {} and {}", min, max);
  if (node.kind == Value::Kind::kString && node.quoted &&
      ResolvePlainScalar(node.text).node.kind == Value::Kind::kInt) {
    at.Error(fmt::format("must be {}, got {}: remove the quotes", wanted, GotOfType(at, "string")));
    return false;
  }
  if (node.kind != Value::Kind::kInt || node.too_big || node.integer < min || node.integer > max) {
    at.ErrorWanted(wanted);
    return false;
  }
  out = node.integer;
  return true;
}

bool ReadBoolean(const Cursor& at, bool& out) {
  if (at.node().bad) return false;
  if (at.node().kind != Value::Kind::kBool) {
    at.ErrorWanted("true or false");
    return false;
  }
  out = at.node().boolean;
  return true;
}

bool ReadText(const Cursor& at, std::string_view what, std::string& out) {
  const Value& node = at.node();
  if (node.bad) return false;
  switch (node.kind) {
    case Value::Kind::kString:
      out = node.text;
      return true;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
    case Value::Kind::kFloat:
      at.Error(fmt::format("must be {}, got {}: put it in quotes", what,
                           GotOfType(at, node.kind == Value::Kind::kBool ? "boolean" : "number")));
      return false;
    default:
      at.ErrorWanted(what);
      return false;
  }
}

bool ReadWord(const Cursor& at, std::string_view wanted, std::string& out) {
  const Value& node = at.node();
  if (node.bad) return false;
  if (node.kind != Value::Kind::kString && node.kind != Value::Kind::kInt &&
      node.kind != Value::Kind::kFloat) {
    at.ErrorWanted(wanted);
    return false;
  }
  out = node.text;
  return true;
}

std::string Plural(std::string noun) {
  if (noun.ends_with('s')) return noun;
  if (!noun.ends_with('y')) return noun + "s";
  noun.pop_back();
  return noun + "ies";
}

Type<bool> Boolean() {
  return {.name = "boolean",
          .allowed = "true or false",
          .read =
              [](const Cursor& at, bool& out) {
                bool value = false;
                if (ReadBoolean(at, value)) out = value;
              },
          .write = [](const bool& value, Style) { return Value::Bool(value); },
          .is_empty = [](const bool&) { return false; },
          .describe = nullptr};
}

Type<std::string> Text(std::string allowed, Rule rule) {
  return {.name = "string",
          .allowed = std::move(allowed),
          .read =
              [rule](const Cursor& at, std::string& out) {
                std::string text;
                if (!ReadText(at, "a string", text)) return;
                const std::string wanted = rule(text);
                if (wanted.empty()) {
                  out = std::move(text);
                } else if (rule == RuleEnvValue || rule == RuleArgument) {
                  at.Error("must be " + wanted);  // may be a password: never shown
                } else {
                  at.ErrorWanted(wanted);
                }
              },
          .write = [](const std::string& value, Style) { return Value::Text(value); },
          .is_empty = [](const std::string& value) { return value.empty(); },
          .describe = nullptr};
}

Type<NamespacedName> NamespacedReference() {
  return {.name = "string",
          .allowed = "a namespace, a slash and a name",
          .read =
              [](const Cursor& at, NamespacedName& out) {
                std::string text;
                if (!ReadText(at, "a string", text)) return;
                const std::string wanted = RuleNamespacedName(text);
                if (!wanted.empty()) return at.ErrorWanted(wanted);
                const std::size_t slash = text.find('/');
                out = {text.substr(0, slash), text.substr(slash + 1)};
              },
          .write = [](const NamespacedName& value, Style) { return Value::Text(value.ToString()); },
          .is_empty = [](const NamespacedName& value) { return value == NamespacedName{}; },
          .describe = nullptr};
}

Type<Millis> Duration(Millis min, Millis max) {
  return Measured<Millis>("duration", "a duration such as 250ms, 60s, 1m30s or 1h", min, max,
                          ParseDuration, FormatDuration);
}

Type<std::int64_t> CpuQuantity(std::int64_t min, std::int64_t max) {
  return Measured<std::int64_t>("quantity", "a number of CPUs such as 500m, 0.5 or 2", min, max,
                                ParseCpuMillis, FormatCpuMillis);
}

Type<std::int64_t> ByteQuantity(std::int64_t min, std::int64_t max) {
  return Measured<std::int64_t>("quantity", "a number of bytes such as 256Mi or 1.5Gi", min, max,
                                ParseBytes, FormatBytes);
}

Type<MetricQuantity> Quantity(std::int64_t min_millis, std::int64_t max_millis) {
  const std::string least = FormatMetricQuantity({min_millis});
  const std::string range =
      fmt::format("{}{} to {}", least, least.ends_with('m') ? " (thousandth)" : "",
                  FormatMetricQuantity({max_millis}));
  return {.name = "quantity",
          .allowed = range,
          .read =
              [=](const Cursor& at, MetricQuantity& out) {
                std::string text;
                if (!ReadWord(at, "a quantity such as 50, 0.5 or 200m", text)) return;
                const auto value = ParseMetricQuantity(text);
                if (!value) {
                  at.Error(value.error().message);
                } else if (value->millis < min_millis || value->millis > max_millis) {
                  at.ErrorWanted("a quantity from " + range);
                } else {
                  out = *value;
                }
              },
          .write = [](const MetricQuantity& value,
                      Style) { return Value::Text(FormatMetricQuantity(value)); },
          .is_empty = [](const MetricQuantity& value) { return value == MetricQuantity{}; },
          .describe = nullptr};
}

Type<IntOrPercent> NumberOrPercent() {
  return {.name = "integer or percentage",
          .allowed = "0 to 1000, or 0% to 100%",
          .read =
              [](const Cursor& at, IntOrPercent& out) {
                const Value& node = at.node();
                if (node.bad) return;
                const std::string wanted =
                    "an integer between 0 and 1000 or a percentage between 0% and 100%";
                if (node.kind == Value::Kind::kInt && !node.too_big && node.integer >= 0 &&
                    node.integer <= 1000) {
                  out = {false, static_cast<int>(node.integer)};
                  return;
                }
                const std::string& text = node.text;
                if (node.kind == Value::Kind::kString && text.size() >= 2 && text.size() <= 4 &&
                    text.back() == '%') {
                  const Scalar number = ResolvePlainScalar(text.substr(0, text.size() - 1));
                  if (number.node.kind == Value::Kind::kInt && number.node.integer >= 0 &&
                      number.node.integer <= 100 && text[0] >= '0' && text[0] <= '9') {
                    out = {true, static_cast<int>(number.node.integer)};
                    return;
                  }
                }
                at.ErrorWanted(wanted);
              },
          .write =
              [](const IntOrPercent& value, Style) {
                return value.percent ? Value::Text(std::to_string(value.value) + "%")
                                     : Value::Int(value.value);
              },
          .is_empty = [](const IntOrPercent&) { return false; },
          .describe = nullptr};
}

Type<std::map<std::string, std::string>> StringMap(std::string allowed, Rule key, Rule value) {
  using Map = std::map<std::string, std::string>;
  return {.name = "map of strings",
          .allowed = std::move(allowed),
          .read =
              [key, value](const Cursor& at, Map& out) {
                if (at.node().bad) return;
                if (at.node().kind != Value::Kind::kMap) return at.ErrorWanted("a map of strings");
                out.clear();
                for (const Member& member : at.node().members) {
                  if (const std::string wanted = key(member.key); !wanted.empty()) {
                    at.KeyError(member, fmt::format("must be {}", wanted));
                    continue;
                  }
                  const Cursor child = at.At(member);
                  std::string text;
                  if (!ReadText(child, "a string", text)) continue;
                  const std::string wanted = value(text);
                  if (!wanted.empty() && value == RuleAnnotationValue) {
                    child.Error("must be " + wanted);  // may hold a password: never shown
                  } else if (!wanted.empty()) {
                    child.ErrorWanted(wanted);
                  } else {
                    out[member.key] = std::move(text);
                  }
                }
              },
          .write =
              [](const Map& map, Style) {
                Value node = Value::Map();
                for (const auto& [name, text] : map) node.Set(name, Value::Text(text));
                return node;
              },
          .is_empty = [](const Map& map) { return map.empty(); },
          .describe = nullptr};
}

}  // namespace ballast::api
