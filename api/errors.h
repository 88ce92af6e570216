// Collects what is wrong with one text, for DecodeManifest. Internal to api/; one thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/codec.h"
#include "api/tree.h"

namespace ballast::api {

class ErrorList {
 public:
  static constexpr std::size_t kMaxErrors = 100;

  explicit ErrorList(std::string file) : file_(std::move(file)) {}

  void Add(Position at, std::string field, std::string message);
  // An error that only follows from several fields. It is dropped when one of these is wrong by
  // itself, so that one mistake is reported once.
  void AddDerived(Position at, std::string field, std::string message);

  [[nodiscard]] bool empty() const { return errors_.empty() && derived_.empty(); }
  // So many errors that nobody will read on: no need to think about suggestions.
  [[nodiscard]] bool plenty() const { return errors_.size() > 5 * kMaxErrors; }
  // Everything in the order of the text, at most kMaxErrors.
  [[nodiscard]] std::vector<FieldError> Take() &&;

 private:
  std::string file_;
  std::vector<FieldError> errors_;
  std::vector<FieldError> derived_;
};

// The known word that `word` is probably a misspelling of; empty: none is close enough.
[[nodiscard]] std::string Nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace ballast::api
