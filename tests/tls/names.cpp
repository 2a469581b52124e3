// SPDX-License-Identifier: BSL-1.0
//
// For whom a certificate has to be, where that takes more than to compare it with the URL's host.
#include "peers.hpp"
#include "world.hpp"

#include <openssl/x509v3.h>

namespace {

/// What becomes of an attempt whose server is to be `name`.
hb::errc dialled(identity const& shown, std::string const& name,
                 hb::tls_options options = tls_world::trusting()) {
    tls_world here(shown);
    options.server_name = name;
    return tls_client(here, here.secure_options(options)).failure();
}

}  // namespace

TEST_CASE("a name with an underscore is one that a wildcard stands for") {
    char const* const table[][2] = {
        {"DNS:*.example.com", "my_host.example.com"},
        {"DNS:*.example.com", "_.example.com"},
        {"DNS:*.EXAMPLE.com", "My_Host.example.COM"},
        {"DNS:*.example.com", "my_host.example.com."},
        {"DNS:other.org,DNS:*.other.org,IP:127.0.0.1,DNS:*.example.com", "my_host.example.com"},
        {"DNS:*.c.example.com", "a_b.c.example.com"},
        {"DNS:*.c_d.example.com", "ab.c_d.example.com"},
        {"DNS:my_host.example.com", "my_host.example.com"},
    };
    for (auto const& [alternatives, name] : table) {
        CAPTURE(alternatives, name);
        auto const shown = tls_world::test_authority().issue({.alternatives = alternatives});
        CHECK(dialled(shown, name) == hb::errc{});
    }
}

TEST_CASE("a name with an underscore matches nothing else than before") {
    char const* const table[][2] = {
        {"DNS:my-host.example.com", "my_host.example.com"},
        {"DNS:*.com", "my_host.com"},
        {"DNS:*.example.com", "my_host.com"},
        {"DNS:*.example.org", "my_host.example.com"},
        {"DNS:*.xample.com", "my_host.example.com"},
        {"DNS:*.example.com.evil.org", "my_host.example.com"},
        {"DNS:*.example.com", "a_b.c.example.com"},
        {"DNS:*.example.com", "a.b_c.example.com"},
        {"DNS:*.*.example.com", "a_b.c.example.com"},
        {"DNS:a_b.*.example.com", "a_b.c.example.com"},
        {"DNS:my_*.example.com", "my_host.example.com"},
        {"DNS:*_host.example.com", "my_host.example.com"},
        {"DNS:m*.example.com", "my_host.example.com"},
        {"DNS:*example.com", "my_example.com"},
        {"DNS:**.example.com", "my_host.example.com"},
        {"DNS:.example.com", "my_host.example.com"},
        {"DNS:*", "my_host.example.com"},
        {"DNS:*.", "my_host.example.com"},
        {"email:x@*.example.com,URI:*.example.com", "my_host.example.com"},
        {"IP:127.0.0.1", "my_host.example.com"},
    };
    for (auto const& [alternatives, name] : table) {
        CAPTURE(alternatives, name);
        auto const shown =
            tls_world::test_authority().issue({.name = "*.example.com", .alternatives = alternatives});
        CHECK(to_string(dialled(shown, name)) == std::string(to_string(hb::errc::tls_wrong_host)));
    }
}

TEST_CASE("a wildcard is compared to its end") {
    auto const covers = [](std::string_view pattern, std::string_view name) {
        hb::detail::certificate_pointer const certificate(X509_new());
        auto* const text = ASN1_IA5STRING_new();
        ASN1_STRING_set(text, pattern.data(), static_cast<int>(pattern.size()));
        auto* const entry = GENERAL_NAME_new();
        GENERAL_NAME_set0_value(entry, GEN_DNS, text);
        auto* const all = sk_GENERAL_NAME_new_null();
        sk_GENERAL_NAME_push(all, entry);
        X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT);
        GENERAL_NAMES_free(all);
        return hb::detail::is_under_wildcard(name, certificate.get());
    };
    using namespace std::string_view_literals;
    CHECK(covers("*.example.com", "a_b.example.com"));
    CHECK_FALSE(covers("*.example.com\0"sv, "a_b.example.com"));
    CHECK_FALSE(covers("*.example.com\0.evil.org"sv, "a_b.example.com"));
    CHECK_FALSE(covers("*.example.com", "a_b.example.com\0"sv));
    CHECK_FALSE(covers("*.example.com.", "a_b.example.com"));
    CHECK_FALSE(covers("", "a_b.example.com"));
    for (char const* name : {"", "_", ".", "_.", "._", "a_b..example.com", ".a_b.example.com",
                             "*_.example.com", "a_ b.example.com", "ab.example.com"})
        CHECK_FALSE(covers("*.example.com", name));
    CHECK_FALSE(covers("*..com", "a_b..com"));
    CHECK_FALSE(
        hb::detail::is_under_wildcard("a_b.example.com", hb::detail::certificate_pointer(X509_new()).get()));
}

