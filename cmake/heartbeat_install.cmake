# SPDX-License-Identifier: BSL-1.0
# The install target: the headers, and the files that make find_package(heartbeat) work.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(heartbeat_config_dir "${CMAKE_INSTALL_DATADIR}/cmake/heartbeat")

# While the major version is 0, a minor version may break the interface.
write_basic_package_version_file(
    "${CMAKE_CURRENT_BINARY_DIR}/heartbeatConfigVersion.cmake" COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)

install(DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/include/heartbeat" DESTINATION include FILES_MATCHING PATTERN "*.hpp")
install(TARGETS heartbeat heartbeat_tls EXPORT heartbeat)
install(
    EXPORT heartbeat
    NAMESPACE heartbeat::
    FILE heartbeatTargets.cmake
    DESTINATION "${heartbeat_config_dir}")
install(FILES "${CMAKE_CURRENT_SOURCE_DIR}/cmake/heartbeatConfig.cmake"
              "${CMAKE_CURRENT_SOURCE_DIR}/cmake/heartbeat_dependencies.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/heartbeatConfigVersion.cmake"
        DESTINATION "${heartbeat_config_dir}")
install(FILES "${CMAKE_CURRENT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
