#include "controller/docker/demux.h"

#include <gtest/gtest.h>

#include <string>

namespace ballast::docker {
namespace {

std::string Frame(char stream, const std::string& text) {
  std::string out(8, '\0');
  out[0] = stream;
  out[6] = static_cast<char>(text.size() >> 8);
  out[7] = static_cast<char>(text.size());
  return out + text;
}

std::string Demuxed(const std::string& bytes, std::size_t chunk, std::size_t limit = 1000) {
  BoundedText text(BoundedText::Keep::kFirst, limit);
  Demux demux(text, /*framed=*/true);
  for (std::size_t at = 0; at < bytes.size(); at += chunk) {
    demux.Feed(std::string_view(bytes).substr(at, chunk));
  }
  return std::move(text).Take();
}

TEST(Demux, JoinsFramesHoweverTheyAreCut) {
  const std::string bytes = Frame(1, "out\n") + Frame(2, "") + Frame(2, std::string(300, 'e'));
  for (std::size_t chunk = 1; chunk <= bytes.size(); ++chunk) {
    EXPECT_EQ(Demuxed(bytes, chunk), "out\n" + std::string(300, 'e'));
  }
}

TEST(Demux, ATerminalHasNoFrames) {
  for (const std::size_t chunk : {1U, 3U, 100U}) {
    EXPECT_EQ(Demuxed("plain text of a terminal", chunk), "plain text of a terminal");
    EXPECT_EQ(Demuxed("\x01 odd beginning", chunk), "\x01 odd beginning");
  }
}

TEST(Demux, ACutFrameGivesWhatCame) {
  EXPECT_EQ(Demuxed(Frame(1, "whole") + Frame(1, "cut off").substr(0, 11), 4), "wholecut");
}

TEST(BoundedText, KeepsOneEnd) {
  EXPECT_EQ(Demuxed(Frame(1, "abcdef") + Frame(1, "ghi"), 2, 4), "abcd");
  BoundedText last(BoundedText::Keep::kLast, 4);
  for (const char c : std::string("abcdefghi")) last.Append(std::string(1, c));
  EXPECT_EQ(std::move(last).Take(), "fghi");
  BoundedText once(BoundedText::Keep::kLast, 4);
  once.Append("abcdefghi");
  EXPECT_EQ(std::move(once).Take(), "fghi");
}

}  // namespace
}  // namespace ballast::docker
