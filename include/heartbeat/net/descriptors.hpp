// SPDX-License-Identifier: BSL-1.0
#pragma once

// Whether files can still be opened. Libraries below do not always say that this is why they found nothing.

#include <boost/system/error_code.hpp>

#if __has_include(<unistd.h>)
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>
#endif

namespace heartbeat::detail {

/// `EMFILE` or `ENFILE` if the process or the system has no file descriptor left at this moment, else no
/// error; never one on systems other than POSIX.
inline boost::system::error_code exhausted_descriptors() noexcept {
#if __has_include(<unistd.h>)
    int const descriptor = ::open("/", O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        ::close(descriptor);
        return {};
    }
    if (errno == EMFILE || errno == ENFILE) return {errno, boost::system::system_category()};
#endif
    return {};
}

}  // namespace heartbeat::detail
