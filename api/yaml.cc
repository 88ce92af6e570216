#include "api/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>
#include <string>
#include <unordered_set>
#include <utility>

namespace ballast::api {
namespace {

// Thrown through yaml-cpp to stop reading; never leaves ParseYaml. The error is in the list.
struct Stop {};

Position ToPosition(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

// Reads a string_view in place; std::istringstream would copy it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // only ever read
    setg(begin, begin, begin + text.size());
  }
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, ErrorList& errors) : text_(text), errors_(errors) {}

  std::vector<Value> Documents() && { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    stack_.clear();
    if (++count_ > kMaxManifestDocuments) {
      errors_.Add(ToPosition(mark), "",
                  fmt::format("more than {} documents in one file", kMaxManifestDocuments));
      throw Stop{};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    Value node;
    node.at = ToPosition(mark);
    if (!stack_.empty() && stack_.back().node.kind == Value::Kind::kMap) {
      if (!stack_.back().has_key) Refuse(mark, "a key must not be empty or null");
      node.at = stack_.back().key_at;  // the mark of a value left out is the next line's
    }
    Finish(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(mark, "aliases (*name) are not allowed: write the value out");
  }

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    Report(ToPosition(mark),
           fmt::format("anchors (&{}) are not allowed: write the value out where it is used",
                       Unquoted(name)));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    if (tag == "!") CheckQuoteIsClosed(mark);
    if (ExpectsKey()) {
      CheckTag(mark, tag);
      OnKey(mark, tag != "!", value);
      return;
    }
    if (tag == "!") {
      Value node = Value::Text(value);
      node.at = ToPosition(mark);
      Finish(std::move(node));
      return;
    }
    Scalar scalar = ResolvePlainScalar(value);
    scalar.node.at = ToPosition(mark);
    if (CheckTag(mark, tag)) {
      scalar.node.bad = true;
    } else if (!scalar.problem.empty()) {
      Report(scalar.node.at, std::move(scalar.problem));
      scalar.node.bad = true;
    }
    Finish(std::move(scalar.node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, Value::List());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, Value::Map());
  }
  void OnMapEnd() override { Close(); }

  // Where the reader is, for an error that yaml-cpp reports.
  [[nodiscard]] std::string Path() const {
    std::string path;
    for (const Frame& frame : stack_) {
      if (frame.node.kind == Value::Kind::kList) {
        path += fmt::format("[{}]", frame.node.items.size());
      } else if (frame.has_key) {
        if (!path.empty()) path += '.';
        path += Unquoted(frame.key);
      }
    }
    return path;
  }

 private:
  struct Frame {
    Value node;
    std::unordered_set<std::string> keys;
    std::string key;
    Position key_at;
    bool has_key = false;
    bool skip = false;  // the value belongs to a key that was refused
  };

  static std::string Unquoted(const std::string& text) {
    const std::string quoted = Quote(text);
    return quoted.ends_with("...") ? quoted.substr(1, quoted.size() - 5) + "..."
                                   : quoted.substr(1, quoted.size() - 2);
  }

  [[nodiscard]] bool ExpectsKey() const {
    return !stack_.empty() && stack_.back().node.kind == Value::Kind::kMap &&
           !stack_.back().has_key;
  }

  void Report(Position at, std::string message) { errors_.Add(at, Path(), std::move(message)); }

  [[noreturn]] void Refuse(const YAML::Mark& mark, std::string message) {
    Report(ToPosition(mark), std::move(message));
    throw Stop{};
  }

  bool CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return false;
    Report(ToPosition(mark), fmt::format("tags ({}) are not allowed", Unquoted(tag)));
    return true;
  }

