#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/http/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ballast::apiserver::fuzz::Http({reinterpret_cast<const char*>(data), size});
  return 0;
}
