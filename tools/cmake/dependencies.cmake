# What the build needs from the system: Debian packages, and two CUDA headers. libcuda and libnvrtc are opened
# at run time, so nothing here links them.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(Eigen3 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_path(FMT_INCLUDE fmt/format.h REQUIRED)
find_path(SPDLOG_INCLUDE spdlog/spdlog.h REQUIRED)
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
find_path(YAML_CPP_INCLUDE yaml-cpp/yaml.h REQUIRED)
find_path(SQLITE_INCLUDE sqlite3.h REQUIRED)
find_path(BOOST_CONTEXT_INCLUDE boost/context/detail/fcontext.hpp REQUIRED)
# Archives for the programs, which so run on a machine that lacks these packages. Debian's archives are not
# position-independent, so the shared library takes the shared ones.
find_library(YAML_CPP_ARCHIVE NAMES libyaml-cpp.a yaml-cpp REQUIRED)
find_library(SQLITE_ARCHIVE NAMES libsqlite3.a sqlite3 REQUIRED)
# Position-independent as it is: three small functions in assembly.
find_library(BOOST_CONTEXT_ARCHIVE NAMES libboost_context.a boost_context REQUIRED)
find_library(YAML_CPP_SHARED NAMES yaml-cpp REQUIRED)
find_library(SQLITE_SHARED NAMES sqlite3 REQUIRED)

# cuda.h and nvrtc.h: a toolkit first, else the wheels that tools/setup puts into <build>/venv.
file(GLOB wheel_includes
     ${CMAKE_BINARY_DIR}/venv/lib/python3*/site-packages/nvidia/cu13/include
     ${CMAKE_BINARY_DIR}/venv/lib/python3*/site-packages/nvidia/cuda_runtime/include
     ${CMAKE_BINARY_DIR}/venv/lib/python3*/site-packages/nvidia/cuda_nvrtc/include)
set(cuda_places)
foreach(variable CUDA_PATH CUDA_HOME)
  if(DEFINED ENV{${variable}} AND NOT "$ENV{${variable}}" STREQUAL "")
    list(APPEND cuda_places $ENV{${variable}}/include)
  endif()
endforeach()
list(APPEND cuda_places /usr/local/cuda/include ${wheel_includes})
# A toolkit may have gone since the last time.
if(NOT EXISTS "${CUDA_INCLUDE}/cuda.h" OR NOT EXISTS "${NVRTC_INCLUDE}/nvrtc.h")
  unset(CUDA_INCLUDE CACHE)
  unset(NVRTC_INCLUDE CACHE)
endif()
find_path(CUDA_INCLUDE cuda.h PATHS ${cuda_places} NO_DEFAULT_PATH)
find_path(NVRTC_INCLUDE nvrtc.h PATHS ${cuda_places} NO_DEFAULT_PATH)
if(NOT CUDA_INCLUDE OR NOT NVRTC_INCLUDE)
  message(FATAL_ERROR "cuda.h and nvrtc.h were not found in CUDA_PATH, CUDA_HOME, /usr/local/cuda or "
          "${CMAKE_BINARY_DIR}/venv. Run tools/setup (it puts NVIDIA's wheels into build/venv), then configure again.")
endif()
message(STATUS "CUDA headers: ${CUDA_INCLUDE}")

# Where libnvrtc lies beside those headers: the run path of what stands in the build folder. It is dropped on
# installation, where the dynamic linker's own search applies.
foreach(folder lib lib64)
  get_filename_component(place "${NVRTC_INCLUDE}/../${folder}" ABSOLUTE)
  file(GLOB found ${place}/libnvrtc.so*)
  if(found)
    list(APPEND CMAKE_BUILD_RPATH ${place})
    break()
  endif()
endforeach()

add_library(warpfinch_flags INTERFACE)
# -Wrestrict: g++ 12 sees overlap in std::string's operator+ where there is none (GCC bug 105651).
target_compile_options(warpfinch_flags INTERFACE -Wall -Wextra -Wno-restrict)
target_compile_definitions(warpfinch_flags INTERFACE
  SPDLOG_FMT_EXTERNAL XXH_INLINE_ALL= WARPFINCH_VERSION="${PROJECT_VERSION}")
# generator/fmt.cpp compiles the functions of these versions.
if(NOT fmt_VERSION MATCHES "^(9|10)[.]")
  target_compile_definitions(warpfinch_flags INTERFACE FMT_HEADER_ONLY)
endif()
target_include_directories(warpfinch_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tuner/api)
target_include_directories(warpfinch_flags SYSTEM INTERFACE
  ${FMT_INCLUDE} ${SPDLOG_INCLUDE} ${XXHASH_INCLUDE} ${YAML_CPP_INCLUDE} ${SQLITE_INCLUDE} ${BOOST_CONTEXT_INCLUDE})
target_link_libraries(warpfinch_flags INTERFACE
  Eigen3::Eigen CLI11::CLI11 nlohmann_json::nlohmann_json Threads::Threads
  ${BOOST_CONTEXT_ARCHIVE} ${CMAKE_DL_LIBS})
