// A declarative description of an object's fields: name, member, type, meaning, example. The same
// table decodes, encodes and documents, and takes each default from the struct itself, so that
// code, errors and docs/manifests.md cannot drift apart. Internal to api/.
//
//   Schema<Listener> schema;
//   schema.Required("name", &Listener::name, Text(...), "Names the listener.", "http")
//         .Add("port", &Listener::port, Integer<std::uint16_t>(1, 65535), "...", "8080")
//         .Refuse("tls", "is not built yet")
//         .Check([](const Cursor& at, Listener& listener) { ... });
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/types.h"

namespace ballast::api {

// A field that users may expect but that does not exist, with the reason. `harmless`: as JSON, the
// one value that asks for nothing and is let through.
struct Refusal {
  std::string name;
  std::string message;
  std::string harmless;
};

// The parts that need no template; in schema.cc.
[[nodiscard]] bool IsMap(const Cursor& at);
void ReportUnknown(const Cursor& at, const Member& member, const std::vector<std::string>& known,
                   const std::vector<Refusal>& refusals);
void ReportRefused(const Cursor& at, const Member& member, const Refusal& refusal);
void ReportMissing(const Cursor& at, const std::string& name, const std::string& meaning);
[[nodiscard]] std::string ProblemWithExample(const std::string& example,
                                             const std::function<void(const Cursor&)>& read);
[[nodiscard]] std::string JoinPath(const std::string& path, const std::string& name);
// Exactly one of these members must be there.
void CheckOneOf(const Cursor& at, const std::vector<std::string>& names);

template <typename S>
class Schema {
 public:
  // A field that has a default: the member's own.
  template <typename T>
  Schema& Add(std::string name, T S::* member, Type<T> type, std::string meaning,
              std::string example) {
    return AddField(std::move(name), member, std::move(type), std::move(meaning),
                    std::move(example), false);
  }

  template <typename T>
  Schema& Required(std::string name, T S::* member, Type<T> type, std::string meaning,
                   std::string example) {
    return AddField(std::move(name), member, std::move(type), std::move(meaning),
                    std::move(example), true);
  }

  // A field whose absence means something of its own.
  template <typename T>
  Schema& Optional(std::string name, std::optional<T> S::* member, Type<T> type,
                   std::string meaning, std::string example) {
    Field field;
    Describe(field, std::move(name), type, std::move(meaning), std::move(example));
    field.read = [member, type](const Cursor& at, S& out) {
      T value{};
      type.read(at, value);
      out.*member = std::move(value);
    };
    field.write = [member, type, key = field.doc.path](const S& object, Style style, Value& map) {
      if (object.*member) map.Set(key, type.write(*(object.*member), style));
    };
    return Push(std::move(field));
  }

  // One alternative of a variant; the check of the schema sees to it that there is exactly one.
  template <typename T, typename V>
  Schema& Alternative(std::string name, V S::* member, Type<T> type, std::string meaning,
                      std::string example) {
    Field field;
    Describe(field, std::move(name), type, std::move(meaning), std::move(example));
    field.read = [member, type](const Cursor& at, S& out) {
      T value{};
      type.read(at, value);
      out.*member = std::move(value);
    };
    field.write = [member, type, key = field.doc.path](const S& object, Style style, Value& map) {
      if (const T* value = std::get_if<T>(&(object.*member))) {
        map.Set(key, type.write(*value, style));
      }
    };
    return Push(std::move(field));
  }

  // Fields that lie one level deeper in the text than in the struct.
  Schema& Group(std::string name, Schema<S> inner, std::string meaning, bool required = false) {
    auto shared = std::make_shared<const Schema<S>>(std::move(inner));
    Field field;
    field.doc.path = std::move(name);
    field.doc.type = "map";
    field.doc.required = required;
    field.doc.meaning = std::move(meaning);
    field.read = [shared](const Cursor& at, S& out) { shared->Read(at, out); };
    field.write = [shared, key = field.doc.path](const S& object, Style style, Value& map) {
      Value node = shared->Write(object, style);
      if (!node.members.empty()) map.Set(key, std::move(node));
    };
    field.describe = [shared](const std::string& path, KindDoc& out) {
      shared->DescribeFields(path, out);
    };
    return Push(std::move(field));
  }

  // A field with one allowed value that is kept nowhere: apiVersion, kind.
  Schema& Constant(const std::string& name, const std::string& value, const std::string& meaning) {
    Field field;
    field.doc = {.path = name,
                 .type = "string",
                 .default_value = "",
                 .required = true,
                 .allowed = value,
                 .meaning = meaning,
                 .example = value,
                 .example_problem = ""};
    field.read = [value](const Cursor& at, S&) {
      std::string text;
      if (ReadText(at, value, text) && text != value) at.ErrorWanted(value);
    };
    field.write = [name, value](const S&, Style, Value& map) { map.Set(name, Value::Text(value)); };
    return Push(std::move(field));
  }

  // Of the field added last: true = always write it, false = never, nothing = unless it is default.
  Schema& Presence(std::function<std::optional<bool>(const S&)> presence) {
    fields_.back().presence = std::move(presence);
    return *this;
  }

  // Of the field added last: refused like this unless the reader has the feature on.
  Schema& Switch(bool Features::* feature, std::string message, std::string harmless = "") {
    Field& field = fields_.back();
    field.feature = feature;
    field.refusal = {field.doc.path, std::move(message), std::move(harmless)};
    return *this;
  }

  Schema& Refuse(std::string name, std::string message, std::string harmless = "") {
    refusals_.push_back({std::move(name), std::move(message), std::move(harmless)});
    return *this;
  }

