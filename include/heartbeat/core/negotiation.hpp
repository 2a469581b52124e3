// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/deflate_negotiation.hpp>
#include <heartbeat/error.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace heartbeat::detail {

/// What a server chose in its answer to the upgrade request: the values of `Sec-WebSocket-Protocol` and
/// `Sec-WebSocket-Extensions`, with commas between them if there are several; empty if there are none.
struct negotiated {
    std::string_view subprotocol = {};
    std::string_view extensions = {};
};

/// Why the client must not accept that (RFC 6455 section 4.1); zero if it may.
///
/// \param offered the subprotocols in the upgrade request
/// \param deflate what was offered of permessage-deflate; no other extension ever is
/// A server may choose none.
inline errc judge(negotiated const& chosen, std::span<std::string const> offered,
                  deflate_options const& deflate = {}) {
    if (!chosen.extensions.empty()) {
        auto const terms = deflate_terms_in(chosen.extensions);
        if (!terms || !fits(*terms, deflate)) return errc::extension_not_offered;
    }
    if (chosen.subprotocol.empty() || std::ranges::find(offered, chosen.subprotocol) != offered.end())
        return {};
    return errc::subprotocol_not_offered;
}

}  // namespace heartbeat::detail
