// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/deflate_negotiation.hpp>

#include <string>

namespace {

using heartbeat::deflate_options;
using heartbeat::detail::deflate_offer;
using heartbeat::detail::deflate_terms;
using heartbeat::detail::deflate_terms_in;
using heartbeat::detail::fits;

bool accepted(std::string const& answer, deflate_options const& offered) {
    auto const terms = deflate_terms_in(answer);
    return terms && fits(*terms, offered);
}

}  // namespace

TEST_CASE("what is offered of compression follows from the options") {
    CHECK(deflate_offer({}).empty());
    CHECK(deflate_offer({.enabled = true}) == "permessage-deflate; client_max_window_bits");
    CHECK(deflate_offer({.enabled = true, .client_window_bits = 9}) ==
          "permessage-deflate; client_max_window_bits=9");
    CHECK(deflate_offer({.enabled = true, .server_window_bits = 12}) ==
          "permessage-deflate; client_max_window_bits; server_max_window_bits=12");
    CHECK(deflate_offer(
              {.enabled = true, .client_context_takeover = false, .server_context_takeover = false}) ==
          "permessage-deflate; client_max_window_bits; client_no_context_takeover; "
          "server_no_context_takeover");
}

TEST_CASE("an answer about compression is read as RFC 7692 has it") {
    auto const all = deflate_terms_in(
        "permessage-deflate; client_max_window_bits=10; server_max_window_bits=8; "
        "client_no_context_takeover; server_no_context_takeover");
    REQUIRE(all);
    CHECK(all->client_window_bits == 10);
    CHECK(all->server_window_bits == 8);
    CHECK(all->client_no_context_takeover);
    CHECK(all->server_no_context_takeover);

    auto const none = deflate_terms_in(" permessage-deflate ");
    REQUIRE(none);
    CHECK(none->client_window_bits == 0);
    CHECK(none->server_window_bits == 0);
    CHECK(!none->client_no_context_takeover);
    CHECK(!none->server_no_context_takeover);

    for (std::string const answer :
         {"Permessage-Deflate;Server_Max_Window_Bits=15", "permessage-deflate ;\tserver_max_window_bits = 15",
          "permessage-deflate; server_max_window_bits=\"15\""}) {
        auto const terms = deflate_terms_in(answer);
        REQUIRE(terms);
        CHECK(terms->server_window_bits == 15);
    }
}

TEST_CASE("an answer about compression that is not well-formed is none") {
    for (std::string const answer :
         {"",
          ";",
          "deflate",
          "permessage-deflate;",
          "permessage-deflate; ;",
          "permessage-deflate=1",
          "permessage-deflate,",
          "permessage-deflate x",
          "permessage-deflate; unknown",
          "permessage-deflate; client_max_window_bits",
          "permessage-deflate; server_max_window_bits",
          "permessage-deflate; server_max_window_bits=",
          "permessage-deflate; server_max_window_bits=7",
          "permessage-deflate; server_max_window_bits=16",
          "permessage-deflate; server_max_window_bits=010",
          "permessage-deflate; server_max_window_bits=\"10",
          "permessage-deflate; server_max_window_bits=10\"",
          "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
          "permessage-deflate; client_max_window_bits=10; client_max_window_bits=10",
          "permessage-deflate; server_no_context_takeover=1",
          "permessage-deflate; server_no_context_takeover=",
          "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
          "permessage-deflate; client_no_context_takeover; client_no_context_takeover"}) {
        INFO(answer);
        CHECK(!deflate_terms_in(answer));
    }
}

TEST_CASE("an answer about compression has to keep to the offer") {
    deflate_options const all{.enabled = true};
    CHECK(accepted("permessage-deflate", all));
    CHECK(accepted("permessage-deflate; client_max_window_bits=9; server_max_window_bits=8", all));
    CHECK(accepted("permessage-deflate; client_no_context_takeover; server_no_context_takeover", all));
    CHECK(!accepted("permessage-deflate", {.enabled = false}));
    // zlib, and what is made after it, cannot compress with so little.
    CHECK(!accepted("permessage-deflate; client_max_window_bits=8", all));

    deflate_options const small{.enabled = true, .client_window_bits = 10, .server_window_bits = 10};
    CHECK(accepted("permessage-deflate; server_max_window_bits=10", small));
    CHECK(accepted("permessage-deflate; server_max_window_bits=9; client_max_window_bits=10", small));
    CHECK(!accepted("permessage-deflate", small));
    CHECK(!accepted("permessage-deflate; server_max_window_bits=11", small));
    CHECK(!accepted("permessage-deflate; server_max_window_bits=10; client_max_window_bits=11", small));

    deflate_options const forgetful{
        .enabled = true, .client_context_takeover = false, .server_context_takeover = false};
    CHECK(accepted("permessage-deflate; server_no_context_takeover", forgetful));
    CHECK(!accepted("permessage-deflate; client_no_context_takeover", forgetful));
}

TEST_CASE("what the client offers to do by itself it does, or it does not compress") {
    using heartbeat::detail::keeps_to;
    auto const keeps = [](std::string_view answer, deflate_options const& offered) {
        return keeps_to(deflate_terms_in(answer).value(), offered);
    };
    CHECK(keeps("permessage-deflate", {.enabled = true}));
    deflate_options const small{.enabled = true, .client_window_bits = 10};
    CHECK(!keeps("permessage-deflate", small));
    CHECK(keeps("permessage-deflate; client_max_window_bits=10", small));
    deflate_options const forgetful{.enabled = true, .client_context_takeover = false};
    CHECK(!keeps("permessage-deflate", forgetful));
    CHECK(keeps("permessage-deflate; client_no_context_takeover", forgetful));
}
