// SPDX-License-Identifier: BSL-1.0
//
// The step between connecting and the upgrade, and how links over TLS end.
#include "peers.hpp"
#include "scratch_directory.hpp"
#include "world.hpp"

#include <functional>
#include <new>
#include <utility>

TEST_CASE("one type of socket serves ws and wss") {
    tls_world here;
    auto plain = here.options();
    // What is not needed does no harm.
    plain.tls = make_tls();
    for (auto const& settings : {plain, here.secure_options()}) {
        CAPTURE(settings.url);
        tls_client client(here, settings);
        REQUIRE(client.told.opened.size() == 1);
        std::string text;
        client.socket.on<hb::message>([&](hb::message const& message) { text = message.text(); });
        client.socket.send(hb::mode_code::message("hello"));
        here.until([&] { return !text.empty(); });
        here.pass(4s);
        here.until([&] { return client.told.beats.size() == 1; });
        client.socket.close();
        here.until([&] { return client.told.stopped.size() == 1; });
        CHECK(client.told.closed.at(0).reason.cause == hb::errc::closed);
        CHECK(client.told.closed.at(0).reason.close_code == 1000);
        bool const secure = settings.url.starts_with("wss");
        CHECK(client.socket.stats().tls_handshakes == (secure ? 1 : 0));
    }
}

TEST_CASE("wss without TLS is an error when the socket is made, and says what to do") {
    tls_world here;
    auto settings = here.secure_options();
    settings.tls = nullptr;
    try {
        here.make_socket(settings);
        FAIL("it was accepted");
    } catch (hb::options_error const& error) {
        CHECK(error.field() == "url");
        CHECK(std::string(error.what()).find("heartbeat/tls.hpp") != std::string::npos);
    }
}

TEST_CASE("options of TLS that make no sense are named with their value") {
    auto const one = tls_world::test_authority().issue();
    auto const other = tls_world::test_authority().issue();
    struct row {
        std::string field;
        std::string value;
        hb::tls_options options;
    };
    row const table[] = {
        {"tls.ca_file", "\"/nowhere\"", {.ca_file = "/nowhere"}},
        {"tls.ca_pem", "a text", {.ca_pem = "no certificate"}},
        {"tls.certificate_file", "\"/nowhere\"", {.certificate_file = "/nowhere", .key_pem = one.key}},
        {"tls.certificate_pem", "a text", {.certificate_pem = "no certificate", .key_pem = one.key}},
        {"tls.certificate_file", "empty", {.key_pem = one.key}},
        {"tls.key_file", "empty", {.certificate_pem = one.certificate}},
        {"tls.certificate_pem",
         "a text",
         {.certificate_file = "/nowhere", .certificate_pem = one.certificate, .key_pem = one.key}},
        {"tls.key_pem",
         "a text",
         {.certificate_pem = one.certificate, .key_file = "/nowhere", .key_pem = one.key}},
        {"tls.key_file", "\"/nowhere\"", {.certificate_pem = one.certificate, .key_file = "/nowhere"}},
        {"tls.key_pem", "a text", {.certificate_pem = one.certificate, .key_pem = other.key}},
        {"tls.pinned_keys", "\"short\"", {.pinned_keys = {"short"}}},
        {"tls.pinned_keys", "\"" + std::string(44, '*') + "\"", {.pinned_keys = {std::string(44, '*')}}},
        {"tls.alpn", "\"\"", {.alpn = {""}}},
        {"tls.server_name", "\"a b\"", {.server_name = "a b"}},
        {"tls.server_name", "\".example.com\"", {.server_name = ".example.com"}},
        {"tls.server_name", "\"*.example.com\"", {.server_name = "*.example.com"}},
        {"tls.server_name", "\"a..b\"", {.server_name = "a..b"}},
        {"tls.server_name", "\".\"", {.server_name = "."}},
        {"tls.server_name", "\"[::1]\"", {.server_name = "[::1]"}},
        {"tls.server_name", "\"fe80::1%eth0\"", {.server_name = "fe80::1%eth0"}},
        {"tls.server_name", "\"" + std::string(255, 'a') + "\"", {.server_name = std::string(255, 'a')}},
        {"tls.context",
         "set",
         {.key_password = "x",
          .context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client)}},
        {"tls.context",
         "set",
         {.ca_file = "x", .context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client)}},
    };
    for (auto const& row : table) {
        CAPTURE(row.field, row.value);
        try {
            make_tls(row.options);
            FAIL("it was accepted");
        } catch (hb::options_error const& error) {
            CHECK(error.field() == row.field);
            CHECK(error.value() == row.value);
        }
    }
    CHECK_NOTHROW(make_tls({.pinned_keys = {pin_of_pem(one.certificate)}}));
}