TEST_CASE("what else is wrong with a certificate is as wrong for a name with an underscore") {
    using std::chrono::hours;
    std::string const name = "my_host.example.com";
    certificate_wishes const wishes{.alternatives = "DNS:*.example.com"};
    auto expired = wishes;
    expired.valid_from = hours{-48};
    expired.valid_until = hours{-24};
    auto for_clients = wishes;
    for_clients.usage = "clientAuth";
    auto const& trusted = tls_world::test_authority();
    CHECK(dialled(trusted.issue(expired), name) == hb::errc::tls_certificate_expired);
    CHECK(dialled(trusted.issue(for_clients), name) == hb::errc::tls_certificate_rejected);
    CHECK(dialled(self_signed(wishes), name) == hb::errc::tls_certificate_self_signed);
    CHECK(dialled(authority("unknown").issue(wishes), name) == hb::errc::tls_unknown_ca);

    auto options = tls_world::trusting();
    options.pinned_keys = {pin_of_pem(trusted.certificate())};
    CHECK(dialled(trusted.issue(wishes), name, options) == hb::errc{});
    options.pinned_keys = {pin_of_pem(self_signed().certificate)};
    CHECK(dialled(trusted.issue(wishes), name, options) == hb::errc::tls_pin_mismatch);
}

TEST_CASE("the callback of an own context is asked as ever") {
    auto const& trusted = tls_world::test_authority();
    auto const context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    auto const shown = trusted.issue({.alternatives = "DNS:*.example.com"});
    SECTION("it may refuse what holds, and is not told of a name that does") {
        context->add_certificate_authority(asio::buffer(trusted.certificate()));
        std::vector<bool> asked;
        bool accepts = true;
        context->set_verify_callback([&](bool holds, asio::ssl::verify_context&) {
            asked.push_back(holds);
            return holds && accepts;
        });
        for (char const* name : {"my-host.example.com", "my_host.example.com"}) {
            CAPTURE(name);
            asked.clear();
            accepts = true;
            CHECK(dialled(shown, name, {.context = context}) == hb::errc{});
            CHECK(asked == std::vector<bool>{true, true});
            accepts = false;
            CHECK(dialled(shown, name, {.context = context}) != hb::errc{});
        }
        CHECK(dialled(shown, "my_host.example.org", {.context = context}) == hb::errc::tls_wrong_host);
        CHECK_FALSE(asked.back());
    }
    SECTION("it may accept what does not hold") {
        context->set_verify_callback([](bool, asio::ssl::verify_context&) { return true; });
        CHECK(dialled(shown, "my_host.example.org", {.context = context}) == hb::errc{});
    }
    SECTION("and so may that of its store") {
        auto* const store = SSL_CTX_get_cert_store(context->native_handle());
        X509_STORE_set_verify_cb(store, [](int, X509_STORE_CTX*) { return 1; });
        CHECK(dialled(shown, "my_host.example.org", {.context = context}) == hb::errc{});
    }
}

TEST_CASE("the server may have another name than the URL's host") {
    auto const& trusted = tls_world::test_authority();
    auto options = tls_world::trusting();
    SECTION("a name, which it is told") {
        tls_world here(trusted.issue({.alternatives = "DNS:internal.example.com"}));
        options.server_name = "internal.example.com";
        auto const settings = here.secure_options(options);
        CHECK(tls_client(here, settings).failure() == hb::errc{});
        CHECK(here.handshakes.at(0).server_name == "internal.example.com");
        CHECK(tls_client(here, settings).failure() == hb::errc{});
        CHECK(here.handshakes.at(1).resumed);
    }
    SECTION("an address") {
        tls_world here(trusted.issue({.alternatives = "IP:192.0.2.1,IP:2001:db8::1"}));
        options.server_name = GENERATE("192.0.2.1", "2001:db8::1");
        CHECK(tls_client(here, here.secure_options(options)).failure() == hb::errc{});
        CHECK(here.handshakes.at(0).server_name.empty());
    }
    SECTION("which a certificate for the URL's host does not have") {
        options.server_name = "internal.example.com";
        tls_world here;
        CHECK(tls_client(here, here.secure_options(options)).failure() == hb::errc::tls_wrong_host);
    }
}

TEST_CASE("the name of one server is not that of another to which it redirects") {
    auto const& trusted = tls_world::test_authority();
    auto options = tls_world::trusting();
    options.server_name = "internal.example.com";
    auto const redirected = [&](std::string const& alternatives) {
        tls_world here(trusted.issue({.alternatives = alternatives}));
        auto settings = here.secure_options(options);
        raw_server elsewhere(here.io);
        elsewhere.answer =
            "HTTP/1.1 302 Found\r\nLocation: " + settings.url + "\r\nContent-Length: 0\r\n\r\n";
        settings.url = "ws://127.0.0.1:" + std::to_string(elsewhere.listen());
        settings.request.most_redirects = 1;
        return tls_client(here, settings).failure();
    };
    CHECK(redirected("DNS:internal.example.com") == hb::errc::tls_wrong_host);
    CHECK(redirected("IP:127.0.0.1") == hb::errc{});
}

TEST_CASE("a certificate has neither the zone of an address nor the dot of the root") {
    CHECK(hb::detail::name_in_certificates("fe80::1%eth0") == "fe80::1");
    CHECK(hb::detail::name_in_certificates("example.com.") == "example.com");
    CHECK(hb::detail::name_in_certificates("example.com") == "example.com");
    CHECK(hb::detail::name_in_certificates("::1") == "::1");
}
