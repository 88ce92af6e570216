#include "controller/apiserver/protobuf_body.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "api/base64.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr std::string_view kMagic{"k8s\0", 4};

enum class Type { kText, kBytes, kNumber, kBool, kMessage, kTexts, kTextMap, kBytesMap, kIgnored };

struct Field {
  std::uint32_t number = 0;
  const char* name = "";
  Type type = Type::kText;
  std::span<const Field> message;  // of a kMessage; messages do not contain themselves
};

constexpr Field kTypeMeta[] = {{1, "apiVersion", Type::kText, {}}, {2, "kind", Type::kText, {}}};
constexpr Field kUnknown[] = {{1, "typeMeta", Type::kMessage, kTypeMeta},
                              {2, "raw", Type::kBytes, {}},
                              {3, "contentEncoding", Type::kText, {}},
                              {4, "contentType", Type::kText, {}}};
// What the server keeps itself is not taken from a body anyway.
constexpr Field kObjectMeta[] = {{1, "name", Type::kText, {}},
                                 {2, "generateName", Type::kText, {}},
                                 {3, "namespace", Type::kText, {}},
                                 {4, "selfLink", Type::kIgnored, {}},
                                 {5, "uid", Type::kText, {}},
                                 {6, "resourceVersion", Type::kText, {}},
                                 {7, "generation", Type::kIgnored, {}},
                                 {8, "creationTimestamp", Type::kIgnored, {}},
                                 {9, "deletionTimestamp", Type::kIgnored, {}},
                                 {10, "deletionGracePeriodSeconds", Type::kIgnored, {}},
                                 {11, "labels", Type::kTextMap, {}},
                                 {12, "annotations", Type::kTextMap, {}},
                                 {14, "finalizers", Type::kTexts, {}},
                                 {17, "managedFields", Type::kIgnored, {}}};
constexpr Field kNamespace[] = {{1, "metadata", Type::kMessage, kObjectMeta},
                                {2, "spec", Type::kIgnored, {}},
                                {3, "status", Type::kIgnored, {}}};
constexpr Field kConfigMap[] = {{1, "metadata", Type::kMessage, kObjectMeta},
                                {2, "data", Type::kTextMap, {}},
                                {3, "binaryData", Type::kBytesMap, {}},
                                {4, "immutable", Type::kBool, {}}};
constexpr Field kSecret[] = {{1, "metadata", Type::kMessage, kObjectMeta},
                             {2, "data", Type::kBytesMap, {}},
                             {3, "type", Type::kText, {}},
                             {4, "stringData", Type::kTextMap, {}},
                             {5, "immutable", Type::kBool, {}}};
constexpr Field kPreconditions[] = {{1, "uid", Type::kText, {}},
                                    {2, "resourceVersion", Type::kText, {}}};
constexpr Field kDeleteOptions[] = {{1, "gracePeriodSeconds", Type::kNumber, {}},
                                    {2, "preconditions", Type::kMessage, kPreconditions},
                                    {3, "orphanDependents", Type::kBool, {}},
                                    {4, "propagationPolicy", Type::kText, {}},
                                    {5, "dryRun", Type::kTexts, {}}};

std::optional<std::span<const Field>> FieldsOfKind(std::string_view kind) {
  if (kind == "Namespace") return kNamespace;
  if (kind == "ConfigMap") return kConfigMap;
  if (kind == "Secret") return kSecret;
  if (kind == "DeleteOptions") return kDeleteOptions;
  return std::nullopt;
}

