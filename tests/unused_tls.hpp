// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/byte_layer.hpp>

#include <memory>

/// Lets `wss` URLs be dialled. The simulated network does what there is to a handshake.
struct unused_tls final : heartbeat::tls_provider {
    std::unique_ptr<heartbeat::detail::byte_layer> wrap(
        std::unique_ptr<heartbeat::detail::byte_layer> transport) const override {
        return transport;
    }
};
