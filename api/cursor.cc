#include "api/cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ballast::api {
namespace {

// Keys that are no plain words (labels, rubbish) are shown in brackets and quotes.
std::string Step(std::string_view path, std::string_view key) {
  const bool plain =
      !key.empty() && key.size() <= 60 && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
      });
  if (!plain) return fmt::format("{}[{}]", path, Quote(key));
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

}  // namespace

std::string Cursor::Path() const {
  if (parent_ == nullptr) return std::string(key_);
  if (index_ >= 0) return fmt::format("{}[{}]", parent_->Path(), index_);
  return Step(parent_->Path(), key_);
}

std::string Cursor::PathOf(std::string_view member) const { return Step(Path(), member); }

std::string Cursor::Got() const {
  if (!context_->secret) return node_->Describe();
  switch (node_->kind) {
    case Value::Kind::kBool:
      return "a boolean";
    case Value::Kind::kInt:
    case Value::Kind::kFloat:
      return "a number";
    case Value::Kind::kString:
      return "a string that is not shown";
    case Value::Kind::kNull:
    case Value::Kind::kList:
    case Value::Kind::kMap:
      return node_->Describe();  // says no more than that
  }
  return "something else";
}

void Cursor::Error(std::string message) const {
  if (!node_->bad) context_->errors.Add(node_->at, Path(), std::move(message));
}

void Cursor::ErrorWanted(std::string_view wanted) const {
  if (node_->kind == Value::Kind::kNull) {
    Error(fmt::format("has no value: must be {}", wanted));
  } else {
    Error(fmt::format("must be {}, got {}", wanted, Got()));
  }
}

void Cursor::KeyError(const Member& member, std::string message) const {
  context_->errors.Add(member.at, PathOf(member.key), std::move(message));
}

void Cursor::DerivedError(std::string_view member, std::string message) const {
  if (node_->bad) return;
  if (member.empty()) {
    context_->errors.AddDerived(node_->at, Path(), std::move(message));
    return;
  }
  const Member* found = node_->Find(member);
  context_->errors.AddDerived(found == nullptr ? node_->at : found->value.at, PathOf(member),
                              std::move(message));
}

}  // namespace ballast::api
