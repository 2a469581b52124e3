// SPDX-License-Identifier: BSL-1.0
//
// TLS that `prepare` gives an attempt.
#include "peers.hpp"
#include "world.hpp"

namespace {

/// Trusts the tests' authority, and shows a certificate with that name.
std::shared_ptr<hb::tls_provider const> showing(std::string const& name) {
    auto const shown =
        tls_world::test_authority().issue({.name = name, .alternatives = "", .usage = "clientAuth"});
    auto options = tls_world::trusting();
    options.certificate_pem = shown.certificate;
    options.key_pem = shown.key;
    return make_tls(options);
}

}  // namespace

TEST_CASE("prepare renews a client certificate, which stays until it gives another one") {
    tls_world here;
    demand_certificate(*here.context, here.test_authority().certificate());
    auto settings = here.secure_options();
    settings.tls = showing("of the options");
    auto const next = showing("of prepare");
    std::vector<hb::prepared> told_before;
    settings.prepare = [&](hb::preparation const& what, hb::prepare_handler const& done) {
        told_before.push_back(what.current);
        auto use = what.current;
        use.tls = told_before.size() == 2 ? next : nullptr;
        done(use);
    };
    tls_client client(here, settings);
    for (std::size_t link = 1; link < 4; ++link) {
        here.until([&] { return client.told.opened.size() == link; });
        here.secure_server.drop_all();
        here.until([&] { return client.told.waits.size() == link; });
        here.pass(3s);
    }
    here.until([&] { return client.told.opened.size() == 4; });
    REQUIRE(here.handshakes.size() == 4);
    CHECK(here.handshakes[0].client == "of the options");
    CHECK(here.handshakes[1].client == "of prepare");
    CHECK_FALSE(here.handshakes[1].resumed);
    CHECK(here.handshakes[2].client == "of prepare");
    CHECK(here.handshakes[2].resumed);
    CHECK(told_before[0].tls == settings.tls);
    CHECK(told_before[1].tls == settings.tls);
    CHECK(told_before[2].tls == next);

    // Another run begins with what the options say.
    bool ended = false;
    client.socket.async_close([&](hb::error_code) { ended = true; });
    here.until([&] { return ended; });
    client.socket.start();
    here.until([&] { return client.told.opened.size() == 5; });
    CHECK(told_before.at(4).tls == settings.tls);
}

TEST_CASE("prepare may bring the TLS that the options have not") {
    tls_world here;
    auto settings = here.secure_options();
    auto const tls = std::exchange(settings.tls, nullptr);
    auto const url = settings.url;
    SECTION("with its URL") {
        settings.url = "ws://127.0.0.1:" + std::to_string(here.port);
        settings.prepare = [&](hb::preparation const&, hb::prepare_handler const& done) {
            done(hb::prepared{.url = url, .tls = tls});
        };
    }
    SECTION("for the URL in the options") {
        settings.prepare = [&](hb::preparation const&, hb::prepare_handler const& done) {
            done(hb::prepared{.tls = tls});
        };
    }
    SECTION("for a redirect") {
        raw_server elsewhere(here.io);
        elsewhere.answer = "HTTP/1.1 302 Found\r\nLocation: " + url + "\r\nContent-Length: 0\r\n\r\n";
        settings.url = "ws://127.0.0.1:" + std::to_string(elsewhere.listen());
        settings.prepare = [&](hb::preparation const&, hb::prepare_handler const& done) {
            done(hb::prepared{.request = {.most_redirects = 1}, .tls = tls});
        };
        CHECK(tls_client(here, settings).failure() == hb::errc{});
        CHECK(here.handshakes.size() == 1);
        return;
    }
    tls_client client(here, settings);
    CHECK(client.failure() == hb::errc{});
    CHECK(here.handshakes.size() == 1);
}

TEST_CASE("a wss URL for which prepare brings no TLS fails the attempt and says why") {
    tls_world here;
    auto settings = here.secure_options();
    settings.tls = nullptr;
    settings.prepare = [](hb::preparation const& what, hb::prepare_handler const& done) {
        done(what.current);
    };
    tls_client client(here, settings);
    CHECK(client.failure() == hb::errc::prepare_failed);
    CHECK(client.told.failures.at(0).reason.explanation.find("heartbeat/tls.hpp") != std::string::npos);
}
