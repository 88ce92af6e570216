# Libraries, all from Debian packages. The release binary links them statically where Debian ships
# an archive, so that what Debian 12 builds runs in the trixie image.
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(OpenSSL REQUIRED)

function(ballast_static_library target header archive)
  find_path(${target}_INCLUDE ${header} REQUIRED)
  find_library(${target}_FILE NAMES ${archive} REQUIRED)
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE})
  target_link_libraries(${target} INTERFACE ${${target}_FILE} ${ARGN})
endfunction()

ballast_static_library(dep_yaml yaml-cpp/yaml.h yaml-cpp)
add_library(dep_fmt STATIC ${CMAKE_SOURCE_DIR}/cmake/fmt.cc)
# Shared, since the shared glog brings it anyway: twice in one process, it ends that at its start.
ballast_static_library(dep_gflags gflags/gflags.h gflags Threads::Threads)
ballast_static_library(dep_glog glog/logging.h glog dep_gflags)
ballast_static_library(dep_sqlite sqlite3.h sqlite3 Threads::Threads ${CMAKE_DL_LIBS})
ballast_static_library(dep_crypt crypt.h crypt)
ballast_static_library(dep_sodium sodium.h sodium)
ballast_static_library(dep_prometheus prometheus/registry.h prometheus-cpp-core)
# Shared only, with the Boost that Debian built it with: that of libboost-dev.
ballast_static_library(dep_cpprest cpprest/http_client.h cpprest OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(dep_cpprest INTERFACE _TURN_OFF_PLATFORM_STRING)
find_path(NLOHMANN_INCLUDE nlohmann/json.hpp REQUIRED)
add_library(dep_json INTERFACE)
target_include_directories(dep_json SYSTEM INTERFACE ${NLOHMANN_INCLUDE})
add_library(dep_boost INTERFACE)
target_include_directories(dep_boost SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_link_libraries(dep_boost INTERFACE Threads::Threads)
target_compile_definitions(dep_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_USE_STD_STRING_VIEW)
