// SPDX-License-Identifier: BSL-1.0
//
// What a server answers, beside what Beast reads: when to come back, where else to go, how to compress, and
// compressed frames, in pieces of all sizes.
#include "script.hpp"

#include <heartbeat/core/deflate_negotiation.hpp>
#include <heartbeat/core/ipv6_zone.hpp>
#include <heartbeat/core/redirects.hpp>
#include <heartbeat/core/retry_after.hpp>
#include <heartbeat/core/utf8.hpp>
#include <heartbeat/net/inflating_filter.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace hb = heartbeat;
using namespace std::chrono_literals;

namespace {

void answer_when(script& input) {
    auto const date = input.text(input.byte());
    hb::duration const longest = 1h;
    auto const now = hb::detail::wall_time(std::chrono::seconds(1'700'000'000));
    auto const wait = hb::detail::retry_after(input.rest(), date, now, longest);
    require(wait >= hb::duration() && wait <= longest, "the wait lies between nothing and the longest");
}

void answer_where(script& input) {
    auto const base = hb::parse_url(input.flag() ? "wss://example.com:8443/a/b?c" : "ws://[::1]/");
    auto const found = hb::detail::resolve_location(base, input.rest());
    if (!found) return;
    require(found->target.starts_with('/'), "the target begins with a slash");
    auto const path = found->target.substr(0, found->target.find('?'));
    require(path.find("/../") == std::string::npos, "no segment of the path goes up");
    require(hb::parse_url(hb::to_string(*found)).host == found->host, "the place is a URL");
    std::string const seen(hb::detail::without_zone(found->host));
    for (char const c : seen + found->target)
        require(c > 0x20 && c < 0x7f, "all but a zone is visible ASCII");
    require(hb::detail::is_valid_utf8(found->host), "a zone is UTF-8");
}

void answer_how(script& input) {
    auto const terms = hb::detail::deflate_terms_in(input.rest());
    if (!terms) return;
    for (int const bits : {terms->client_window_bits, terms->server_window_bits})
        require(bits == 0 || (bits >= 8 && bits <= 15), "a window has 8 to 15 bits");
}

/// Reads as the websocket does, until all has been given and taken.
void answer_frames(script& input) {
    hb::detail::inflating_filter filter;
    filter.accept({.server_no_context_takeover = input.flag(),
                   .server_window_bits = static_cast<int>(input.flag() ? 8 + input.below(8) : 0)});
    std::array<char, 1536> place{};
    std::size_t const space = 16 + 8 * input.byte() % (place.size() - 15);
    // Beyond what any input can inflate to, which is a factor of some thousand.
    for (std::size_t steps = 0; steps < 2'000'000; ++steps) {
        auto const taken = filter.take(boost::asio::buffer(place, space));
        require(taken <= space, "no more is given than fits");
        if (taken != 0) continue;
        if (input.done()) return;
        auto const into = filter.space();
        auto const bytes = input.text(1 + input.byte());
        filter.commit(boost::asio::buffer_copy(into, boost::asio::buffer(bytes)));
    }
    require(false, "all that is given is taken in the end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    script input(data, size);
    switch (input.below(4)) {
        case 0: answer_when(input); break;
        case 1: answer_where(input); break;
        case 2: answer_how(input); break;
        case 3: answer_frames(input); break;
    }
    return 0;
}
