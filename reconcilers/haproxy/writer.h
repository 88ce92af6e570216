// Writes HAProxy's configuration file line by line. Words of Ballast itself are literals (known at
// compile time); everything else goes through quote.h. The first refused value makes Finish() fail,
// so that no unsafe or cut file ever leaves here. Not thread-safe, one per file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/meta.h"
#include "api/status.h"

namespace ballast::reconcilers::haproxy {

// Text that is part of this program: cannot be made from a run-time string.
class Literal {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): "bind" must do.
  consteval Literal(const char* text) : text_(text) {}
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class ConfigWriter {
 public:
  // Begins a section ("backend") or a line in it. What follows on the line are the calls below.
  ConfigWriter& Section(Literal keyword);
  ConfigWriter& Line(Literal words);
  ConfigWriter& Comment(Literal text);

  // One or more words each, after a space.
  ConfigWriter& Add(Literal words);
  ConfigWriter& Name(std::string_view name);    // CheckName
  ConfigWriter& Value(std::string_view value);  // Quote
  ConfigWriter& Number(std::int64_t number);
  ConfigWriter& Time(api::Millis time);  // "250ms", "60s"; at most HAProxy's 24 days
  // The result of one of quote.h's checks, raw, with `before` and `after` around it: "*:" + port.
  ConfigWriter& Checked(Result<std::string> word, Literal before = "", Literal after = "");

  // A whole line of an administrator (CheckSnippet).
  ConfigWriter& Snippet(std::string_view line);

  [[nodiscard]] Result<std::string> Finish();

 private:
  void EndLine();
  void Append(std::string_view words);
  void Fail(const Status& status);

  std::string text_;
  std::string line_;     // the line being written, without its indentation
  std::string section_;  // "backend default_shop", for messages
  bool in_section_line_ = false;
  std::optional<Status> error_;
};

// "250ms", "60s".
[[nodiscard]] std::string FormatTime(api::Millis time);

}  // namespace ballast::reconcilers::haproxy
