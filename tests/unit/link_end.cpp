// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/link_end.hpp>

using heartbeat::errc;
using heartbeat::detail::connection_end;
using heartbeat::detail::end_after;

TEST_CASE("the connection of a link whose peer is taken for dead is kept to be reset, and no other") {
    for (int value = 0; value <= static_cast<int>(errc::connected_to_itself); ++value) {
        CAPTURE(value);
        auto const cause = static_cast<errc>(value);
        bool const is_dead = cause == errc::heartbeat_timeout;
        CHECK(end_after(cause) ==
              (is_dead ? connection_end::reset_when_connected_again : connection_end::close));
    }
}
