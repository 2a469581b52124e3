# SPDX-License-Identifier: BSL-1.0
# What only our own tests and examples use; none of it reaches the users of the library.

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(HEARTBEAT_CCACHE ccache)
    mark_as_advanced(HEARTBEAT_CCACHE)
    if(HEARTBEAT_CCACHE)
        set(CMAKE_CXX_COMPILER_LAUNCHER "${HEARTBEAT_CCACHE}")
    endif()
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Debug)
endif()

set(CMAKE_CXX_EXTENSIONS OFF)

add_library(heartbeat_warnings INTERFACE)
target_compile_options(heartbeat_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

# An executable of the tests or examples: the library, and warnings as errors.
function(heartbeat_add_executable name)
    add_executable(${name} ${ARGN})
    target_link_libraries(${name} PRIVATE heartbeat::heartbeat heartbeat_warnings)
endfunction()
