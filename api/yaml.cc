#include "api/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <span>
#include <streambuf>
#include <string>
#include <unordered_set>
#include <utility>

#include "api/utf8.h"

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

  std::vector<Value> Documents() && {
    Release(stack_.empty() ? nullptr : &stack_.front().node);
    return std::move(documents_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    stack_.clear();
    if (++count_ > kMaxManifestDocuments) {
      Refuse(mark, fmt::format("more than {} documents in one file", kMaxManifestDocuments));
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
                       Unquoted(name)),
           "anchors are not allowed: put text that begins with & in quotes");
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
      Report(scalar.node.at, std::move(scalar.problem),
             "has more than one reading in YAML: put it in quotes");
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

  // yaml-cpp gave up here.
  void Break(const YAML::Mark& mark, const std::string& problem, const std::string& hint) {
    // Behind a colon there is a piece of the text.
    Report(ToPosition(mark), "not valid YAML: " + problem + hint,
           "not valid YAML: " + problem.substr(0, problem.find(':')) + hint);
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

  // Held back until the document's kind is known: what is said about a Secret shows no value.
  struct Held {
    Position at;
    std::string path;
    std::string message;
    std::string secret_path;
    std::string secret_message;
  };

  // Where the reader is, at most `levels` deep.
  [[nodiscard]] std::string Path(std::size_t levels = kMaxManifestDepth) const {
    std::string path;
    for (const Frame& frame : std::span(stack_).first(std::min(levels, stack_.size()))) {
      if (frame.node.kind == Value::Kind::kList) {
        path += fmt::format("[{}]", frame.node.items.size());
      } else if (frame.has_key) {
        if (!path.empty()) path += '.';
        path += Unquoted(frame.key);
      }
    }
    return path;
  }

  static std::string Unquoted(const std::string& text) {
    const std::string quoted = Quote(text);
    return quoted.ends_with("...") ? quoted.substr(1, quoted.size() - 5) + "..."
                                   : quoted.substr(1, quoted.size() - 2);
  }

  [[nodiscard]] bool ExpectsKey() const {
    return !stack_.empty() && stack_.back().node.kind == Value::Kind::kMap &&
           !stack_.back().has_key;
  }

  // `secret_message`: when the document is a Secret; empty: the same.
  void Report(Position at, std::string message, std::string secret_message = "") {
    if (secret_message.empty()) secret_message = message;
    // Deeper than data.KEY there ought to be text only: keys that are there are pieces of it.
    const bool is_map = stack_.empty() || stack_.front().key == "data" ||
                        stack_.front().key == "stringData" || stack_.front().key == "metadata";
    held_.push_back(
        {at, Path(), std::move(message), Path(is_map ? 2 : 1), std::move(secret_message)});
  }

  // A document that ended early may not have come to its kind, which stands behind `data` in what
  // programs write, or to the end of that word.
  [[nodiscard]] bool MayBeSecret(const Value* root) const {
    if (root == nullptr) return false;
    if (const Member* kind = root->Find("kind")) {
      if (kind->value.text == "ConfigMap") return false;
      std::string name = kind->value.text.substr(0, 6);
      for (char& c : name) c = static_cast<char>(c | 0x20);
      if (name == "secret") return true;
    }
    const auto is_open = [this](std::string_view key) {
      return !stack_.empty() && stack_.front().has_key && stack_.front().key == key;
    };
    return root->Find("data") != nullptr || root->Find("stringData") != nullptr ||
           is_open("data") || is_open("stringData");
  }

  void Release(const Value* root) {
    const bool secret = !held_.empty() && MayBeSecret(root);
    for (Held& held : held_) {
      errors_.Add(held.at, std::move(secret ? held.secret_path : held.path),
                  std::move(secret ? held.secret_message : held.message));
    }
    held_.clear();
  }

  [[noreturn]] void Refuse(const YAML::Mark& mark, std::string message) {
    Report(ToPosition(mark), std::move(message));
    throw Stop{};
  }

  bool CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return false;
    Report(ToPosition(mark), fmt::format("tags ({}) are not allowed", Unquoted(tag)),
           "tags are not allowed: put text that begins with ! in quotes");
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
      Release(&node);
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
  std::vector<Held> held_;
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
    builder.Break(e.mark, Printable(e.msg), TabHint(text, e.mark.line));
  } catch (const std::exception& e) {
    builder.Break(YAML::Mark::null_mark(), Printable(e.what()), "");
  }
  return std::move(builder).Documents();
}

}  // namespace ballast::api
