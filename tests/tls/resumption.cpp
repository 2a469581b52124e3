// SPDX-License-Identifier: BSL-1.0
//
// Reconnecting takes a short handshake. It is easily lost without a sign, so it is counted.
#include "peers.hpp"
#include "world.hpp"

#include <algorithm>

TEST_CASE("at least 99 % of reconnects resume a session, however links end") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    CAPTURE(version);
    constexpr std::size_t reconnects = 200;
    tls_world here(server_context(tls_world::test_authority().issue(), version));
    auto socket = here.make_socket(here.secure_options());
    diary told(socket);
    socket.start();
    for (std::size_t link = 1; link <= reconnects + 1; ++link) {
        here.until([&] { return told.opened.size() == link; });
        // In turn: reset, closed, cut.
        switch (link % 3) {
            case 0: here.secure_server.drop_all(); break;
            case 1: here.secure_server.close_all(1001); break;
            default: here.secure_server.stop(); break;
        }
        here.until([&] { return told.waits.size() == link; });
        if (link % 3 == 2) here.secure_server.listen(here.secure_port);
        here.pass(3s);
    }
    auto const stats = socket.stats();
    CHECK(stats.tls_handshakes >= reconnects + 1);
    CHECK(stats.tls_resumed >= reconnects * 99 / 100);
    WARN("TLS 1." << (version == TLS1_2_VERSION ? 2 : 3) << ": " << stats.tls_resumed << " of "
                  << stats.tls_handshakes - 1 << " reconnects resumed");
    // The server saw the same.
    auto const resumed = std::ranges::count(here.handshakes, true, &seen_handshake::resumed);
    CHECK(static_cast<std::uint64_t>(resumed) >= stats.tls_resumed);
}

TEST_CASE("sockets that share the value share its sessions, and others do not") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    tls_world here(server_context(tls_world::test_authority().issue(), version));
    auto const settings = here.secure_options();
    tls_client first(here, settings);
    tls_client second(here, settings);
    tls_client stranger(here, here.secure_options());
    CHECK(first.socket.stats().tls_resumed == 0);
    CHECK(second.socket.stats().tls_resumed == 1);
    CHECK(stranger.socket.stats().tls_resumed == 0);
}

TEST_CASE("a session is for one host, so a certificate for another is noticed all the same") {
    tls_world here(tls_world::test_authority().issue({.alternatives = "IP:127.0.0.1"}));
    auto settings = here.secure_options();
    tls_client first(here, settings);
    REQUIRE(first.told.opened.size() == 1);
    settings.url.replace(settings.url.find("127.0.0.1"), 9, "localhost");
    tls_client second(here, settings);
    CHECK(second.failure() == hb::errc::tls_wrong_host);
}

TEST_CASE("a server that has forgotten its sessions is connected to with a full handshake") {
    tls_world here;
    auto const settings = here.secure_options();
    tls_client first(here, settings);
    here.context = server_context(here.test_authority().issue());
    tls_client second(here, settings);
    CHECK(second.failure() == hb::errc{});
    CHECK(second.socket.stats().tls_resumed == 0);
    // And that one's certificate is looked at.
    here.context = server_context(self_signed());
    tls_client third(here, settings);
    CHECK(third.failure() == hb::errc::tls_certificate_self_signed);
}

TEST_CASE("a session is not resumed when the certificate that it stands on has expired") {
    // Resuming looks at no certificate, so what has expired since would be accepted for as long as tickets
    // last.
    tls_world here(tls_world::test_authority().issue({.valid_from = -48h, .valid_until = -24h}));
    auto options = here.trusting();
    options.verify = false;
    auto const settings = here.secure_options(options);
    tls_client first(here, settings);
    REQUIRE(first.told.opened.size() == 1);
    tls_client second(here, settings);
    REQUIRE(second.told.opened.size() == 1);
    CHECK(second.socket.stats().tls_resumed == 0);
}

TEST_CASE("a session at which something stumbles is not offered for ever") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    tls_world here(server_context(tls_world::test_authority().issue(), version));
    auto const settings = here.secure_options();
    tls_client first(here, settings);
    REQUIRE(first.told.opened.size() == 1);
    here.secure_server.stop();
    here.until([&] { return first.told.closed.size() == 1; });
    {
        raw_server stumbling(here.io);
        stumbling.then = raw_server::end::reset;
        stumbling.listen(here.secure_port);
        here.pass(3s);
        here.until([&] { return first.told.failures.size() == 1; });
        CHECK(first.failure() == hb::errc::tls_failed);
    }
    here.secure_server.listen(here.secure_port);
    here.pass(3s);
    here.until([&] { return first.told.opened.size() == 2; });
    CHECK(first.socket.stats().tls_resumed == 0);
}

TEST_CASE("the number of servers that are remembered is bounded") {
    hb::detail::tls_sessions sessions;
    for (std::size_t server = 0; server <= sessions.capacity; ++server)
        sessions.put(std::to_string(server), hb::detail::session_pointer(SSL_SESSION_new()));
    CHECK_FALSE(sessions.get("0"));
    CHECK(sessions.get("1"));
    CHECK(sessions.get(std::to_string(sessions.capacity)));
}

TEST_CASE("a link that OpenSSL gives up does not spoil its session") {
    tls_world here;
    farewell_server peer(here.io, here.context);
    auto settings = here.secure_options();
    settings.url = "wss://127.0.0.1:" + std::to_string(peer.listen());
    tls_client client(here, settings);
    REQUIRE(client.told.opened.size() == 1);
    // The client answers with a fatal alert, after which OpenSSL will not resume a session of that link.
    peer.babble();
    here.until([&] { return client.told.waits.size() == 1; });
    here.pass(3s);
    here.until([&] { return client.told.opened.size() == 2; });
    CHECK(client.socket.stats().tls_resumed == 1);
}

TEST_CASE("a link that breaks does not spoil the session that an own context keeps") {
    static int const place = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    hb::detail::session_pointer kept;
    tls_world here;
    auto const context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    context->add_certificate_authority(asio::buffer(here.test_authority().certificate()));
    auto* const native = context->native_handle();
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_ex_data(native, place, &kept);
    SSL_CTX_sess_set_new_cb(native, [](SSL* connection, SSL_SESSION* session) {
        auto* const keeper = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), place);
        static_cast<hb::detail::session_pointer*>(keeper)->reset(session);
        return 1;
    });
    {
        tls_client client(here, here.secure_options({.context = context}));
        REQUIRE(client.told.opened.size() == 1);
        here.secure_server.drop_all();
        here.until([&] { return client.told.closed.size() == 1; });
    }
    here.settle();
    REQUIRE(kept);
    CHECK(SSL_SESSION_is_resumable(kept.get()) == 1);
}