TEST_CASE("authorities, certificates and keys may be in files, and a key may be encrypted") {
    scratch_directory const files;
    auto const& trusted = tls_world::test_authority();
    auto const client = trusted.issue({.name = "a client", .usage = "clientAuth"});
    tls_world here;
    demand_certificate(*here.context, trusted.certificate());
    hb::tls_options options{.ca_file = files.write("ca.pem", trusted.certificate()),
                            .certificate_file = files.write("client.pem", client.certificate),
                            .key_file = files.write("client.key", encrypted(client.key, "a password")),
                            .key_password = "a password"};
    CHECK(tls_client(here, here.secure_options(options)).failure() == hb::errc{});
    options.key_password = "another one";
    CHECK_THROWS_AS(make_tls(options), hb::options_error);
    // Nobody is asked on the terminal.
    options.key_password.clear();
    CHECK_THROWS_AS(make_tls(options), hb::options_error);
}

TEST_CASE("an own context is used, and verification does not depend on it") {
    tls_world here;
    auto const context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    SECTION("with the authority") {
        context->add_certificate_authority(asio::buffer(here.test_authority().certificate()));
        CHECK(tls_client(here, here.secure_options({.context = context})).failure() == hb::errc{});
    }
    SECTION("without") {
        auto const failure = tls_client(here, here.secure_options({.context = context})).failure();
        CHECK(failure == hb::errc::tls_unknown_ca);
    }
    SECTION("for another host") {
        context->add_certificate_authority(asio::buffer(here.test_authority().certificate()));
        here.context = server_context(here.test_authority().issue({.alternatives = "DNS:example.com"}));
        auto const failure = tls_client(here, here.secure_options({.context = context})).failure();
        CHECK(failure == hb::errc::tls_wrong_host);
    }
}

TEST_CASE("TLS is 1.2 or newer, and http/1.1 is offered unless something else is said") {
    tls_world here;
    SECTION("1.2") {
        here.context = server_context(here.test_authority().issue(), TLS1_2_VERSION);
        CHECK(tls_client(here, here.secure_options()).failure() == hb::errc{});
        CHECK(here.handshakes.at(0).version == TLS1_2_VERSION);
    }
    SECTION("1.3 if possible") {
        CHECK(tls_client(here, here.secure_options()).failure() == hb::errc{});
        CHECK(here.handshakes.at(0).version == TLS1_3_VERSION);
        CHECK(here.handshakes.at(0).protocol == "http/1.1");
    }
    SECTION("1.1") {
        here.context = server_context(here.test_authority().issue(), TLS1_1_VERSION);
        // Else OpenSSL itself does not offer it any more.
        auto const context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
        context->add_certificate_authority(asio::buffer(here.test_authority().certificate()));
        for (auto* const each : {here.context.get(), context.get()})
            SSL_CTX_set_security_level(each->native_handle(), 0);
        SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_VERSION);
        CHECK(tls_client(here, here.secure_options({.context = context})).failure() == hb::errc::tls_failed);
        CHECK(here.handshakes.empty());
    }
    SECTION("other protocols") {
        auto options = here.trusting();
        options.alpn = {"mqtt", "http/1.1"};
        CHECK(tls_client(here, here.secure_options(options)).failure() == hb::errc{});
        CHECK(here.handshakes.at(0).protocol == "mqtt");
    }
    SECTION("none") {
        auto options = here.trusting();
        options.alpn = {};
        CHECK(tls_client(here, here.secure_options(options)).failure() == hb::errc{});
        CHECK(here.handshakes.at(0).protocol.empty());
    }
}

