// One document of a manifest <-> one object: which kinds there are, and why others are refused.
// Internal to api/. Pure; callable from any thread.
#pragma once

#include <optional>

#include "api/codec.h"
#include "api/cursor.h"
#include "api/tree.h"

namespace ballast::api {

// Nothing when the document is too wrong to be read; the errors are in the context.
[[nodiscard]] std::optional<Object> DecodeDocument(const Value& root, DecodeContext& context);

// With everything that DecodeStored reads back.
[[nodiscard]] Value EncodeDocument(const Object& object);

// As DecodeDocument; takes also what only EncodeDocument writes: generation and origin.
[[nodiscard]] std::optional<Object> DecodeStored(Value root, DecodeContext& context);

}  // namespace ballast::api
