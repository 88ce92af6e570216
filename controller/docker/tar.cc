#include "controller/docker/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <numeric>

namespace ballast::docker {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kShortName = 100;  // what a header holds
constexpr std::size_t kMaxName = 4096;

struct Header {
  std::array<char, 100> name;
  std::array<char, 8> mode;
  std::array<char, 8> uid;
  std::array<char, 8> gid;
  std::array<char, 12> size;
  std::array<char, 12> mtime;
  std::array<char, 8> checksum;
  char type;
  std::array<char, 100> link;
  std::array<char, 6> magic;
  std::array<char, 2> version;
  std::array<char, 32> user;
  std::array<char, 32> group;
  std::array<char, 8> major;
  std::array<char, 8> minor;
  std::array<char, 155> prefix;
  std::array<char, 12> padding;
};
static_assert(sizeof(Header) == kBlock);

template <std::size_t N>
void Octal(std::array<char, N>& field, std::uint64_t value) {
  const std::string text = fmt::format("{:0{}o}", value, N - 1);
  std::memcpy(field.data(), text.data(), std::min(N - 1, text.size()));
}

bool IsSafe(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.size() >= kMaxName) return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (path.compare(at, slash - at, "..") == 0) return false;
    at = slash + 1;
  }
  return path.find('\0') == std::string::npos;
}

void AddHeader(std::string& tar, const std::string& name, char type, int mode, std::size_t size,
               bool gnu) {
  Header header{};
  std::memcpy(header.name.data(), name.data(), std::min(name.size(), kShortName));
  Octal(header.mode, static_cast<std::uint64_t>(mode));
  Octal(header.uid, 0);
  Octal(header.gid, 0);
  Octal(header.size, size);
  Octal(header.mtime, 0);
  header.type = type;
  std::memcpy(header.magic.data(), gnu ? "ustar " : "ustar", 6);
  std::memcpy(header.version.data(), gnu ? " " : "00", 2);
  header.checksum.fill(' ');
  std::array<unsigned char, kBlock> bytes{};
  std::memcpy(bytes.data(), &header, kBlock);
  Octal(header.checksum, std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0}));
  tar.append(reinterpret_cast<const char*>(&header), kBlock);
}

void AddContent(std::string& tar, std::string_view content) {
  tar += content;
  tar.append((kBlock - content.size() % kBlock) % kBlock, '\0');
}

}  // namespace

Result<std::string> MakeTar(const std::vector<reconcilers::FileEntry>& files) {
  std::string tar;
  for (const reconcilers::FileEntry& file : files) {
    const std::string name = file.path + (file.directory ? "/" : "");
    if (!IsSafe(file.path)) {
      return Error(Code::kInvalidArgument, "cannot put a file named " + file.path +
                                               " into a container: must be relative, without "
                                               "\"..\", and shorter than 4096 bytes");
    }
    const bool gnu = name.size() > kShortName;
    if (gnu) {  // the whole name as the content of an entry of its own
      AddHeader(tar, "././@LongLink", 'L', 0644, name.size() + 1, true);
      AddContent(tar, name + '\0');
    }
    const std::size_t size = file.directory ? 0 : file.content.size();
    AddHeader(tar, name, file.directory ? '5' : '0', file.mode, size, gnu);
    if (!file.directory) AddContent(tar, file.content);
  }
  tar.append(2 * kBlock, '\0');
  return tar;
}

}  // namespace ballast::docker
