#include "api/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "api/codec.h"
#include "api/utf8.h"
#include "api/yaml.h"

namespace ballast::api {
namespace {

using nlohmann::json;

// Builds a value while counting depth and looking out for duplicate keys, both of which
// json::parse ignores. Copying or printing a deeply nested value would overflow the stack later.
class StrictReader : public json::json_sax_t {
 public:
  explicit StrictReader(int max_depth) : max_depth_(max_depth) {}

  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] json Take() { return std::move(root_); }

  bool null() override { return Add(json(nullptr)) != nullptr; }
  bool boolean(bool value) override { return Add(json(value)) != nullptr; }
  bool number_integer(number_integer_t value) override { return Add(json(value)) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return Add(json(value)) != nullptr; }
  bool number_float(number_float_t value, const string_t&) override {
    return Add(json(value)) != nullptr;
  }
  bool string(string_t& value) override { return Add(json(std::move(value))) != nullptr; }
  bool binary(binary_t&) override { return Fail("binary values are not allowed"); }
  bool start_object(std::size_t) override { return Open(json::object()); }
  bool start_array(std::size_t) override { return Open(json::array()); }
  bool end_object() override {
    stack_.pop_back();
    return true;
  }
  bool end_array() override {
    stack_.pop_back();
    return true;
  }
  bool key(string_t& key) override {
    if (stack_.back()->contains(key)) return Fail("duplicate key " + Quote(key));
    key_ = std::move(key);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception& e) override {
    std::string message = e.what();
    const std::size_t bracket = message.find("] ");
    if (message.starts_with("[json") && bracket != message.npos) message.erase(0, bracket + 2);
    // What follows is a piece of the text, which may be a Secret.
    if (message.starts_with("number overflow")) message = "a number is too large";
    message.erase(std::min(message.find("; last read"), message.size()));
    return Fail(FindTextProblem(message) ? "not valid JSON" : "not valid JSON: " + message);
  }

 private:
  bool Fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return false;
  }

  json* Add(json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    json& slot = parent[key_];
    slot = std::move(value);
    return &slot;
  }

  bool Open(json value) {
    if (static_cast<int>(stack_.size()) >= max_depth_) {
      return Fail(fmt::format("nested deeper than {} levels", max_depth_));
    }
    stack_.push_back(Add(std::move(value)));
    return true;
  }

  int max_depth_;
  json root_;
  std::vector<json*> stack_;  // pointers stay valid: a parent does not grow while its child is open
  std::string key_;
  std::string error_;
};

class Converter {
 public:
  // False: error() says why.
  bool Convert(const json& value, int depth, Value& node) {
    if (depth > kMaxManifestDepth) {
      return Fail(fmt::format("nested deeper than {} levels", kMaxManifestDepth));
    }
    if (++count_ > kMaxManifestNodes) {
      return Fail(fmt::format("more than {} values", kMaxManifestNodes));
    }
    switch (value.type()) {
      case json::value_t::null:
        node = Value();
        return true;
      case json::value_t::boolean:
        node = Value::Bool(value.get<bool>());
        return true;
      case json::value_t::number_integer:
        node = Value::Int(value.get<std::int64_t>());
        return true;
      case json::value_t::number_unsigned: {
        const auto number = value.get<std::uint64_t>();
        node = Value::Int(static_cast<std::int64_t>(number));
        node.text = std::to_string(number);
        node.too_big =
            number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        return true;
      }
      case json::value_t::number_float:
        node = Value();
        node.kind = Value::Kind::kFloat;
        node.text = value.dump();
        return true;
      case json::value_t::string:
        return ConvertText(value.get_ref<const std::string&>(), node);
      case json::value_t::array:
        node = Value::List();
        node.items.resize(value.size());
        for (std::size_t i = 0; i < value.size(); ++i) {
          if (!Convert(value[i], depth + 1, node.items[i])) return false;
        }
        return true;
      case json::value_t::object:
        node = Value::Map();
        for (const auto& [key, member] : value.items()) {
          Value child;
          if (!CheckText(key) || !Convert(member, depth + 1, child)) return false;
          node.Set(key, std::move(child));
        }
        return true;
      default:
        return Fail("binary values are not allowed");
    }
  }

  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool Fail(std::string message) {
    error_ = std::move(message);
    return false;
  }
  // Escapes may have brought in control characters, which are for each field's rule to judge;
  // invalid UTF-8 is for nobody.
  bool CheckText(const std::string& text) {
    return IsUtf8(text) || Fail("a text is not valid UTF-8");
  }
  bool ConvertText(const std::string& text, Value& node) {
    node = Value::Text(text);
    return CheckText(text);
  }

  int count_ = 0;
  std::string error_;
};

}  // namespace

nlohmann::json ToJson(const Value& node) {
  switch (node.kind) {
    case Value::Kind::kNull:
      return nullptr;
    case Value::Kind::kBool:
      return node.boolean;
    case Value::Kind::kInt:
      return node.integer;
    case Value::Kind::kFloat:
    case Value::Kind::kString:
      return node.text;
    case Value::Kind::kList: {
      json list = json::array();
      for (const Value& item : node.items) list.push_back(ToJson(item));
      return list;
    }
    case Value::Kind::kMap: {
      json map = json::object();
      for (const Member& member : node.members) map[member.key] = ToJson(member.value);
      return map;
    }
  }
  return nullptr;
}

Result<Value> FromJson(const nlohmann::json& value) {
  Converter converter;
  Value node;
  if (!converter.Convert(value, 1, node)) {
    return Error(Code::kInvalidArgument, converter.error());
  }
  return node;
}

Result<nlohmann::json> ParseJsonStrict(std::string_view text, std::size_t max_bytes,
                                       int max_depth) {
  if (text.size() > max_bytes) {
    return Error(Code::kInvalidArgument,
                 fmt::format("larger than {} bytes ({})", max_bytes, text.size()));
  }
  StrictReader reader(max_depth);
  if (!json::sax_parse(text.begin(), text.end(), &reader)) {
    return Error(Code::kInvalidArgument,
                 reader.error().empty() ? "not valid JSON" : reader.error());
  }
  return reader.Take();
}

}  // namespace ballast::api
