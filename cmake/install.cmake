# make install: GNU directories, DESTDIR obeyed.
if(NOT TARGET ouro)
    return()
endif()
include(CMakePackageConfigHelpers)

install(TARGETS ouro EXPORT ouro-targets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY include/ouro DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
if(TARGET ouro_tool)
    install(TARGETS ouro_tool RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
if(TARGET ouro_host)
    install(TARGETS ouro_host LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
install(FILES man/ouro.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES man/libouro.3 DESTINATION "${CMAKE_INSTALL_MANDIR}/man3")
# A page for each header, made from it.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB manual_sources CONFIGURE_DEPENDS include/ouro/*.h examples/objects/*.c)
add_custom_command(OUTPUT "${PROJECT_BINARY_DIR}/man/made"
                   COMMAND "${Python3_EXECUTABLE}" -B "${PROJECT_SOURCE_DIR}/tools/manual.py" pages
                           "${PROJECT_BINARY_DIR}/man"
                   COMMAND "${CMAKE_COMMAND}" -E touch "${PROJECT_BINARY_DIR}/man/made"
                   DEPENDS tools/manual.py man/libouro.3 ${manual_sources})
add_custom_target(manual ALL DEPENDS "${PROJECT_BINARY_DIR}/man/made")
install(DIRECTORY "${PROJECT_BINARY_DIR}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man3"
        FILES_MATCHING PATTERN "*.3")
install(FILES LICENSE README.md CONTRIBUTING.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}"
        FILES_MATCHING PATTERN "*.md" PATTERN "*.json")
install(DIRECTORY examples/objects DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples")

# find_package(ouro), target Ouro::ouro
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ouro")
install(EXPORT ouro-targets NAMESPACE Ouro:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/ouro-config.cmake.in "${PROJECT_BINARY_DIR}/ouro-config.cmake"
                              INSTALL_DESTINATION "${package_dir}")
# Until 1.0 a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ouro-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/ouro-config.cmake"
              "${PROJECT_BINARY_DIR}/ouro-config-version.cmake"
        DESTINATION "${package_dir}")

# pkg-config ouro.  The prefix is told from where the file lies, so that it may be chosen as late as
# `cmake --install --prefix`, and an installation may be moved.
file(RELATIVE_PATH pc_prefix "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
cmake_path(APPEND pc_libdir "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
cmake_path(APPEND pc_includedir "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
configure_file(cmake/ouro.pc.in "${PROJECT_BINARY_DIR}/ouro.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/ouro.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
