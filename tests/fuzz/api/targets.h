// What is fuzzed: each function takes any bytes and aborts when a promise of the codec is broken.
// Used by libFuzzer and by the test that replays the corpus.
#pragma once

#include <string_view>

namespace ballast::api::fuzz {

// As YAML: no crash, no exception, no forged log lines; what is accepted survives JSON and labels.
void Manifest(std::string_view bytes);
// As JSON: an object as kept on disk, a template as kept in a label.
void Json(std::string_view bytes);
// As a host, a path, a duration, a quantity, an image, a snippet.
void Words(std::string_view bytes);

}  // namespace ballast::api::fuzz
