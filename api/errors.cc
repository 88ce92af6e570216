#include "api/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace ballast::api {
namespace {

constexpr std::size_t kLongestSuggested = 64;

// Is one field the other, or inside of it?
bool Overlap(const std::string& a, const std::string& b) {
  const std::string& shorter = a.size() < b.size() ? a : b;
  const std::string& longer = a.size() < b.size() ? b : a;
  if (!longer.starts_with(shorter)) return false;
  return longer.size() == shorter.size() || longer[shorter.size()] == '.' ||
         longer[shorter.size()] == '[' || shorter.empty();
}

// Edits to get from a to b: insert, delete, replace, or swap two neighbours.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(previous);
    previous.swap(row);
  }
  return previous[b.size()];
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

std::string FieldError::ToString() const {
  std::string out = file;
  if (line > 0) out += fmt::format(":{}:{}", line, column);
  if (!out.empty()) out += ": ";
  if (!field.empty()) out += field + ": ";
  return out + message;
}

void ErrorList::Add(Position at, std::string field, std::string message) {
  errors_.push_back({file_, at.line, at.column, std::move(field), std::move(message)});
}

void ErrorList::AddDerived(Position at, std::string field, std::string message) {
  derived_.push_back({file_, at.line, at.column, std::move(field), std::move(message)});
}

std::vector<FieldError> ErrorList::Take() && {
  const std::size_t own = errors_.size();
  for (FieldError& error : derived_) {
    if (own > kMaxErrors) break;
    const bool follows = std::any_of(
        errors_.begin(), errors_.begin() + static_cast<std::ptrdiff_t>(own),
        [&error](const FieldError& other) { return Overlap(error.field, other.field); });
    if (!follows) errors_.push_back(std::move(error));
  }
  if (errors_.empty() && !derived_.empty()) errors_.push_back(std::move(derived_.front()));
  std::stable_sort(errors_.begin(), errors_.end(), [](const FieldError& a, const FieldError& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (errors_.size() > kMaxErrors) errors_.resize(kMaxErrors);
  return std::move(errors_);
}

std::string Nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > kLongestSuggested) return "";
  const std::string lower = Lower(word);
  const std::size_t allowed = std::max<std::size_t>(1, word.size() / 3);
  std::string best;
  std::size_t best_distance = allowed + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = EditDistance(lower, Lower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace ballast::api
