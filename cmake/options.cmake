# Warnings and sanitizers, the same for every target of this project.
add_library(ballast_options INTERFACE)
target_include_directories(ballast_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(ballast_options INTERFACE
  -Wall -Wextra -Wconversion -Werror
  # Designated initialisers leave the rest at its default on purpose.
  -Wno-missing-field-initializers
  # g++ 12 reports these inside libstdc++ itself (GCC bugs 105562, 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>)
if(BALLAST_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Asio's fences, which the sanitizer does not understand; no race of ours hides behind them.
  target_compile_options(ballast_options INTERFACE -Wno-tsan)
endif()
if(BALLAST_SANITIZE)
  target_compile_options(ballast_options INTERFACE
    -fsanitize=${BALLAST_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(ballast_options INTERFACE -fsanitize=${BALLAST_SANITIZE})
endif()

# ballast_library(NAME dir-relative globbed sources; DEPS public... PRIVATE_DEPS
# libraries whose headers stay in .cc files): one static library a folder.
function(ballast_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  endif()
  if(NOT ARG_SOURCES)  # headers only
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ballast_options ${ARG_DEPS})
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ballast_options ${ARG_DEPS}
    PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()
