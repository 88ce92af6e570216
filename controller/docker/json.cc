#include "controller/docker/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace ballast::docker {
namespace {

using Json = nlohmann::json;

// The parser is iterative, but copying and destroying a tree recurse: bound the depth beforehand.
bool TooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::unexpected<Status> Garbled(std::string_view what) {
  return Error(Code::kInternal, fmt::format("Docker's answer is no JSON array: {}", what));
}

}  // namespace

Result<Json> ParseJson(std::string_view text) {
  if (TooDeep(text)) {
    return Error(Code::kInternal,
                 fmt::format("Docker's answer is nested deeper than {}", kMaxJsonDepth));
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Error(Code::kInternal, "Docker's answer is no valid JSON");
  return json;
}

std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* Find(const Json& json, Path path) {
  const Json* at = &json;
  for (const std::string_view name : path) {
    if (!at->is_object()) return nullptr;
    const auto member = at->find(name);
    if (member == at->end()) return nullptr;
    at = &*member;
  }
  return at;
}

std::string GetString(const Json& json, Path path) {
  const Json* value = Find(json, path);
  return value != nullptr && value->is_string() ? value->get_ref<const std::string&>() : "";
}

std::int64_t GetInt(const Json& json, Path path) {
  const Json* value = Find(json, path);
  if (value == nullptr || !value->is_number_integer()) return 0;
  if (value->is_number_unsigned() &&
      value->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return 0;
  }
  return value->get<std::int64_t>();
}

bool GetBool(const Json& json, Path path) {
  const Json* value = Find(json, path);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::map<std::string, std::string> GetStringMap(const Json& json, Path path) {
  std::map<std::string, std::string> out;
  const Json* value = Find(json, path);
  if (value == nullptr || !value->is_object()) return out;
  for (const auto& [key, text] : value->items()) {
    if (text.is_string()) out.emplace(key, text.get_ref<const std::string&>());
  }
  return out;
}

Result<void> ArraySplitter::Feed(std::string_view chunk) {
  for (std::size_t i = 0; i < chunk.size();) {
    // The bulk of a list is inside of strings: take those runs at once.
    if (in_string_ && !escaped_) {
      const std::size_t end = std::min(chunk.find_first_of("\"\\", i), chunk.size());
      element_.append(chunk.substr(i, end - i));
      if (element_.size() > kMaxElement) return Garbled("an element is too large");
      i = end;
      if (i == chunk.size()) break;
    }
    if (auto fed = FeedByte(chunk[i]); !fed) return fed;
    ++i;
  }
  return {};
}

Result<void> ArraySplitter::FeedByte(char c) {
  switch (state_) {
    case State::kStart:
      if (IsSpace(c)) return {};
      if (c == 'n') {
        state_ = State::kNull;
        return {};
      }
      if (c != '[') return Garbled("it does not begin with '['");
      state_ = State::kBetween;
      return {};
    case State::kBetween:
      if (IsSpace(c) || c == ',') return {};
      if (c == ']') {
        state_ = State::kEnd;
        return {};
      }
      if (c != '{') return Garbled("an element is no object");
      state_ = State::kElement;
      element_.assign(1, c);
      depth_ = 1;
      return {};
    case State::kElement:
      break;
    case State::kNull:
      return {};
    case State::kEnd:
      if (IsSpace(c)) return {};
      return Garbled("something follows its end");
  }
  element_.push_back(c);
  if (element_.size() > kMaxElement) return Garbled("an element is too large");
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
  } else if (c == '"') {
    in_string_ = true;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if ((c == '}' || c == ']') && --depth_ == 0) {
    state_ = State::kBetween;
    return on_element_(element_);
  }
  return {};
}

Result<void> ArraySplitter::Finish() const {
  if (state_ == State::kEnd || state_ == State::kNull) return {};
  return Garbled("it ends too early");
}

Result<void> LineSplitter::Feed(std::string_view chunk) {
  while (!chunk.empty()) {
    const std::size_t end = chunk.find('\n');
    const std::string_view part = chunk.substr(0, end);
    if (!skipping_) {
      if (line_.size() + part.size() > max_line_) {
        skipping_ = true;
        ++too_long_;
        line_.clear();
      } else {
        line_.append(part);
      }
    }
    if (end == std::string_view::npos) return {};
    chunk.remove_prefix(end + 1);
    if (auto ended = EndLine(); !ended) return ended;
  }
  return {};
}

Result<void> LineSplitter::Finish() { return EndLine(); }

Result<void> LineSplitter::EndLine() {
  const std::string line = std::exchange(line_, {});
  skipping_ = false;
  std::string_view text = line;
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  if (text.empty()) return {};
  return on_line_(text);
}

}  // namespace ballast::docker
