// SPDX-License-Identifier: BSL-1.0
//
// A lookup that hangs in the operating system: it cannot be stopped, only abandoned.
#include "world.hpp"

namespace {

/// Lookups that have begun and do not end by themselves.
std::vector<hb::detail::status_handler>& hanging_lookups() {
    static std::vector<hb::detail::status_handler> all;
    return all;
}

/// TCP with a resolver that hangs.
class hanging_stream : public hb::any_stream {
public:
    using any_stream::any_stream;

    template <class Handler>
    void async_resolve(hb::url const&, Handler handler) {
        hanging_lookups().emplace_back(std::move(handler));
    }
};

using hanging_socket = hb::heartbeat_socket<hb::mode_code, hanging_stream, hb::manual_clock>;

}  // namespace

TEST_CASE("law 5: a lookup that hangs is abandoned, and ends nothing and delays nothing when it comes back") {
    world here;
    hanging_lookups().clear();
    std::vector<hb::errc> failures;
    std::size_t waits = 0;
    int stops = 0;
    {
        hanging_socket socket(here.io, here.options());
        socket.on<hb::attempt_failed>(
            [&](hb::attempt_failed const& event) { failures.push_back(event.reason.cause); });
        socket.on<hb::waiting>([&](hb::waiting const&) { ++waits; });
        socket.on<hb::stopped>([&](hb::stopped const&) { ++stops; });
        socket.start();
        here.until([&] { return hanging_lookups().size() == 1; });

        SECTION("at its deadline") {
            here.pass(5s - 1ns);
            CHECK(failures.empty());
            here.pass(1ns);
            CHECK(failures == std::vector{hb::errc::resolve_timeout});
            CHECK(waits == 1);
            here.pass(3s);
            CHECK(hanging_lookups().size() == 2);

            // The first one comes back while the second is under way.
            std::exchange(hanging_lookups().front(), nullptr)(hb::error_code{});
            here.settle();
            CHECK(socket.state() == hb::state::connecting);
            here.pass(5s);
            CHECK(failures.size() == 2);
            socket.cancel();
            here.until([&] { return stops == 1; });
        }
        SECTION("by a close") {
            bool closed = false;
            socket.async_close([&](hb::error_code) { closed = true; });
            here.until([&] { return closed; });
            CHECK(stops == 1);
            CHECK(here.clock.pending() == 0);
        }
        SECTION("by destroying the socket") {}
    }
    here.settle();
    CHECK(here.clock.pending() == 0);
    for (auto& lookup : std::exchange(hanging_lookups(), {}))
        if (lookup) std::move(lookup)(asio::error::operation_aborted);
    here.settle();
}
