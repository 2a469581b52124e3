// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/negotiation.hpp>

#include <string>
#include <vector>

namespace {

using heartbeat::errc;
using heartbeat::detail::judge;
using heartbeat::detail::negotiated;

}  // namespace

TEST_CASE("a server may choose one of the subprotocols that it was offered, or none") {
    std::vector<std::string> const offered{"chat", "superchat"};
    CHECK(judge({}, {}) == errc{});
    CHECK(judge({}, offered) == errc{});
    CHECK(judge({.subprotocol = "chat"}, offered) == errc{});
    CHECK(judge({.subprotocol = "superchat"}, offered) == errc{});
}

TEST_CASE("a server may not choose another subprotocol, nor two") {
    std::vector<std::string> const offered{"chat", "superchat"};
    CHECK(judge({.subprotocol = "chat"}, {}) == errc::subprotocol_not_offered);
    for (std::string const subprotocol : {"Chat", "cha", "chat2", "chat, superchat", "chat, chat", ","})
        CHECK(judge({.subprotocol = subprotocol}, offered) == errc::subprotocol_not_offered);
}

TEST_CASE("a server may not use extensions that it was not offered") {
    std::vector<std::string> const offered{"chat"};
    CHECK(judge({.extensions = "permessage-deflate"}, {}) == errc::extension_not_offered);
    CHECK(judge({.subprotocol = "chat", .extensions = "x; y=1"}, offered) == errc::extension_not_offered);
}

TEST_CASE("a server may accept compression that it was offered, or decline it") {
    CHECK(judge({}, {}, {.enabled = true}) == errc{});
    CHECK(judge({.extensions = "permessage-deflate"}, {}, {.enabled = true}) == errc{});
    CHECK(judge({.subprotocol = "chat", .extensions = "permessage-deflate"}, {}, {.enabled = true}) ==
          errc::subprotocol_not_offered);
}

TEST_CASE("a server that was offered compression may not use other extensions, nor another kind of it") {
    for (std::string const extensions :
         {"x", "x; y=1", "permessage-deflate, x", "permessage-deflate, permessage-deflate",
          "permessage-deflate; x", "permessage-deflate; client_max_window_bits=8"})
        CHECK(judge({.extensions = extensions}, {}, {.enabled = true}) == errc::extension_not_offered);
}