  // Runs after the fields were read, whatever was wrong with them; reports with DerivedError.
  Schema& Check(std::function<void(const Cursor&, S&)> check) {
    checks_.push_back(std::move(check));
    return *this;
  }

  void Read(const Cursor& at, S& out) const {
    if (!IsMap(at)) return;
    for (const Member& member : at.node().members) {
      const Field* field = Find(member.key);
      if (field == nullptr) {
        ReportUnknown(at, member, Names(at), refusals_);
      } else if (field->IsOff(at)) {
        ReportRefused(at, member, field->refusal);
      } else {
        field->read(at.At(member), out);
      }
    }
    for (const Field& field : fields_) {
      if (field.doc.required && at.node().Find(field.doc.path) == nullptr) {
        const bool constant = !field.check_example && !field.doc.allowed.empty();
        ReportMissing(at, field.doc.path, constant ? field.doc.allowed : field.doc.meaning);
      }
    }
    for (const auto& check : checks_) check(at, out);
  }

  [[nodiscard]] Value Write(const S& object, Style style) const {
    Value map = Value::Map();
    for (const Field& field : fields_) {
      const std::optional<bool> presence =
          field.presence ? field.presence(object) : std::optional<bool>();
      if (presence == false) continue;
      if (presence != true && field.is_left_out && field.is_left_out(object, style)) continue;
      field.write(object, style, map);
    }
    return map;
  }

  void DescribeFields(const std::string& path, KindDoc& out) const {
    for (const Field& field : fields_) {
      FieldDoc doc = field.doc;
      doc.path = JoinPath(path, field.doc.path);
      const std::string inner = doc.path;
      if (field.check_example) doc.example_problem = field.check_example();
      const std::size_t first = out.fields.size();
      out.fields.push_back(std::move(doc));
      if (field.describe) field.describe(inner, out);
      for (std::size_t i = first; field.feature != nullptr && i < out.fields.size(); ++i) {
        out.fields[i].switched_off = field.refusal.message;
      }
    }
    for (const Refusal& refusal : refusals_) {
      out.refused.push_back({JoinPath(path, refusal.name), refusal.message});
    }
  }

 private:
  struct Field {
    FieldDoc doc;  // path: the name only
    std::function<void(const Cursor&, S&)> read;
    std::function<void(const S&, Style, Value& map)> write;
    std::function<bool(const S&, Style)> is_left_out;
    std::function<std::optional<bool>(const S&)> presence;
    std::function<void(const std::string& path, KindDoc&)> describe;
    std::function<std::string()> check_example;
    bool Features::* feature = nullptr;  // the switch; null: it is always there
    Refusal refusal;                     // while the switch is off

    [[nodiscard]] bool IsOff(const Cursor& at) const {
      return feature != nullptr && !(at.context().options.features.*feature);
    }
  };

  template <typename T>
  static void Describe(Field& field, std::string name, const Type<T>& type, std::string meaning,
                       std::string example) {
    field.doc.path = std::move(name);
    field.doc.type = type.name;
    field.doc.allowed = type.allowed;
    field.doc.meaning = std::move(meaning);
    field.doc.example = std::move(example);
    field.describe = type.describe;
    if (field.doc.example.empty()) return;
    field.check_example = [type, text = field.doc.example] {
      return ProblemWithExample(text, [&type](const Cursor& at) {
        T value{};
        type.read(at, value);
      });
    };
  }

  template <typename T>
  Schema& AddField(std::string name, T S::* member, Type<T> type, std::string meaning,
                   std::string example, bool required) {
    Field field;
    Describe(field, std::move(name), type, std::move(meaning), std::move(example));
    field.doc.required = required;
    const T standard = S{}.*member;
    if (!required && !type.is_empty(standard)) {
      const Value node = type.write(standard, Style::kFull);
      if (!type.is_map) field.doc.default_value = ToJsonText(node);
    }
    field.read = [member, type](const Cursor& at, S& out) { type.read(at, out.*member); };
    field.write = [member, type, key = field.doc.path](const S& object, Style style, Value& map) {
      Value node = type.write(object.*member, style);
      // A map without one field to show says nothing.
      if (type.is_map && node.members.empty() && object.*member == S{}.*member) return;
      map.Set(key, std::move(node));
    };
    if (!required) {
      field.is_left_out = [member, type, standard](const S& object, Style style) {
        if (!(object.*member == standard)) return false;
        return style == Style::kCanonical || type.is_empty(object.*member);
      };
    }
    return Push(std::move(field));
  }

  Schema& Push(Field field) {
    fields_.push_back(std::move(field));
    return *this;
  }

  // For suggestions.
  std::vector<std::string> Names(const Cursor& at) const {
    std::vector<std::string> names;
    for (const Field& field : fields_) {
      if (!field.IsOff(at)) names.push_back(field.doc.path);
    }
    return names;
  }

  const Field* Find(const std::string& name) const {
    for (const Field& field : fields_) {
      if (field.doc.path == name) return &field;
    }
    return nullptr;
  }

  std::vector<Field> fields_;
  std::vector<Refusal> refusals_;
  std::vector<std::function<void(const Cursor&, S&)>> checks_;
};

// An object as a value of a field. `plural` names several of them: "list of containers".
template <typename S>
Type<S> MapOf(const std::string& name, Schema<S> schema) {
  auto shared = std::make_shared<const Schema<S>>(std::move(schema));
  return {.name = name,
          .allowed = "",
          .read = [shared](const Cursor& at, S& out) { shared->Read(at, out); },
          .write = [shared](const S& object, Style style) { return shared->Write(object, style); },
          .is_empty = [](const S&) { return false; },
          .describe = [shared](const std::string& path,
                               KindDoc& out) { shared->DescribeFields(path, out); },
          .is_map = true};
}

}  // namespace ballast::api
