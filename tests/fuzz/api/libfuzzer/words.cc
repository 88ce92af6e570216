#include <cstddef>
#include <cstdint>

#include "tests/fuzz/api/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ballast::api::fuzz::Words({reinterpret_cast<const char*>(data), size});
  return 0;
}
