// SPDX-License-Identifier: BSL-1.0
//
// Whom a client trusts, and what it says of those whom it does not.
#include "peers.hpp"
#include "scratch_directory.hpp"
#include "world.hpp"

#include <cstdlib>

namespace {

/// The other name of the loopback address, for certificates.
hb::options by_name(hb::options settings) {
    settings.url.replace(settings.url.find("127.0.0.1"), 9, "localhost");
    return settings;
}

}  // namespace

TEST_CASE("a server with a certificate of a trusted authority is accepted, by name and by address") {
    tls_world here;
    SECTION("by address") {
        tls_client client(here, here.secure_options());
        CHECK(client.failure() == hb::errc{});
        REQUIRE(client.told.opened.size() == 1);
        // An address is no name (RFC 6066 section 3).
        CHECK(here.handshakes.at(0).server_name.empty());
    }
    SECTION("by name") {
        tls_client client(here, by_name(here.secure_options()));
        CHECK(client.failure() == hb::errc{});
        REQUIRE(client.told.opened.size() == 1);
        CHECK(here.handshakes.at(0).server_name == "localhost");
    }
}

TEST_CASE("each kind of certificate that is not accepted has a cause of its own, and is retried slowly") {
    using std::chrono::hours;
    auto const& trusted = tls_world::test_authority();
    authority const other("an authority that nobody knows");
    auto shown_with_it = other.issue();
    shown_with_it.certificate += other.certificate();
    struct row {
        char const* name;
        identity shown;
        hb::errc cause;
        bool by_name = false;
    };
    row const table[] = {
        {"expired", trusted.issue({.valid_from = hours{-48}, .valid_until = hours{-24}}),
         hb::errc::tls_certificate_expired},
        {"not yet valid", trusted.issue({.valid_from = hours{24}, .valid_until = hours{48}}),
         hb::errc::tls_certificate_not_yet_valid},
        {"self-signed", self_signed(), hb::errc::tls_certificate_self_signed},
        {"other names", trusted.issue({.alternatives = "DNS:example.com,DNS:*.localhost"}),
         hb::errc::tls_wrong_host},
        {"a name in the subject alone, and dialled by name", trusted.issue({.alternatives = "IP:127.0.0.1"}),
         hb::errc::tls_wrong_host, true},
        {"another address", trusted.issue({.alternatives = "IP:127.0.0.2"}), hb::errc::tls_wrong_host},
        {"unknown authority", other.issue(), hb::errc::tls_unknown_ca},
        {"unknown authority, shown as well", shown_with_it, hb::errc::tls_unknown_ca},
        {"for clients only", trusted.issue({.usage = "clientAuth"}), hb::errc::tls_certificate_rejected},
    };
    for (auto const& row : table) {
        CAPTURE(row.name);
        tls_world here(row.shown);
        SECTION(row.name) {
            tls_client client(here, row.by_name ? by_name(here.secure_options()) : here.secure_options());
            CHECK(to_string(client.failure()) == std::string(to_string(row.cause)));
            CHECK(client.told.opened.empty());
            REQUIRE(client.told.waits.size() == 1);
            CHECK(client.told.waits[0].delay == 1min);
            CHECK(client.told.waits[0].cause.evidence.category().name() ==
                  std::string("heartbeat.tls.verification"));
            CHECK(client.told.stopped.empty());
            CHECK(client.socket.stats().tls_handshakes == 0);
        }
        SECTION(std::string(row.name) + ", which ends the run because the options say so") {
            auto settings = row.by_name ? by_name(here.secure_options()) : here.secure_options();
            settings.reconnect.stop_on_rejected_certificate = true;
            tls_client client(here, settings);
            here.until([&] { return client.told.stopped.size() == 1; });
            CHECK(client.told.stopped[0].reason.cause == row.cause);
            CHECK(client.told.waits.empty());
        }
        SECTION(std::string(row.name) + ", retried because the user says so") {
            auto settings = row.by_name ? by_name(here.secure_options()) : here.secure_options();
            settings.reconnect.judge = [](hb::reason const&, hb::verdict) { return hb::verdict{}; };
            tls_client client(here, settings);
            CHECK(client.failure() == row.cause);
            REQUIRE(client.told.waits.size() == 1);
            // A server whose certificate was renewed meanwhile.
            here.context = server_context(trusted.issue());
            here.pass(3s);
            here.until([&] { return client.told.opened.size() == 1; });
        }
        SECTION(std::string(row.name) + ", accepted because the user says so") {
            auto options = here.trusting();
            options.verify = false;
            tls_client client(here, here.secure_options(options));
            CHECK(client.failure() == hb::errc{});
            CHECK(client.told.opened.size() == 1);
        }
    }
}

