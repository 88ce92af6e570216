// Where the decoder stands in a tree, and what it needs to report there. Internal to api/; lives on
// the stack of one DecodeManifest, refers to its parents.
#pragma once

#include <string>
#include <string_view>

#include "api/codec.h"
#include "api/errors.h"
#include "api/tree.h"

namespace ballast::api {

struct DecodeContext {
  ErrorList& errors;
  const DecodeOptions& options;
  bool secret = false;  // the document is a Secret: no value of it gets into a message
};

class Cursor {
 public:
  // The root; `path` is the field's name in messages, empty for a document.
  Cursor(const Value& node, DecodeContext& context, std::string_view path = "")
      : node_(&node), context_(&context), key_(path) {}

  [[nodiscard]] Cursor At(const Member& member) const {
    return {member.value, *context_, member.key, this, -1};
  }
  [[nodiscard]] Cursor At(std::size_t index) const {
    return {node_->items[index], *context_, "", this, static_cast<int>(index)};
  }

  [[nodiscard]] const Value& node() const { return *node_; }
  [[nodiscard]] DecodeContext& context() const { return *context_; }
  [[nodiscard]] std::string Path() const;
  [[nodiscard]] std::string PathOf(std::string_view member) const;

  // What is there, for messages: `"three"`, `a list`; of a Secret the type of value only.
  [[nodiscard]] std::string Got() const;

  // This value is wrong; nothing when that has been said already.
  void Error(std::string message) const;
  // "must be <wanted>, got <what is there>".
  void ErrorWanted(std::string_view wanted) const;
  // A key of this map is wrong.
  void KeyError(const Member& member, std::string message) const;
  // Wrong only together with other fields: a member of this map (where it is, or ought to be), or
  // with an empty name this value itself.
  void DerivedError(std::string_view member, std::string message) const;

 private:
  Cursor(const Value& node, DecodeContext& context, std::string_view key, const Cursor* parent,
         int index)
      : node_(&node), context_(&context), parent_(parent), key_(key), index_(index) {}

  const Value* node_;
  DecodeContext* context_;
  const Cursor* parent_ = nullptr;
  std::string_view key_;
  int index_ = -1;
};

}  // namespace ballast::api
