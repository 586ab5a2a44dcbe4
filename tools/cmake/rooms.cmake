# The rooms, and what they are linked into.
set(WARPFINCH_ROOMS)

# One object library of every .cpp under a folder. A room that has none yet is left out.
function(add_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cpp)
  if(NOT sources AND NOT ARGN)
    message(STATUS "${name}/ has no sources yet")
    return()
  endif()
  add_library(warpfinch_${name} OBJECT ${sources} ${ARGN})
  target_link_libraries(warpfinch_${name} PUBLIC warpfinch_flags)
  set(WARPFINCH_ROOMS ${WARPFINCH_ROOMS} warpfinch_${name} PARENT_SCOPE)
endfunction()

# Device headers become tables in the program: no include path is needed at run time.
function(embed_files folder pattern output scope name header)
  set(place ${PROJECT_SOURCE_DIR}/${folder})
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${place} ${place}/${pattern})
  list(TRANSFORM files PREPEND ${place}/ OUTPUT_VARIABLE paths)
  set(script ${PROJECT_SOURCE_DIR}/tools/cmake/embed_templates.cmake)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${place} "-DNAMES=${files}" -DOUTPUT=${output} -DSCOPE=${scope}
            -DFUNCTION=${name} -DHEADER=${header} -P ${script}
    DEPENDS ${paths} ${script}
    COMMENT "Embedding ${folder}/" VERBATIM)
endfunction()

set(embedded ${CMAKE_BINARY_DIR}/generated/template_files.cpp)
embed_files(templates *.cuh ${embedded} warpfinch template_files generator/emit/templates.hpp)
set(embedded_stand_ins ${CMAKE_BINARY_DIR}/generated/emulator_device_files.cpp)
embed_files(runtime/emulator/device *.* ${embedded_stand_ins} warpfinch::emulator device_files
            runtime/emulator/device_files.hpp)

add_room(generator ${embedded})
add_room(runtime ${embedded_stand_ins})
add_room(tuner)
if(TARGET warpfinch_runtime)
  target_include_directories(warpfinch_runtime SYSTEM PRIVATE ${CUDA_INCLUDE} ${NVRTC_INCLUDE})
endif()


# The library: nothing is visible but what the public headers mark.
if(NOT TARGET warpfinch_tuner)
  file(WRITE ${CMAKE_BINARY_DIR}/generated/empty.cpp "")
  set(placeholder ${CMAKE_BINARY_DIR}/generated/empty.cpp)
endif()
add_library(warpfinch SHARED ${placeholder})
add_library(warpfinch::warpfinch ALIAS warpfinch)
set(exports ${PROJECT_SOURCE_DIR}/tools/cmake/exports.map)
target_link_libraries(warpfinch PRIVATE ${WARPFINCH_ROOMS} ${YAML_CPP_SHARED} ${SQLITE_SHARED})
# nodelete: NVRTC, which may stay, refers to functions of the library (runtime/keep_handlers.hpp).
target_link_options(warpfinch PRIVATE -Wl,--version-script=${exports} -Wl,--no-undefined -Wl,-z,nodelete)
target_include_directories(warpfinch INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/tuner/api> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(warpfinch INTERFACE cxx_std_17)
# SOVERSION counts the interfaces: one more where programs of the one before would break. The Python package
# (library.py) names it, too.
set_target_properties(warpfinch PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION 1 LINK_DEPENDS ${exports})

# The program. It carries its libraries with it, the C++ runtime included.
file(GLOB program_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/*.cpp)
if(program_sources)
  add_executable(warpfinch_program ${program_sources})
  set_target_properties(warpfinch_program PROPERTIES OUTPUT_NAME warpfinch)
  target_link_libraries(warpfinch_program PRIVATE ${WARPFINCH_ROOMS} ${YAML_CPP_ARCHIVE} ${SQLITE_ARCHIVE})
  target_link_options(warpfinch_program PRIVATE -static-libstdc++ -static-libgcc)
else()
  message(STATUS "tools/ has no program yet")
endif()

# Micro-benchmarks of the host code, where Google Benchmark is installed.
file(GLOB benchmark_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/bench/*.cpp)
find_package(benchmark QUIET)
if(benchmark_sources AND benchmark_FOUND)
  add_executable(warpfinch_benchmarks ${benchmark_sources})
  target_link_libraries(warpfinch_benchmarks PRIVATE
    ${WARPFINCH_ROOMS} ${YAML_CPP_ARCHIVE} ${SQLITE_ARCHIVE} benchmark::benchmark_main)
endif()
