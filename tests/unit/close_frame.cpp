// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/net/close_frame.hpp>

using heartbeat::detail::close_code_in;

TEST_CASE("the code of a client's Close frame is read through its mask") {
    CHECK(close_code_in({0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf1}) == 1009);
    CHECK(close_code_in({0x88, 0x82, 0xff, 0x0f, 0xaa, 0x55, 0x03 ^ 0xff, 0xea ^ 0x0f}) == 1002);
    CHECK(close_code_in({0x88, 0x82, 0, 0, 0, 0, 0xff, 0xff}) == 65535);
}

TEST_CASE("another frame has no close code") {
    CHECK(close_code_in({0x89, 0x82, 0, 0, 0, 0, 0x03, 0xf1}) == 0);  // a ping
    CHECK(close_code_in({0x08, 0x82, 0, 0, 0, 0, 0x03, 0xf1}) == 0);  // not the last fragment
    CHECK(close_code_in({0x88, 0x02, 0, 0, 0, 0, 0x03, 0xf1}) == 0);  // not masked
    CHECK(close_code_in({0x88, 0x83, 0, 0, 0, 0, 0x03, 0xf1}) == 0);  // with a text
}