bool IsUtf8(const std::string& text) {
  try {
    static_cast<void>(json(text).dump());
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

// Reads one message. Each answers false at what is no protobuf; error() says what.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] const std::string& error() const { return error_; }

  bool Message(std::span<const Field> fields, json& out) {
    while (!rest_.empty()) {
      std::uint64_t tag = 0;
      if (!Varint(tag)) return false;
      const Field* field = nullptr;
      for (const Field& each : fields) {
        if (each.number == tag >> 3) field = &each;
      }
      if (field == nullptr) return Fail(fmt::format("field number {} is not known", tag >> 3));
      if (!Value(*field, tag & 7, out)) return false;
    }
    return true;
  }

 private:
  bool Fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return false;
  }

  bool Varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return Fail("it is cut off");
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;  // more than 64 bits
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return Fail("a number is too long");
  }

  bool Bytes(std::string_view& bytes) {
    std::uint64_t size = 0;
    if (!Varint(size)) return false;
    if (size > rest_.size()) return Fail("it is cut off");
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  bool Value(const Field& field, std::uint64_t wire, json& out) {
    const bool number = field.type == Type::kNumber || field.type == Type::kBool;
    const bool ignored = field.type == Type::kIgnored;
    if (wire != 0 && wire != 2) return Fail(fmt::format("{} is of a wrong type", field.name));
    if (!ignored && (wire == 0) != number) {
      return Fail(fmt::format("{} is of a wrong type", field.name));
    }
    std::uint64_t integer = 0;
    std::string_view bytes;
    if (!(wire == 0 ? Varint(integer) : Bytes(bytes))) return false;
    switch (field.type) {
      case Type::kIgnored:
        return true;
      case Type::kNumber:
        out[field.name] = static_cast<std::int64_t>(integer);
        return true;
      case Type::kBool:
        out[field.name] = integer != 0;
        return true;
      case Type::kBytes:  // as they are: for the reader alone
        out[field.name] = std::string(bytes);
        return true;
      case Type::kText:
        if (bytes.empty()) return true;  // so it writes what is not there
        return Text(field, bytes, out[field.name]);
      case Type::kTexts:
        out[field.name].push_back(nullptr);
        return Text(field, bytes, out[field.name].back());
      case Type::kMessage: {
        json& inner = out[field.name];
        if (inner.is_null()) inner = json::object();
        Reader reader(bytes);
        if (reader.Message(field.message, inner)) return true;
        return Fail(fmt::format("{}: {}", field.name, reader.error()));
      }
      case Type::kTextMap:
      case Type::kBytesMap:
        return Entry(field, bytes, out[field.name]);
    }
    return false;
  }

  bool Text(const Field& field, std::string_view bytes, json& out) {
    std::string text(bytes);
    if (!IsUtf8(text)) return Fail(fmt::format("{} is no UTF-8", field.name));
    out = std::move(text);
    return true;
  }

  // Of a map: a message with the key as 1 and the value as 2; either may be left out.
  bool Entry(const Field& field, std::string_view bytes, json& map) {
    constexpr Field kTexts[] = {{1, "key", Type::kText, {}}, {2, "value", Type::kText, {}}};
    constexpr Field kValues[] = {{1, "key", Type::kText, {}}, {2, "value", Type::kBytes, {}}};
    const bool values = field.type == Type::kBytesMap;
    json entry = {{"key", ""}, {"value", ""}};
    Reader reader(bytes);
    if (!reader.Message(values ? std::span<const Field>(kValues) : kTexts, entry)) {
      return Fail(fmt::format("{}: {}", field.name, reader.error()));
    }
    const std::string& key = entry["key"].get_ref<const std::string&>();
    if (map.contains(key)) return Fail(fmt::format("{} has a key twice", field.name));
    const std::string& value = entry["value"].get_ref<const std::string&>();
    map[key] = values ? api::EncodeBase64(value) : value;
    return true;
  }

  std::string_view rest_;
  std::string error_;
};

std::string Word(const json& map, const char* key) { return map.value(key, ""); }

}  // namespace

ApiResult<json> ParseProtobuf(std::string_view bytes) {
  const auto wrong = [](const std::string& why) {
    return Refuse(BadRequest("the body is not valid protobuf: " + why));
  };
  if (!bytes.starts_with(kMagic)) return wrong("it does not begin with k8s");
  json envelope = json::object();
  Reader outer(bytes.substr(kMagic.size()));
  if (!outer.Message(kUnknown, envelope)) return wrong(outer.error());
  if (!Word(envelope, "contentEncoding").empty()) return wrong("it is encoded once more");
  if (const std::string type = Word(envelope, "contentType");
      !type.empty() && type != kProtobufType) {
    return wrong("what is in it is of another type");
  }
  const json meta = envelope.value("typeMeta", json::object());
  const std::string kind = Word(meta, "kind");
  const auto fields = FieldsOfKind(kind);
  if (!fields) {
    return Refuse(UnsupportedMediaType(
        fmt::format("objects of kind \"{}\" are not read as {}; send application/json",
                    kind.substr(0, 80), kProtobufType)));
  }
  json object = json::object();
  const std::string raw = Word(envelope, "raw");
  Reader inner(raw);
  if (!inner.Message(*fields, object)) return wrong(inner.error());
  object["apiVersion"] = Word(meta, "apiVersion");
  object["kind"] = kind;
  return object;
}

}  // namespace ballast::apiserver
