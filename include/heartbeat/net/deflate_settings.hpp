// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/deflate_options.hpp>

#include <boost/beast/websocket/option.hpp>

namespace heartbeat::detail {

/// What the websocket compresses with. Which messages it compresses is decided for each.
inline boost::beast::websocket::permessage_deflate deflate_settings(deflate_options const& wanted) {
    boost::beast::websocket::permessage_deflate settings;
    settings.client_enable = true;
    settings.client_max_window_bits = wanted.client_window_bits;
    settings.server_max_window_bits = wanted.server_window_bits;
    settings.compLevel = wanted.compression_level;
    settings.memLevel = wanted.memory_level;
    return settings;
}

}  // namespace heartbeat::detail
