// What the kernel says about this process, under the names that Prometheus' client libraries use.
// Any thread.
#pragma once

namespace ballast::metrics {

struct ProcessUsage {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double open_descriptors = 0;
  double threads = 0;
  double start_time_seconds = 0;  // since 1970
};

// What cannot be read stays 0.
[[nodiscard]] ProcessUsage ReadProcessUsage();

}  // namespace ballast::metrics
