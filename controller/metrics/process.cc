#include "controller/metrics/process.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace ballast::metrics {
namespace {

// When the machine started, in seconds since 1970.
double BootTime() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

}  // namespace

ProcessUsage ReadProcessUsage() {
  ProcessUsage usage;
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  // The name in parentheses may contain anything; what follows is numbers, from field 3 on.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return usage;
  std::istringstream rest(line.substr(name_end + 1));
  const std::istream_iterator<std::string> first(rest);
  const std::vector<std::string> fields(first, std::istream_iterator<std::string>());
  if (fields.size() < 22) return usage;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  usage.cpu_seconds = (std::stod(fields[11]) + std::stod(fields[12])) / ticks;
  usage.threads = std::stod(fields[17]);
  usage.start_time_seconds = BootTime() + std::stod(fields[19]) / ticks;
  usage.resident_bytes = std::stod(fields[21]) * static_cast<double>(sysconf(_SC_PAGESIZE));
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++usage.open_descriptors;
  }
  return usage;
}

}  // namespace ballast::metrics
