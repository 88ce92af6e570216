// Replays the fuzzer's corpus: as it is, in pieces of every size, and cut off at each byte.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/fuzz/http/target.h"

namespace ballast::apiserver::fuzz {
namespace {

TEST(Corpus, Http) {
  int inputs = 0;
  const std::string directory = std::string(BALLAST_SOURCE_DIR) + "/tests/fuzz/http/corpus/http";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    std::string input = bytes.str();
    ASSERT_FALSE(input.empty());
    ++inputs;
    Http(input);
    for (char piece = 0; piece < 64; ++piece) {
      input[0] = piece;
      Http(input);
    }
    for (std::size_t size = 1; size < input.size(); ++size) Http(input.substr(0, size));
  }
  EXPECT_GT(inputs, 0) << directory;
}

}  // namespace
}  // namespace ballast::apiserver::fuzz
