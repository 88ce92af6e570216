// Replays the fuzzers' corpus, and its manifests, every sample, golden template and bad input cut
// off at each byte, which is how half a file looks.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/fuzz/api/targets.h"

namespace ballast::api::fuzz {
namespace {

struct Input {
  std::string name;
  std::string bytes;
};

std::vector<Input> Load(const std::string& directory) {
  std::vector<Input> inputs;
  const std::string path = std::string(BALLAST_SOURCE_DIR) + "/" + directory;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    inputs.push_back({entry.path().filename().string(), bytes.str()});
  }
  EXPECT_FALSE(inputs.empty()) << path;
  return inputs;
}

void Replay(const std::string& directory, void (*target)(std::string_view)) {
  for (const Input& input : Load(directory)) {
    SCOPED_TRACE(input.name);
    target(input.bytes);
  }
}

TEST(Corpus, Manifest) { Replay("tests/fuzz/api/corpus/manifest", Manifest); }
TEST(Corpus, Json) { Replay("tests/fuzz/api/corpus/json", Json); }
TEST(Corpus, Words) { Replay("tests/fuzz/api/corpus/words", Words); }

TEST(Corpus, EachTargetTakesTheOthersInput) {
  for (const char* directory : {"manifest", "json", "words"}) {
    for (void (*target)(std::string_view) : {Manifest, Json, Words}) {
      Replay(std::string("tests/fuzz/api/corpus/") + directory, target);
    }
  }
}

TEST(Truncated, Manifests) {
  for (const Input& input : Load("manifests/samples")) {
    SCOPED_TRACE(input.name);
    for (std::size_t size = 0; size < input.bytes.size(); size += 7) {
      Manifest(std::string_view(input.bytes).substr(0, size));
    }
  }
}

TEST(Truncated, OtherKinds) {
  for (const Input& input : Load("tests/fuzz/api/corpus/manifest")) {
    if (!input.name.ends_with(".yaml")) continue;
    SCOPED_TRACE(input.name);
    for (std::size_t size = 0; size < input.bytes.size(); size += 7) {
      Manifest(std::string_view(input.bytes).substr(0, size));
    }
  }
}

TEST(Truncated, Templates) {
  for (const Input& input : Load("tests/golden/templates")) {
    if (!input.name.ends_with(".json")) continue;
    const std::string text = input.bytes.substr(0, input.bytes.find('\n'));
    for (std::size_t size = 0; size < text.size(); size += 3) {
      Json(std::string_view(text).substr(0, size));
    }
  }
}

// One byte of a good manifest replaced by each that YAML or HAProxy cares about.
TEST(Mutated, Manifests) {
  for (const Input& input : Load("manifests/samples")) {
    SCOPED_TRACE(input.name);
    int turn = 0;
    for (std::size_t i = 0; i < input.bytes.size(); i += 5) {
      static constexpr char kSpecial[] = "\0\n\"'&*!|>%@`{}[],:#-?\t\xff;\\$";
      static constexpr std::string_view kBytes(kSpecial, sizeof(kSpecial) - 1);
      std::string mutated = input.bytes;
      mutated[i] = kBytes[static_cast<std::size_t>(turn++) % kBytes.size()];
      Manifest(mutated);
    }
  }
}

}  // namespace
}  // namespace ballast::api::fuzz
