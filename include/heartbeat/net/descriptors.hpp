// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/system/error_code.hpp>

#if !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace heartbeat::detail {

/// The errno for which this process cannot open a file now, if that is since there are too many (EMFILE or
/// ENFILE); else no error. What fails for want of a descriptor often says something else.
inline boost::system::error_code exhausted_descriptors() noexcept {
#if !defined(_WIN32)
    int const probe = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (probe >= 0) {
        ::close(probe);
    } else if (errno == EMFILE || errno == ENFILE) {
        return {errno, boost::system::system_category()};
    }
#endif
    return {};
}

}  // namespace heartbeat::detail
