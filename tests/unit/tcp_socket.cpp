// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/net/tcp_socket.hpp>

using heartbeat::detail::to_asio;

#if defined(__linux__)

TEST_CASE("the zone of an address is an interface of this host") {
    boost::system::error_code error;
    auto const loopback = ::if_nametoindex("lo");
    CHECK(to_asio({"fe80::1%lo", 80}, error).address().to_v6().scope_id() == loopback);
    CHECK_FALSE(error);
    CHECK(to_asio({"2001:db8::1%lo", 80}, error).address().to_v6().scope_id() == loopback);
    CHECK(to_asio({"fe80::1%7", 80}, error).address().to_v6().scope_id() == 7);
    CHECK_FALSE(error);
    for (auto const* const address : {"fe80::1%nothing0", "fe80::1%7th", "fe80::1%"}) {
        CAPTURE(address);
        error = {};
        to_asio({address, 80}, error);
        CHECK(error);
    }
    error = {};
    to_asio({"a.name", 80}, error);
    CHECK(error);
}

#endif
