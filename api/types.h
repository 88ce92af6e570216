// How one type of value is read, written and described. Internal to api/. The objects are made once
// and never changed, so any thread may use them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/cursor.h"
#include "api/metric_quantity.h"
#include "api/names.h"
#include "api/reference.h"
#include "api/tree.h"
#include "api/webapp.h"

namespace ballast::api {

// kFull: with defaults, for people. kCanonical: without them, for hashing.
enum class Style { kFull, kCanonical };

template <typename T>
struct Type {
  std::string name;     // "integer", "list of strings"
  std::string allowed;  // "0 to 1000"; empty: what the name says
  std::function<void(const Cursor&, T&)> read;
  std::function<Value(const T&, Style)> write;
  // A value that means "not there" and is never written unless it differs from the default.
  std::function<bool(const T&)> is_empty;
  // Adds the fields inside, for the reference; null: there are none.
  std::function<void(const std::string& path, KindDoc&)> describe;
  bool is_map = false;  // of named fields: each has its own default
};

// Readers of the scalar types; false: an error has been reported.
bool ReadInteger(const Cursor& at, std::int64_t min, std::int64_t max, std::int64_t& out);
bool ReadBoolean(const Cursor& at, bool& out);
bool ReadText(const Cursor& at, std::string_view what, std::string& out);
// A string or a number, as written: quantities and durations.
bool ReadWord(const Cursor& at, std::string_view wanted, std::string& out);

template <typename T>
Type<T> Integer(std::int64_t min, std::int64_t max) {
  return {.name = "integer",
          .allowed = std::to_string(min) + " to " + std::to_string(max),
          .read =
              [min, max](const Cursor& at, T& out) {
                std::int64_t value = 0;
                if (ReadInteger(at, min, max, value)) out = static_cast<T>(value);
              },
          .write = [](const T& value, Style) { return Value::Int(std::int64_t{value}); },
          .is_empty = [](const T&) { return false; },
          .describe = nullptr};
}

[[nodiscard]] Type<bool> Boolean();
// `allowed`: the rule in words, for the reference; empty: any string without control characters.
[[nodiscard]] Type<std::string> Text(std::string allowed, Rule rule);
// "namespace/name"
[[nodiscard]] Type<NamespacedName> NamespacedReference();
[[nodiscard]] Type<Millis> Duration(Millis min, Millis max);
[[nodiscard]] Type<std::int64_t> CpuQuantity(std::int64_t min, std::int64_t max);
[[nodiscard]] Type<std::int64_t> ByteQuantity(std::int64_t min, std::int64_t max);
// In thousandths, both ends included.
[[nodiscard]] Type<MetricQuantity> Quantity(std::int64_t min_millis, std::int64_t max_millis);
[[nodiscard]] Type<IntOrPercent> NumberOrPercent();
[[nodiscard]] Type<std::map<std::string, std::string>> StringMap(std::string allowed, Rule key,
                                                                 Rule value);

// One of a few words. `refused`: words with a message of their own, such as "not built yet".
template <typename E>
Type<E> Choice(const std::vector<std::pair<std::string, E>>& words,
               const std::vector<std::pair<std::string, std::string>>& refused = {}) {
  std::string allowed;
  for (const auto& [word, value] : words) {
    if (!word.empty()) allowed += (allowed.empty() ? "" : ", ") + word;
  }
  return {.name = "string",
          .allowed = allowed,
          .read =
              [words, refused, allowed](const Cursor& at, E& out) {
                std::string text;
                const std::string wanted =
                    (allowed.find(',') == allowed.npos ? "" : "one of ") + allowed;
                if (!ReadText(at, wanted, text)) return;
                for (const auto& [word, value] : words) {
                  if (word == text) {
                    out = value;
                    return;
                  }
                }
                for (const auto& [word, message] : refused) {
                  if (word == text) return at.Error(message);
                }
                at.ErrorWanted(wanted);
              },
          .write =
              [words](const E& value, Style) {
                for (const auto& [word, known] : words) {
                  if (known == value) return Value::Text(word);
                }
                return Value();
              },
          .is_empty = [](const E&) { return false; },
          .describe = nullptr};
}

// "policy" -> "policies"; what ends with an s is one already.
[[nodiscard]] std::string Plural(std::string noun);

enum class Repeats { kAllowed, kRefused };

template <typename T>
Type<std::vector<T>> List(Type<T> item, std::size_t min, std::size_t max,
                          Repeats repeats = Repeats::kAllowed) {
  const std::string name = "list of " + Plural(item.name);
  return {.name = name,
          .allowed = (item.allowed.empty() ? "" : "each: " + item.allowed + "; ") +
                     (min > 0 ? std::to_string(min) + " to " : "at most ") + std::to_string(max),
          .read =
              [item, min, max, name, repeats](const Cursor& at, std::vector<T>& out) {
                if (at.node().bad) return;
                if (at.node().kind != Value::Kind::kList) return at.ErrorWanted("a " + name);
                const std::size_t size = at.node().items.size();
                if (size < min || size > max) {
                  at.Error("must have " + std::to_string(min) + " to " + std::to_string(max) +
                           " items, got " + std::to_string(size));
                  if (size > max) return;
                }
                out.clear();
                for (std::size_t i = 0; i < size; ++i) {
                  T value{};
                  const Cursor child = at.At(i);
                  item.read(child, value);
                  if (repeats == Repeats::kRefused &&
                      std::find(out.begin(), out.end(), value) != out.end() && !(value == T{})) {
                    child.DerivedError("", "is in the list already: " + child.Got());
                  }
                  out.push_back(std::move(value));
                }
              },
          .write =
              [item](const std::vector<T>& values, Style style) {
                Value node = Value::List();
                for (const T& value : values) node.items.push_back(item.write(value, style));
                return node;
              },
          .is_empty = [](const std::vector<T>& values) { return values.empty(); },
          .describe =
              [item](const std::string& path, KindDoc& out) {
                if (item.describe) item.describe(path + "[]", out);
              }};
}

}  // namespace ballast::api
