// What a value must not change, whatever its bytes: the lines of the files with their directives
// and numbers of words, and the number of commands on the command line. Reads both as HAProxy's
// parsers do. Used by the random test (unit) and by the fuzzer.
#pragma once

#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/render.h"

namespace ballast::reconcilers::haproxy {

using Setter = std::function<void(LoadBalancerModel&, const std::string&)>;

// A field that a user's or administrator's text reaches (snippets have a test of their own).
struct Field {
  std::string name;
  std::string harmless;
  Setter set;
};

inline const std::vector<Field>& Fields() {
  using M = LoadBalancerModel;
  static const std::vector<Field> kFields{
      {"backend", "x", [](M& m, const std::string& v) { m.backends[1].name = v; }},
      {"server", "x", [](M& m, const std::string& v) { m.backends[1].servers[0].name = v; }},
      {"address", "1.2.3.4",
       [](M& m, const std::string& v) { m.backends[1].servers[0].address = v; }},
      {"cookie", "x",
       [](M& m, const std::string& v) { m.backends[1].traffic.sticky_session->cookie_name = v; }},
      {"host", "x", [](M& m, const std::string& v) { m.routes[2].route.host = v; }},
      {"path", "/x", [](M& m, const std::string& v) { m.routes[2].route.path = v; }},
      {"route", "x", [](M& m, const std::string& v) { m.routes[2].backend = v; }},
      {"listener", "x", [](M& m, const std::string& v) { m.spec.listeners[0].name = v; }},
      {"protocol", "HTTP", [](M& m, const std::string& v) { m.spec.listeners[0].protocol = v; }},
      {"proxy", "1.2.3.4",
       [](M& m, const std::string& v) { m.spec.listeners[0].trusted_proxies[0] = v; }},
      {"syslog", "x:1", [](M& m, const std::string& v) { m.spec.syslog = v; }},
      {"name", "x", [](M& m, const std::string& v) { m.name = v; }},
  };
  return kFields;
}

// Splits a line of the file as HAProxy does.
inline std::vector<std::string> FileWords(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == 0 && (c == ' ' || c == '\t')) {
      if (in_word) words.push_back(word);
      word.clear();
      in_word = false;
    } else if (quote == 0 && c == '#') {
      break;
    } else if (quote != '\'' && c == '\\') {
      word += i + 1 < line.size() ? line[++i] : '\\';
      in_word = true;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      in_word = true;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) words.emplace_back("OPEN QUOTE");
  if (in_word) words.push_back(word);
  return words;
}

// Line by line: the directive and the number of words.
inline std::vector<std::pair<std::string, std::size_t>> Skeleton(const std::string& text) {
  std::vector<std::pair<std::string, std::size_t>> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> words = FileWords(line);
    // A map's first word is the key itself.
    const bool config = line.starts_with("  ");
    lines.emplace_back(config && !words.empty() ? words[0] : "", words.size());
  }
  return lines;
}

// Number of words of each command that HAProxy's command line would run.
inline std::vector<std::size_t> CliWordCounts(const std::string& text) {
  std::vector<std::size_t> counts{0};
  bool in_word = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      ++i;
      if (!in_word) ++counts.back();
      in_word = true;
    } else if (c == ';' || c == '\n') {
      counts.push_back(0);
      in_word = false;
    } else if (c == ' ' || c == '\t' || c == '\0') {
      in_word = false;
    } else {
      if (!in_word) ++counts.back();
      in_word = true;
    }
  }
  return counts;
}

// Whether the files differ in values only.
inline bool SameShape(const ConfigFiles& is, const ConfigFiles& was) {
  if (is.size() != was.size()) return false;
  for (const auto& [name, text] : is) {
    if (!was.contains(name) || !text.ends_with('\n')) return false;
    auto lines = Skeleton(text);
    auto expected = Skeleton(was.at(name));
    if (name != kConfigFile) {  // sorted by key: the order may differ
      std::ranges::sort(lines);
      std::ranges::sort(expected);
    }
    if (lines != expected) return false;
  }
  return true;
}

}  // namespace ballast::reconcilers::haproxy
