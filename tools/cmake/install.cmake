# What `cmake --install` lays down: library, program, headers, the find_package and pkg-config files, shipped
# configs and the Python package.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/warpfinch)

install(TARGETS warpfinch EXPORT warpfinchTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET warpfinch_program)
  install(TARGETS warpfinch_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY tuner/api/warpfinch DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp" PATTERN "*.md")

install(EXPORT warpfinchTargets NAMESPACE warpfinch:: FILE warpfinchConfig.cmake DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/warpfinchConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/generated/warpfinchConfigVersion.cmake DESTINATION ${package_folder})

# Relative to itself, so that it is right wherever --prefix puts it.
file(RELATIVE_PATH prefix_from_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(tools/cmake/warpfinch.pc.in generated/warpfinch.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/warpfinch.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(EXISTS ${PROJECT_SOURCE_DIR}/tuner/configs)
  install(DIRECTORY tuner/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/warpfinch)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/tools/python/warpfinch)
  install(DIRECTORY tools/python/warpfinch DESTINATION ${CMAKE_INSTALL_DATADIR}/warpfinch/python
          PATTERN "__pycache__" EXCLUDE)
endif()
