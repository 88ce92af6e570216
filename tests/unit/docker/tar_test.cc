#include "controller/docker/tar.h"

#include <gtest/gtest.h>

#include <string>

namespace ballast::docker {
namespace {

std::string Field(const std::string& tar, std::size_t at, std::size_t size) {
  return tar.substr(at, size).c_str();
}

TEST(Tar, HoldsFilesAndDirectoriesInBlocks) {
  const auto tar = MakeTar({{.path = "tls", .directory = true, .mode = 0700, .content = ""},
                            {.path = "tls/key", .mode = 0400, .content = "secret"}});
  ASSERT_TRUE(tar);
  ASSERT_EQ(tar->size(), 512U * 5);  // two headers, one block of content, two of zeros
  EXPECT_EQ(Field(*tar, 0, 100), "tls/");
  EXPECT_EQ(Field(*tar, 100, 8), "0000700");
  EXPECT_EQ((*tar)[156], '5');
  EXPECT_EQ(Field(*tar, 512, 100), "tls/key");
  EXPECT_EQ(Field(*tar, 512 + 124, 12), "00000000006");
  EXPECT_EQ(Field(*tar, 512 + 257, 6), "ustar");
  EXPECT_EQ(Field(*tar, 1024, 512), "secret");
  // The sum of all bytes, with spaces where it stands itself.
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>((*tar)[512 + i]);
  }
  EXPECT_EQ(std::stoul(Field(*tar, 512 + 148, 8), nullptr, 8), sum);
}

// Keys of Secrets have up to 253 bytes, paths of their files up to 1024.
TEST(Tar, LongNamesHaveAnEntryOfTheirOwn) {
  const std::string name = std::string(99, 'a') + "/b";
  const auto tar = MakeTar({{.path = name, .mode = 0400, .content = "x"}});
  ASSERT_TRUE(tar);
  ASSERT_EQ(tar->size(), 512U * 6);
  EXPECT_EQ(Field(*tar, 0, 100), "././@LongLink");
  EXPECT_EQ((*tar)[156], 'L');
  EXPECT_EQ(Field(*tar, 512, 512), name);
  EXPECT_EQ(Field(*tar, 1024, 99), name.substr(0, 99));
  EXPECT_EQ(Field(*tar, 1024 + 257, 8), "ustar  ");
  EXPECT_EQ(Field(*tar, 1536, 512), "x");
}

TEST(Tar, RefusesWhatLeavesTheDirectory) {
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", "..", ""}) {
    EXPECT_FALSE(MakeTar({{.path = path, .content = ""}})) << path;
  }
  EXPECT_FALSE(MakeTar({{.path = std::string(4096, 'a'), .content = ""}}));
  EXPECT_TRUE(MakeTar({{.path = "..data/x", .content = ""}}));
}

}  // namespace
}  // namespace ballast::docker