TEST_CASE("a handshake that is not answered has a deadline of its own, and the next attempt succeeds") {
    tls_world here;
    raw_server silent(here.io);
    auto settings = here.secure_options();
    settings.deadlines.tls = 2s;
    SECTION("the peer accepts and says nothing") { silent.answer = ""; }
    // The beginning of a ServerHello.
    SECTION("the peer stops in the middle") {
        silent.answer = std::string("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03", 10);
    }
    settings.url = "wss://127.0.0.1:" + std::to_string(silent.listen());
    auto socket = here.make_socket(settings);
    diary told(socket);
    socket.start();
    here.until([&] { return silent.received > 0 && silent.answered; });
    here.pass(1999ms);
    CHECK(told.failures.empty());
    here.pass(1ms);
    REQUIRE(told.failures.size() == 1);
    CHECK(told.failures[0].reason.cause == hb::errc::tls_timeout);
    REQUIRE(told.waits.size() == 1);
    here.pass(3s);
    here.until([&] { return silent.connections == 2; });
    // Closing does not wait for the peer.
    socket.close();
    here.until([&] { return told.stopped.size() == 1; });
}

TEST_CASE("a frozen server stalls the handshake, and the deadline of the attempt holds as well") {
    tls_world here;
    bool frozen = false;
    here.secure_server.freeze([&] { frozen = true; });
    here.until([&] { return frozen; });
    auto settings = here.secure_options();
    settings.deadlines.attempt = 1s;
    auto socket = here.make_socket(settings);
    diary told(socket);
    socket.start();
    here.until([&] { return here.secure_server.connections() == 1; });
    here.pass(1s);
    here.until([&] { return told.failures.size() == 1; });
    CHECK(told.failures[0].reason.cause == hb::errc::attempt_timeout);
    here.secure_server.resume();
    here.pass(3s);
    here.until([&] { return told.opened.size() == 1; });
}

TEST_CASE("a handshake that breaks is retried") {
    tls_world here;
    raw_server other(here.io);
    auto settings = here.secure_options();
    SECTION("the peer does not speak TLS") { other.answer = "HTTP/1.1 400 Bad Request\r\n\r\n"; }
    SECTION("the peer closes") { other.then = raw_server::end::close; }
    SECTION("the peer resets") { other.then = raw_server::end::reset; }
    settings.url = "wss://127.0.0.1:" + std::to_string(other.listen());
    tls_client client(here, settings);
    CHECK(client.failure() == hb::errc::tls_failed);
    CHECK(client.told.failures.at(0).reason.evidence.failed());
    CHECK(client.told.waits.size() == 1);
}

TEST_CASE("however the connection below ends, it is an ordinary loss and retried") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    tls_world here(server_context(tls_world::test_authority().issue(), version));
    tls_client client(here, here.secure_options());
    REQUIRE(client.told.opened.size() == 1);
    hb::error_code evidence;
    SECTION("cut without a word") {
        here.secure_server.stop();
        evidence = asio::ssl::error::stream_truncated;
    }
    SECTION("reset") {
        here.secure_server.drop_all();
        evidence = asio::error::connection_reset;
    }
    here.until([&] { return client.told.closed.size() == 1; });
    CHECK(client.told.closed[0].reason.cause == hb::errc::connection_lost);
    CHECK(client.told.closed[0].reason.evidence == evidence);
    REQUIRE(client.told.waits.size() == 1);
    here.secure_server.listen(here.secure_port);
    here.pass(3s);
    here.until([&] { return client.told.opened.size() == 2; });
}

TEST_CASE("a peer that says goodbye in TLS and not in websocket is an ordinary loss") {
    tls_world here;
    farewell_server peer(here.io, here.context);
    auto settings = here.secure_options();
    settings.url = "wss://127.0.0.1:" + std::to_string(peer.listen());
    tls_client client(here, settings);
    REQUIRE(client.told.opened.size() == 1);
    peer.say_goodbye();
    here.until([&] { return client.told.closed.size() == 1; });
    CHECK(client.told.closed[0].reason.cause == hb::errc::connection_lost);
    CHECK(client.told.closed[0].reason.evidence == asio::error::eof);
    CHECK(client.told.waits.size() == 1);
}

TEST_CASE("a peer that closes the websocket is heard over TLS") {
    tls_world here;
    tls_client client(here, here.secure_options());
    here.secure_server.close_all(1012, "restart");
    here.until([&] { return client.told.closed.size() == 1; });
    CHECK(client.told.closed[0].reason.cause == hb::errc::closed_by_peer);
    CHECK(client.told.closed[0].reason.close_code == 1012);
}