  // yaml-cpp 0.7 takes a quote that is never closed as closed at the end of the text, which is how
  // half a file looks.
  void CheckQuoteIsClosed(const YAML::Mark& mark) {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) >= text_.size()) return;
    const auto begin = static_cast<std::size_t>(mark.pos);
    const char quote = text_[begin];
    if (quote != '"' && quote != '\'') return;  // a block
    for (std::size_t i = begin + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != quote) return;
        ++i;  // '' stands for one
      }
    }
    Refuse(mark, "not valid YAML: the quote is never closed");
  }

  void Count(const YAML::Mark& mark) {
    if (++nodes_ > kMaxManifestNodes) {
      Refuse(mark, fmt::format("more than {} values in one file", kMaxManifestNodes));
    }
  }

  void OnKey(const YAML::Mark& mark, bool plain, const std::string& value) {
    Count(mark);
    Frame& frame = stack_.back();
    frame.key = value;
    frame.key_at = ToPosition(mark);
    frame.has_key = true;
    frame.skip = false;
    if (plain && value == "<<") {
      Report(frame.key_at, "merge keys (<<) are not allowed: write the fields out");
      frame.skip = true;
    } else if (!frame.keys.insert(value).second) {
      const Member* first = frame.node.Find(value);
      Report(frame.key_at,
             first == nullptr
                 ? "duplicate key"
                 : fmt::format("duplicate key: it stands in line {} already", first->at.line));
      frame.skip = true;
    }
  }

  void Open(const YAML::Mark& mark, const std::string& tag, Value node) {
    if (ExpectsKey()) Refuse(mark, "a key must be a string, not a list or a map");
    Count(mark);
    node.at = ToPosition(mark);
    node.bad = CheckTag(mark, tag);
    if (stack_.size() >= kMaxManifestDepth) {
      Refuse(mark, fmt::format("nested deeper than {} levels", kMaxManifestDepth));
    }
    Frame& frame = stack_.emplace_back();
    frame.node = std::move(node);
  }

  void Close() {
    Value node = std::move(stack_.back().node);
    stack_.pop_back();
    Finish(std::move(node));
  }

  void Finish(Value node) {
    if (stack_.empty()) {
      if (node.kind != Value::Kind::kNull || node.bad) documents_.push_back(std::move(node));
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.kind == Value::Kind::kList) {
      if (++nodes_ > kMaxManifestNodes) {
        Report(node.at, fmt::format("more than {} values in one file", kMaxManifestNodes));
        throw Stop{};
      }
      frame.node.items.push_back(std::move(node));
      return;
    }
    if (!frame.skip) {
      frame.node.members.push_back({frame.key, frame.key_at, std::move(node)});
    }
    frame.has_key = false;
  }

  std::string_view text_;
  ErrorList& errors_;
  std::vector<Value> documents_;
  std::vector<Frame> stack_;
  int count_ = 0;
  int nodes_ = 0;
};

Position PositionOf(std::string_view text, std::size_t offset) {
  Position at{1, 1};
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++at.line;
      at.column = 1;
    } else {
      ++at.column;
    }
  }
  return at;
}

// Length of the UTF-8 sequence that starts here and its code point; 0: it is invalid.
std::size_t DecodeUtf8(std::string_view text, std::uint32_t& code_point) {
  const auto byte = [&text](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  std::size_t length = 1;
  code_point = first;
  if (first >= 0xF0 && first <= 0xF4) {
    length = 4, code_point = first & 0x07;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3, code_point = first & 0x0F;
  } else if (first >= 0xC2 && first < 0xE0) {
    length = 2, code_point = first & 0x1F;
  } else if (first >= 0x80) {
    return 0;
  }
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code_point = (code_point << 6) | (byte(i) & 0x3F);
  }
  const bool overlong =
      (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return overlong || surrogate || code_point > 0x10FFFF ? 0 : length;
}

// yaml-cpp quotes the text in some messages, down to a single byte of it.
std::string Printable(std::string message) {
  for (char& c : message) {
    if (c < 0x20 || c >= 0x7F) c = '?';
  }
  return message;
}

// The usual reason for "illegal map value", which yaml-cpp does not say.
std::string TabHint(std::string_view text, int line) {
  for (int i = 0; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == text.npos) return "";
    text.remove_prefix(end + 1);
  }
  const std::size_t indent = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(0, indent).find('\t') == text.npos
             ? ""
             : " (the line is indented with a tab; YAML takes spaces only)";
}

}  // namespace

bool IsUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint32_t code_point = 0;
    const std::size_t length = DecodeUtf8(text.substr(i), code_point);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::optional<TextProblem> FindTextProblem(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint32_t code_point = 0;
    const std::size_t length = DecodeUtf8(text.substr(i), code_point);
    if (length == 0) return TextProblem{i, "not valid UTF-8"};
    const bool space = code_point == '\t' || code_point == '\n' || code_point == '\r';
    if ((code_point < 0x20 && !space) || (code_point >= 0x7F && code_point < 0xA0)) {
      return TextProblem{
          i, code_point == 0 ? "NUL characters are not allowed"
                             : fmt::format("control character U+{:04X} is not allowed; write it as "
                                           "an escape in double quotes where it is needed",
                                           code_point)};
    }
    i += length;
  }
  return std::nullopt;
}

std::vector<Value> ParseYaml(std::string_view text, ErrorList& errors) {
  if (text.size() > kMaxManifestBytes) {
    errors.Add({}, "",
               fmt::format("the file is larger than 1 MiB ({} bytes): split it", text.size()));
    return {};
  }
  if (const auto problem = FindTextProblem(text)) {
    errors.Add(PositionOf(text, problem->offset), "", problem->message);
    return {};
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  TreeBuilder builder(text, errors);
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {  // NOLINT(bugprone-empty-catch): the error is in the list already
  } catch (const YAML::DeepRecursion& e) {
    errors.Add(ToPosition(e.mark), "",
               fmt::format("nested deeper than {} levels", kMaxManifestDepth));
  } catch (const YAML::Exception& e) {
    errors.Add(ToPosition(e.mark), builder.Path(),
               "not valid YAML: " + Printable(e.msg) + TabHint(text, e.mark.line));
  } catch (const std::exception& e) {
    errors.Add({}, builder.Path(), "not valid YAML: " + Printable(e.what()));
  }
  return std::move(builder).Documents();
}

}  // namespace ballast::api
