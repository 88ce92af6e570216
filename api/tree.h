// The tree that YAML and JSON are read into before they become objects: every value knows where it
// stood in the text. Internal to api/; plain values, usable from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::api {

// Where something stands in a text, 1-based; 0: it did not come from text. Columns count bytes.
struct Position {
  int line = 0;
  int column = 0;
  auto operator<=>(const Position&) const = default;
};

struct Member;

struct Value {
  enum class Kind { kNull, kBool, kInt, kFloat, kString, kList, kMap };

  Kind kind = Kind::kNull;
  bool boolean = false;
  bool too_big = false;      // kInt: does not fit into 64 bits
  bool quoted = false;       // kString: it was written in quotes or as a block
  bool bad = false;          // an error about it has been reported already: say nothing more
  std::int64_t integer = 0;  // kInt
  std::string text;          // scalars: as written, without quotes
  Position at;
  std::vector<Value> items;     // kList
  std::vector<Member> members;  // kMap, in the order of the text, without duplicates

  [[nodiscard]] const Member* Find(std::string_view key) const;
  // Adds a member at the end; the caller knows that the key is new.
  void Set(std::string key, Value value);

  [[nodiscard]] static Value Int(std::int64_t value);
  [[nodiscard]] static Value Bool(bool value);
  [[nodiscard]] static Value Text(std::string value);
  [[nodiscard]] static Value List();
  [[nodiscard]] static Value Map();

  // For error messages: `"three"`, `true`, `a list`; escaped and cut to a readable length.
  [[nodiscard]] std::string Describe() const;
};

struct Member {
  std::string key;
  Position at;  // of the key
  Value value;
};

// A string for an error message: quoted, control characters escaped, cut after 60 bytes. No message
// carries anything a user wrote in any other form, so that nobody can forge log lines.
[[nodiscard]] std::string Quote(std::string_view text);

// JSON without white space, with sorted keys: the canonical text of a value. Never changed, since
// revisions are hashes of it.
[[nodiscard]] std::string ToJsonText(const Value& node);

// A plain scalar by the core rules of YAML 1.2 (null, true/false, integers, floats, else a string).
// What other parsers read differently (yes, off, 010) comes back with a `problem`.
struct Scalar {
  Value node;
  std::string problem;
};
[[nodiscard]] Scalar ResolvePlainScalar(std::string_view text);

}  // namespace ballast::api
