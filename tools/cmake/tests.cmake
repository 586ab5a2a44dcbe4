# Tests: one GoogleTest program per folder of tests/ that has a *_test.cpp; suites named Gpu… carry the label
# gpu. Scripts named *_test.py or *_test.sh are tests of their own. tests/consumer is a project that uses the
# installed package.
find_package(GTest REQUIRED)
find_package(rapidcheck REQUIRED)
include(GoogleTest)

file(GLOB test_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*/*_test.cpp)
set(test_folders)
foreach(file IN LISTS test_files)
  get_filename_component(folder ${file} DIRECTORY)
  list(APPEND test_folders ${folder})
endforeach()
list(REMOVE_DUPLICATES test_folders)

# tests/generator links the generator alone and tests/runtime no tuner, so that a call against the layering does
# not link.
set(rooms_of_generator ${WARPFINCH_ROOMS})
list(FILTER rooms_of_generator INCLUDE REGEX generator)
set(rooms_of_runtime ${WARPFINCH_ROOMS})
list(FILTER rooms_of_runtime EXCLUDE REGEX tuner)

foreach(folder IN LISTS test_folders)
  get_filename_component(name ${folder} NAME)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  add_executable(${name}_tests ${sources})
  set(rooms ${WARPFINCH_ROOMS})
  if(DEFINED rooms_of_${name})
    set(rooms ${rooms_of_${name}})
  endif()
  target_link_libraries(${name}_tests PRIVATE
    ${rooms} ${YAML_CPP_ARCHIVE} ${SQLITE_ARCHIVE} GTest::gmock GTest::gtest_main rapidcheck_gtest)
  target_compile_definitions(${name}_tests PRIVATE
    WARPFINCH_SOURCE_DIR="${PROJECT_SOURCE_DIR}" WARPFINCH_BINARY_DIR="${CMAKE_BINARY_DIR}"
    WARPFINCH_PROGRAM="${CMAKE_BINARY_DIR}/bin/warpfinch")
  if(name STREQUAL "runtime")  # its fake driver fills the table whose types come from cuda.h
    target_include_directories(${name}_tests SYSTEM PRIVATE ${CUDA_INCLUDE} ${NVRTC_INCLUDE})
  endif()
  set_target_properties(${name}_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(TARGET warpfinch_program)
    add_dependencies(${name}_tests warpfinch_program)
  endif()
  gtest_discover_tests(${name}_tests TEST_PREFIX ${name}. TEST_FILTER -Gpu*:*/Gpu*
    PROPERTIES TIMEOUT 600 DISCOVERY_TIMEOUT 60)
  gtest_discover_tests(${name}_tests TEST_PREFIX ${name}. TEST_FILTER Gpu*:*/Gpu* TEST_LIST ${name}_gpu
    PROPERTIES TIMEOUT 600 LABELS gpu RUN_SERIAL ON DISCOVERY_TIMEOUT 60)
endforeach()

# Faults planted into kernels, for the emulator to find; a sample runs with the tests.
file(GLOB mutant_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/mutants/*.cpp)
add_executable(warpfinch_mutants ${mutant_sources} ${PROJECT_SOURCE_DIR}/tools/output.cpp)
target_link_libraries(warpfinch_mutants PRIVATE ${WARPFINCH_ROOMS} ${YAML_CPP_ARCHIVE} ${SQLITE_ARCHIVE})
add_test(NAME emulator.mutants_sample COMMAND warpfinch_mutants --sample 16)
set_tests_properties(emulator.mutants_sample PROPERTIES TIMEOUT 600)

# Exit code 77 of a script means skipped.
file(GLOB scripts CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/tests/*/*_test.py ${PROJECT_SOURCE_DIR}/tests/*/*_test.sh)
foreach(script IN LISTS scripts)
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/tests ${script})
  string(REGEX REPLACE "_test\\.(py|sh)$" "" name ${name})
  string(REPLACE "/" "." name ${name})
  set(interpreter bash)
  if(script MATCHES "py$")
    set(interpreter python3)
  endif()
  add_test(NAME ${name} COMMAND ${interpreter} ${script})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 ENVIRONMENT
    "WARPFINCH_BUILD=${CMAKE_BINARY_DIR};WARPFINCH_LIBRARY=$<TARGET_FILE:warpfinch>;PYTHONPATH=${PROJECT_SOURCE_DIR}/tools/python;PYTHONDONTWRITEBYTECODE=1")
  if(name MATCHES "gpu")
    set_tests_properties(${name} PROPERTIES LABELS gpu)
  elseif(name MATCHES "fresh")  # builds everything twice, where it is asked for
    set_tests_properties(${name} PROPERTIES LABELS fresh TIMEOUT 14400 RUN_SERIAL ON)
  endif()
endforeach()

if(EXISTS ${PROJECT_SOURCE_DIR}/tests/consumer/CMakeLists.txt)
  set(prefix ${CMAKE_BINARY_DIR}/tests/installed)
  add_test(NAME consumer.install COMMAND ${CMAKE_COMMAND} --install ${CMAKE_BINARY_DIR} --prefix ${prefix})
  add_test(NAME consumer.build_and_run COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test
    ${PROJECT_SOURCE_DIR}/tests/consumer ${CMAKE_BINARY_DIR}/tests/consumer
    --build-generator ${CMAKE_GENERATOR}
    --build-options -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
    --test-command ${CMAKE_CTEST_COMMAND} --output-on-failure)
  set_tests_properties(consumer.install PROPERTIES FIXTURES_SETUP installed)
  set_tests_properties(consumer.build_and_run PROPERTIES FIXTURES_REQUIRED installed)
endif()
