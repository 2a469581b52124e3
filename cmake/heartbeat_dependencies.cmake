# SPDX-License-Identifier: BSL-1.0
# Finds what the library needs. Used by its own build and, installed, by heartbeatConfig.cmake.

set(HEARTBEAT_BOOST_VERSION 1.81)
set(HEARTBEAT_JSON_VERSION 3.10)
set(HEARTBEAT_OPENSSL_VERSION 3.0)

# Boost as plain headers, without the CMake files that Boost installs beside them. Defines Boost::headers if they
# are there and new enough. Sets `found` to their version, empty if there are none.
function(heartbeat_find_boost_headers found)
    find_path(HEARTBEAT_BOOST_INCLUDE_DIR boost/version.hpp PATH_SUFFIXES include ${ARGN})
    mark_as_advanced(HEARTBEAT_BOOST_INCLUDE_DIR)
    set(version "")
    if(HEARTBEAT_BOOST_INCLUDE_DIR)
        file(STRINGS "${HEARTBEAT_BOOST_INCLUDE_DIR}/boost/version.hpp" version REGEX "^#define BOOST_VERSION ")
        string(REGEX REPLACE "[^0-9]" "" version "${version}")
        math(EXPR major "${version} / 100000")
        math(EXPR minor "${version} / 100 % 1000")
        math(EXPR patch "${version} % 100")
        set(version "${major}.${minor}.${patch}")
        if(version VERSION_GREATER_EQUAL HEARTBEAT_BOOST_VERSION)
            add_library(Boost::headers INTERFACE IMPORTED)
            target_include_directories(Boost::headers INTERFACE "${HEARTBEAT_BOOST_INCLUDE_DIR}")
        else()
            unset(HEARTBEAT_BOOST_INCLUDE_DIR CACHE)
        endif()
    endif()
    set(${found} "${version}" PARENT_SCOPE)
endfunction()

# Defines Boost::headers, unless the project that uses this library already has; else describes the problem.
function(heartbeat_find_boost problem)
    if(TARGET Boost::headers)
        if(Boost_VERSION_STRING AND Boost_VERSION_STRING VERSION_LESS HEARTBEAT_BOOST_VERSION)
            set(${problem}
                "Boost ${HEARTBEAT_BOOST_VERSION} or newer is needed; this project has already found ${Boost_VERSION_STRING}."
                PARENT_SCOPE)
        endif()
        return()
    endif()
    set(root "${BOOST_ROOT}")
    if(NOT root)
        set(root "$ENV{BOOST_ROOT}")
    endif()
    # What was found before counts no longer when the place to look in has changed.
    if(NOT root STREQUAL "${HEARTBEAT_BOOST_ROOT}")
        unset(Boost_DIR CACHE)
        unset(boost_headers_DIR CACHE)
        unset(HEARTBEAT_BOOST_INCLUDE_DIR CACHE)
    endif()
    set(HEARTBEAT_BOOST_ROOT "${root}" CACHE INTERNAL "The BOOST_ROOT with which Boost was found")
    set(where "")
    if(root)
        set(where PATHS "${root}" NO_DEFAULT_PATH)
    endif()

    find_package(Boost ${HEARTBEAT_BOOST_VERSION} CONFIG QUIET GLOBAL ${where})
    if(TARGET Boost::headers)
        return()
    endif()
    heartbeat_find_boost_headers(found ${where})
    if(TARGET Boost::headers)
        return()
    endif()

    if(NOT found AND Boost_CONSIDERED_VERSIONS)
        list(GET Boost_CONSIDERED_VERSIONS 0 found)
    endif()
    if(NOT found)
        set(found "none")
    endif()
    if(root)
        string(APPEND found " in BOOST_ROOT=${root}")
    endif()
    set(${problem}
        "Boost ${HEARTBEAT_BOOST_VERSION} or newer is needed, found: ${found}. Install libboost1.81-dev (Debian 12), libboost-dev (Debian 13, Ubuntu 24.04 and newer), or set BOOST_ROOT."
        PARENT_SCOPE)
endfunction()

# The same for nlohmann_json::nlohmann_json.
function(heartbeat_find_json problem)
    if(TARGET nlohmann_json::nlohmann_json)
        return()
    endif()
    find_package(nlohmann_json ${HEARTBEAT_JSON_VERSION} CONFIG QUIET GLOBAL)
    if(TARGET nlohmann_json::nlohmann_json)
        return()
    endif()
    set(found "none")
    if(nlohmann_json_CONSIDERED_VERSIONS)
        list(GET nlohmann_json_CONSIDERED_VERSIONS 0 found)
    endif()
    set(${problem}
        "nlohmann/json ${HEARTBEAT_JSON_VERSION} or newer is needed, found: ${found}. Install nlohmann-json3-dev (Debian, Ubuntu)."
        PARENT_SCOPE)
endfunction()

# OpenSSL, if it is there: who links heartbeat::tls without it is told by CMake.
macro(heartbeat_find_openssl)
    if(NOT TARGET OpenSSL::SSL)
        find_package(OpenSSL ${HEARTBEAT_OPENSSL_VERSION} QUIET GLOBAL)
    endif()
endmacro()

# Sets `problem` to one line that says what is missing and what to install; empty if all is there.
macro(heartbeat_find_dependencies problem)
    set(${problem} "")
    heartbeat_find_boost(${problem})
    if(NOT ${problem})
        heartbeat_find_json(${problem})
    endif()
    if(NOT ${problem})
        find_package(Threads QUIET GLOBAL)
        if(NOT Threads_FOUND)
            set(${problem} "A threads library is needed and was not found.")
        endif()
    endif()
endmacro()