TEST_CASE("a certificate that is not valid yet is retried, and the link opens once there is a valid one") {
    using std::chrono::hours;
    auto const& trusted = tls_world::test_authority();
    tls_world here(trusted.issue({.valid_from = hours{24}, .valid_until = hours{48}}));
    tls_client client(here, here.secure_options());
    for (std::size_t attempt = 1; attempt <= 3; ++attempt) {
        here.until([&] { return client.told.waits.size() == attempt; });
        CHECK(client.failure() == hb::errc::tls_certificate_not_yet_valid);
        CHECK(client.told.failures.size() == attempt);
        CHECK(client.told.waits.back().delay == 1min);
        if (attempt < 3) here.pass(1min);
    }
    // As when this host's clock has been set.
    here.context = server_context(trusted.issue());
    SECTION("when the wait is over") {
        here.pass(1min - 1ms);
        here.settle();
        CHECK(client.socket.state() == hb::state::waiting);
        here.pass(1ms);
        here.until([&] { return client.told.opened.size() == 1; });
    }
    SECTION("at once with connect_now") {
        here.pass(1s);
        client.socket.connect_now();
        here.until([&] { return client.told.opened.size() == 1; });
    }
    CHECK(client.told.stopped.empty());
}

TEST_CASE("before the certificate is accepted nothing of the application leaves, and no session is kept") {
    using std::chrono::hours;
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    auto const& trusted = tls_world::test_authority();
    authority const other("an authority that nobody knows");
    auto const good = trusted.issue();
    struct row {
        identity shown;
        hb::errc cause;
    };
    row const table[] = {
        {other.issue(), hb::errc::tls_unknown_ca},
        {trusted.issue({.alternatives = "DNS:example.com"}), hb::errc::tls_wrong_host},
        {trusted.issue({.valid_from = hours{24}, .valid_until = hours{48}}),
         hb::errc::tls_certificate_not_yet_valid},
        // All is well with this one, but for its key.
        {trusted.issue(), hb::errc::tls_pin_mismatch},
    };
    for (auto const& row : table) {
        CAPTURE(version, to_string(row.cause));
        tls_world here;
        recording_server server(here.io, server_context(row.shown, version));
        auto options = here.trusting();
        if (row.cause == hb::errc::tls_pin_mismatch) options.pinned_keys = {pin_of_pem(good.certificate)};
        auto settings = here.secure_options(options);
        settings.url = "wss://127.0.0.1:" + std::to_string(server.listen());
        settings.request.bearer = "secret";
        auto socket = here.make_socket(settings);
        diary const told(socket);
        socket.send("secret");
        socket.start();
        for (std::size_t attempt = 1; attempt <= 3; ++attempt) {
            here.until([&] { return told.waits.size() == attempt && server.ended == attempt; });
            CHECK(told.failures.back().reason.cause == row.cause);
            if (attempt < 3) here.pass(1min);
        }
        CHECK(server.received.empty());
        CHECK(server.resumed == 0);
        CHECK(socket.stats().outbox_messages == 1);
        server.show(server_context(good, version));
        here.pass(1min);
        here.until([&] { return server.received.find("\r\n\r\n") != std::string::npos; });
        CHECK(server.received.starts_with("GET / HTTP/1.1\r\n"));
        CHECK(server.resumed == 0);
    }
}

TEST_CASE("without authorities of the user's, those of the system are trusted") {
    tls_world here;
    SECTION("who do not vouch for the tests' one") {
        tls_client client(here, here.secure_options({}));
        CHECK(client.failure() == hb::errc::tls_unknown_ca);
    }
    SECTION("unless the system knows that, too") {
        scratch_directory const files;
        auto const store = files.write("ca.pem", tls_world::test_authority().certificate());
        setenv("SSL_CERT_FILE", store.c_str(), 1);
        auto const settings = here.secure_options({});
        unsetenv("SSL_CERT_FILE");
        CHECK(tls_client(here, settings).failure() == hb::errc{});
    }
}

TEST_CASE("a pinned key has to be in the chain that was verified") {
    auto const shown = tls_world::test_authority().issue();
    tls_world here(shown);
    auto options = here.trusting();
    auto const wrong = pin_of_pem(self_signed().certificate);
    struct row {
        char const* name;
        std::vector<std::string> pins;
        bool verify;
        hb::errc cause;
    };
    row const table[] = {
        {"the server's", {pin_of_pem(shown.certificate)}, true, {}},
        {"the authority's", {pin_of_pem(here.test_authority().certificate())}, true, {}},
        {"one of several", {wrong, pin_of_pem(shown.certificate)}, true, {}},
        {"another one", {wrong}, true, hb::errc::tls_pin_mismatch},
        {"the server's, which alone is trusted", {pin_of_pem(shown.certificate)}, false, {}},
        {"another one, which alone is trusted", {wrong}, false, hb::errc::tls_pin_mismatch},
        {"an authority's, which nobody has verified",
         {pin_of_pem(here.test_authority().certificate())},
         false,
         hb::errc::tls_pin_mismatch},
    };
    for (auto const& row : table) {
        SECTION(row.name) {
            // A server may send along whatever it likes.
            auto const sent = identity{shown.certificate + here.test_authority().certificate(), shown.key};
            here.context = server_context(sent);
            options.pinned_keys = row.pins;
            options.verify = row.verify;
            tls_client client(here, here.secure_options(options));
            CHECK(client.failure() == row.cause);
            if (row.cause == hb::errc{}) continue;
            here.until([&] { return client.told.waits.size() == 1; });
            CHECK(client.told.waits[0].delay == 1min);
        }
    }
}