TEST_CASE("TLS that cannot be put on a connection fails the attempt, and the next one tries again") {
    struct reluctant final : hb::tls_provider {
        std::shared_ptr<hb::tls_provider const> real = make_tls(tls_world::trusting());
        std::function<void()> mutable before = {};

        std::unique_ptr<hb::detail::byte_layer> wrap(
            std::unique_ptr<hb::detail::byte_layer> transport) const override {
            if (auto const trouble = std::exchange(before, {})) trouble();
            return real->wrap(std::move(transport));
        }
    };
    hb::error_code const told = make_error_code(boost::system::errc::too_many_files_open);
    auto const provider = std::make_shared<reluctant>();
    hb::error_code evidence;
    SECTION("for a reason") {
        provider->before = [told] { throw boost::system::system_error(told); };
        evidence = told;
    }
    SECTION("for want of memory") {
        provider->before = [] { throw std::bad_alloc(); };
        evidence = hb::errc::tls_failed;
    }
    tls_world here;
    auto settings = here.secure_options();
    settings.tls = provider;
    tls_client client(here, settings);
    CHECK(client.failure() == hb::errc::tls_failed);
    CHECK(client.told.failures.at(0).reason.evidence == evidence);
    here.pass(3s);
    here.until([&] { return client.told.opened.size() == 1; });
}

TEST_CASE("a redirect never leads from wss to ws") {
    tls_world here;
    here.secure_server.refuse_upgrades(
        {.status = 302, .location = "ws://127.0.0.1:" + std::to_string(here.port) + "/"});
    auto settings = here.secure_options();
    settings.request.most_redirects = 5;
    tls_client client(here, settings);
    CHECK(client.failure() == hb::errc::redirect_refused);
    CHECK(client.told.failures.at(0).reason.evidence == hb::errc::redirect_insecure);
    CHECK(here.server.connections() == 0);
}

TEST_CASE("law 5: a close ends within its deadline though the peer never ends TLS") {
    tls_world here;
    farewell_server peer(here.io, here.context);
    auto settings = here.secure_options();
    settings.url = "wss://127.0.0.1:" + std::to_string(peer.listen());
    settings.deadlines.close = 2s;
    tls_client client(here, settings);
    REQUIRE(client.told.opened.size() == 1);
    peer.answer_close();
    bool ended = false;
    client.socket.async_close([&](hb::error_code) { ended = true; });
    here.until([&] { return peer.answered; });
    here.settle();
    here.pass(2s - 1ms);
    CHECK_FALSE(ended);
    here.pass(1ms);
    here.until([&] { return ended; });
    REQUIRE(client.told.closed.size() == 1);
    CHECK(client.told.closed[0].reason.cause == hb::errc::close_timeout);
}

TEST_CASE("a TLS server that waits for the end of the client's connection is not waited for") {
    tls_world here;
    farewell_server peer(here.io, here.context);
    auto settings = here.secure_options();
    settings.url = "wss://127.0.0.1:" + std::to_string(peer.listen());
    tls_client client(here, settings);
    REQUIRE(client.told.opened.size() == 1);
    peer.answer_close();
    bool ended = false;
    client.socket.async_close([&](hb::error_code) { ended = true; });
    here.until([&] { return peer.answered; });
    peer.wait_for_end();
    // Time stands still: no deadline ends this.
    here.until([&] { return ended; });
    REQUIRE(client.told.closed.size() == 1);
    CHECK(client.told.closed[0].reason.cause == hb::errc::closed);
}

TEST_CASE("a socket may go away at any time of a handshake") {
    tls_world here;
    SECTION("destroyed while the peer is silent") {
        raw_server silent(here.io);
        auto settings = here.secure_options();
        settings.url = "wss://127.0.0.1:" + std::to_string(silent.listen());
        {
            auto socket = here.make_socket(settings);
            socket.start();
            here.until([&] { return silent.received > 0; });
        }
        here.until([&] { return silent.ended; });
    }
    SECTION("destroyed while the link is open") {
        {
            tls_client client(here, here.secure_options());
            CHECK(here.secure_server.open_sessions() == 1);
        }
        here.until([&] { return here.secure_server.open_sessions() == 0; });
    }
    SECTION("with the event loop, in the middle") {
        auto socket = here.make_socket(here.secure_options());
        socket.start();
        here.until([&] { return here.secure_server.connections() == 1; });
    }
}
