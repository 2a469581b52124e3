// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

namespace heartbeat {

/// A header field of HTTP.
struct http_header {
    std::string name = {};
    std::string value = {};

    friend bool operator==(http_header const&, http_header const&) = default;
};

/// Header fields in their order; a name may occur more than once.
using http_headers = std::vector<http_header>;

}  // namespace heartbeat
