# SPDX-License-Identifier: BSL-1.0
include("${CMAKE_CURRENT_LIST_DIR}/heartbeat_dependencies.cmake")
heartbeat_find_dependencies(heartbeat_problem)
if(heartbeat_problem)
    set(heartbeat_FOUND FALSE)
    set(heartbeat_NOT_FOUND_MESSAGE "${heartbeat_problem}")
    return()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/heartbeatTargets.cmake")
