// Implements writer.h.
#include "reconcilers/haproxy/writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "reconcilers/haproxy/quote.h"

namespace ballast::reconcilers::haproxy {
namespace {

constexpr std::ptrdiff_t kMaxWords = 64;  // HAProxy drops or refuses what comes after

}  // namespace

std::string FormatTime(api::Millis time) {
  constexpr std::int64_t kMax = 2'147'483'647;  // ms, HAProxy's timers
  const std::int64_t ms = std::clamp<std::int64_t>(time.count(), 0, kMax);
  return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{}ms", ms);
}

ConfigWriter& ConfigWriter::Section(Literal keyword) {
  EndLine();
  if (!text_.empty()) text_ += '\n';
  line_ = keyword.text();
  in_section_line_ = true;
  return *this;
}

ConfigWriter& ConfigWriter::Line(Literal words) {
  EndLine();
  line_ = words.text();
  return *this;
}

ConfigWriter& ConfigWriter::Comment(Literal text) {
  EndLine();
  text_ += fmt::format("{}# {}\n", section_.empty() ? "" : "  ", text.text());
  return *this;
}

ConfigWriter& ConfigWriter::Add(Literal words) {
  Append(words.text());
  return *this;
}

ConfigWriter& ConfigWriter::Name(std::string_view name) { return Checked(CheckName(name)); }

ConfigWriter& ConfigWriter::Value(std::string_view value) { return Checked(Quote(value)); }

ConfigWriter& ConfigWriter::Number(std::int64_t number) {
  Append(fmt::format("{}", number));
  return *this;
}

ConfigWriter& ConfigWriter::Time(api::Millis time) {
  Append(FormatTime(time));
  return *this;
}

ConfigWriter& ConfigWriter::Checked(Result<std::string> word, Literal before, Literal after) {
  if (!word) {
    Fail(word.error());
  } else {
    Append(fmt::format("{}{}{}", before.text(), *word, after.text()));
  }
  return *this;
}

ConfigWriter& ConfigWriter::Snippet(std::string_view line) {
  EndLine();
  const Result<std::string> checked = CheckSnippet(line);
  if (!checked) {
    Fail(checked.error());
  } else {
    text_ += fmt::format("  {}\n", *checked);
  }
  return *this;
}

Result<std::string> ConfigWriter::Finish() {
  EndLine();
  if (error_) return std::unexpected(*error_);
  return std::move(text_);
}

void ConfigWriter::EndLine() {
  if (line_.empty()) return;
  if (std::ranges::count(line_, ' ') >= kMaxWords) {
    Fail({Code::kInvalidArgument, "more than 64 words"});
  }
  if (in_section_line_) {
    section_ = line_;
    text_ += line_;
  } else {
    text_ += "  ";
    text_ += line_;
  }
  text_ += '\n';
  line_.clear();
  in_section_line_ = false;
}

void ConfigWriter::Append(std::string_view words) {
  line_ += ' ';
  line_ += words;
}

void ConfigWriter::Fail(const Status& status) {
  if (error_) return;
  const std::string_view directive =
      std::string_view(line_).substr(0, std::min(line_.find(' '), line_.size()));
  error_ =
      Status{status.code, section_.empty() || in_section_line_
                              ? fmt::format("{}: {}", line_, status.message)
                              : fmt::format("{}: {}: {}", section_, directive, status.message)};
}

}  // namespace ballast::reconcilers::haproxy