TEST_CASE("a pin does not count where an own context has accepted a chain that does not hold") {
    // Another authority can write any name on a certificate; it cannot sign for it.
    authority const impostor("the tests' authority");
    auto const& trusted = tls_world::test_authority();
    auto const forged = impostor.issue();
    tls_world here(identity{forged.certificate + trusted.certificate(), forged.key});
    bool const forgets = GENERATE(false, true);
    auto const context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    context->set_verify_callback([forgets](bool, asio::ssl::verify_context& chain) {
        if (forgets) X509_STORE_CTX_set_error(chain.native_handle(), X509_V_OK);
        return true;
    });
    auto const dial = [&](std::string const& pin) {
        return tls_client(here, here.secure_options({.pinned_keys = {pin}, .context = context})).failure();
    };
    CHECK(dial(pin_of_pem(trusted.certificate())) == hb::errc::tls_pin_mismatch);
    CHECK(dial(pin_of_pem(forged.certificate)) == hb::errc{});
}

TEST_CASE("a pin holds for a session that could be resumed, too") {
    auto const shown = tls_world::test_authority().issue();
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    tls_world here(server_context(shown, version));
    auto options = here.trusting();
    options.pinned_keys = {pin_of_pem(self_signed().certificate)};
    auto settings = here.secure_options(options);
    settings.reconnect.judge = [](hb::reason const&, hb::verdict) { return hb::verdict{}; };
    tls_client client(here, settings);
    for (std::size_t attempt = 1; attempt <= 3; ++attempt) {
        here.until([&] { return client.told.waits.size() == attempt; });
        CHECK(client.failure() == hb::errc::tls_pin_mismatch);
        here.pass(3s);
    }
    CHECK(client.told.opened.empty());
    for (auto const& handshake : here.handshakes) CHECK_FALSE(handshake.resumed);
}

TEST_CASE("a server that demands a client certificate") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    CAPTURE(version);
    auto const& trusted = tls_world::test_authority();
    tls_world here(server_context(trusted.issue(), version));
    demand_certificate(*here.context, trusted.certificate());
    auto options = here.trusting();

    SECTION("gets it") {
        auto const shown = trusted.issue({.name = "a client", .alternatives = "", .usage = "clientAuth"});
        options.certificate_pem = shown.certificate;
        options.key_pem = shown.key;
        tls_client client(here, here.secure_options(options));
        CHECK(client.failure() == hb::errc{});
        CHECK(client.told.opened.size() == 1);
    }
    SECTION("gets none") {
        tls_client client(here, here.secure_options(options));
        CHECK(client.failure() == hb::errc::tls_client_certificate_required);
        CHECK(client.told.failures.at(0).reason.evidence.category().name() ==
              std::string("heartbeat.tls.refusal"));
        here.until([&] { return client.told.waits.size() == 1; });
        CHECK(client.told.waits[0].delay == 1min);
    }
    SECTION("gets none of a client that was sent to it") {
        auto const shown = trusted.issue({.name = "a client", .alternatives = "", .usage = "clientAuth"});
        options.certificate_pem = shown.certificate;
        options.key_pem = shown.key;
        auto settings = here.secure_options(options);
        // The session of one that showed its certificate is not resumed either.
        { tls_client direct(here, settings); }
        raw_server elsewhere(here.io);
        elsewhere.answer =
            "HTTP/1.1 302 Found\r\nLocation: " + settings.url + "\r\nContent-Length: 0\r\n\r\n";
        settings.url = "ws://127.0.0.1:" + std::to_string(elsewhere.listen());
        settings.request.most_redirects = 1;
        tls_client client(here, settings);
        CHECK(client.failure() == hb::errc::tls_client_certificate_required);
    }
    SECTION("gets one that it does not accept") {
        auto const shown = self_signed({.name = "a client", .usage = "clientAuth"});
        options.certificate_pem = shown.certificate;
        options.key_pem = shown.key;
        tls_client client(here, here.secure_options(options));
        CHECK(client.failure() == hb::errc::tls_client_certificate_required);
    }
}
