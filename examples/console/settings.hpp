// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "protocol.hpp"

#include <heartbeat/options.hpp>
#include <heartbeat/tls.hpp>
#include <heartbeat/url.hpp>

#include <string>

/// What the command line says.
struct settings {
    heartbeat::options options = {};
    std::string protocol = "mode_code";
    bool json = false;
    bool color = true;
    bool connect = true;
    /// What TLS trusts.
    heartbeat::tls_options trust = {};

    /// The URL as it is shown: without user and password.
    std::string shown_url() const {
        auto const parts = heartbeat::parse_url(options.url);
        bool const is_secret = !parts.user.empty() || !parts.password.empty();
        return is_secret ? to_string(parts) : options.url;
    }

    chosen_protocol make_protocol() const {
        if (protocol == "ping") return chosen_protocol(heartbeat::ping_frame());
        return chosen_protocol(heartbeat::mode_code());
    }
};
