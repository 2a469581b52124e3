// SPDX-License-Identifier: BSL-1.0
//
// Authorities, certificates and keys in files that are replaced while sockets use them.
#include "scratch_directory.hpp"
#include "world.hpp"

#include <heartbeat/net/tcp_layer.hpp>

#include <filesystem>
#include <thread>

namespace {

using hb::detail::file_stamp;

identity named(std::string const& name, authority const& by = tls_world::test_authority()) {
    return by.issue({.name = name, .alternatives = "", .usage = "clientAuth"});
}

/// The files of a client, and a server that demands its certificate.
struct files_world : tls_world {
    explicit files_world(int version = 0) : tls_world(server_context(test_authority().issue(), version)) {
        demand_certificate(*context, test_authority().certificate());
        files.write("ca.pem", test_authority().certificate());
        write(named("first"));
    }

    void write(identity const& shown) const {
        files.write("client.pem", shown.certificate);
        files.write("client.key", shown.key);
    }

    hb::options file_options() const {
        auto settings = secure_options({.ca_file = files.name() + "/ca.pem",
                                        .certificate_file = files.name() + "/client.pem",
                                        .key_file = files.name() + "/client.key"});
        settings.reconnect.judge = [](hb::reason const&, hb::verdict) { return hb::verdict{}; };
        return settings;
    }

    scratch_directory files;
};

}  // namespace

TEST_CASE("a client certificate that is replaced on disk is what the next connection shows") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    files_world here(version);
    auto const settings = here.file_options();
    tls_client first(here, settings);
    REQUIRE(first.told.opened.size() == 1);
    here.write(named("second"));
    tls_client second(here, settings);
    tls_client third(here, settings);
    REQUIRE(here.handshakes.size() == 3);
    CHECK(here.handshakes[0].client == "first");
    CHECK(here.handshakes[1].client == "second");
    // A session is one of whom it was made with.
    CHECK_FALSE(here.handshakes[1].resumed);
    CHECK(here.handshakes[2].client == "second");
    CHECK(here.handshakes[2].resumed);
    // What is open goes on, and its session is not one for those to come.
    bool heard = false;
    first.socket.on<hb::message>([&](hb::message const&) { heard = true; });
    first.socket.send(hb::mode_code::message("hello"));
    here.until([&] { return heard; });
    here.secure_server.drop_all();
    here.until([&] { return !first.told.waits.empty(); });
    here.pass(3s);
    here.until([&] { return first.told.opened.size() == 2; });
    CHECK(here.handshakes.at(3).client == "second");
}

TEST_CASE("an authority that is replaced on disk is who the next connection trusts") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    files_world here(version);
    authority const other("another authority");
    auto const settings = here.file_options();
    tls_client client(here, settings);
    REQUIRE(client.told.opened.size() == 1);
    here.files.write("ca.pem", other.certificate());
    here.secure_server.drop_all();
    here.until([&] { return client.told.waits.size() == 1; });
    here.pass(3s);
    // Also not since there was a session.
    here.until([&] { return client.told.waits.size() == 2; });
    CHECK(client.failure() == hb::errc::tls_unknown_ca);
    CHECK(client.told.failures.at(0).reason.explanation.empty());

    here.context = server_context(other.issue(), version);
    demand_certificate(*here.context, here.test_authority().certificate());
    here.pass(3s);
    here.until([&] { return client.told.opened.size() == 2; });
}

TEST_CASE("files that cannot be used yet change nothing until they can") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    files_world here(version);
    authority const other("another authority");
    auto const next = named("second", other);
    tls_client client(here, here.file_options());
    REQUIRE(client.told.opened.size() == 1);
    std::string told_of;
    SECTION("a certificate whose key is not there yet") {
        here.files.write("client.pem", next.certificate);
        told_of = "tls.key_file";
    }
    SECTION("half of a certificate") {
        here.files.write("client.pem", next.certificate.substr(0, next.certificate.size() / 2));
        told_of = "tls.certificate_file";
    }
    SECTION("none") {
        std::filesystem::remove(here.files.name() + "/client.key");
        told_of = "tls.key_file";
    }
    here.secure_server.drop_all();
    here.until([&] { return client.told.waits.size() == 1; });
    here.pass(3s);
    here.until([&] { return client.told.opened.size() == 2; });
    CHECK(here.handshakes.at(1).client == "first");
    CHECK(here.handshakes[1].resumed);

    // The server has changed its mind earlier than the client its files.
    here.context = server_context(here.test_authority().issue(), version);
    demand_certificate(*here.context, other.certificate());
    here.secure_server.drop_all();
    here.until([&] { return client.told.waits.size() == 2; });
    here.pass(3s);
    here.until([&] { return client.told.failures.size() == 1; });
    CHECK(client.failure() == hb::errc::tls_client_certificate_required);
    CHECK(client.told.failures[0].reason.explanation.find(told_of) != std::string::npos);

    here.write(next);
    here.pass(3s);
    here.until([&] { return client.told.opened.size() == 3; });
    CHECK(here.handshakes.back().client == "second");
}

TEST_CASE("files that cannot be used and then are what they were have not changed") {
    files_world here;
    auto const settings = here.file_options();
    tls_client first(here, settings);
    auto const name = here.files.name() + "/client.key";
    std::filesystem::rename(name, name + ".away");
    tls_client second(here, settings);
    CHECK_FALSE(settings.tls->trouble().empty());
    std::filesystem::rename(name + ".away", name);
    tls_client third(here, settings);
    CHECK(settings.tls->trouble().empty());
    REQUIRE(here.handshakes.size() == 3);
    CHECK(here.handshakes[2].resumed);
}

TEST_CASE("files are found again from another directory") {
    files_world here;
    auto const before = std::filesystem::current_path();
    std::filesystem::current_path(here.files.name());
    auto const settings = here.secure_options(
        {.ca_file = "ca.pem", .certificate_file = "client.pem", .key_file = "client.key"});
    std::filesystem::current_path(before);
    here.write(named("second"));
    tls_client client(here, settings);
    REQUIRE(here.handshakes.size() == 1);
    CHECK(here.handshakes[0].client == "second");
}

TEST_CASE("a change of a file is noticed whatever its time and size say") {
    scratch_directory const files;
    auto const name = files.write("file", "one");
    auto const time = std::filesystem::last_write_time(name);
    auto const earlier = time - std::chrono::hours{1};
    SECTION("written into soon after it was looked at") {
        file_stamp stamp(name);
        CHECK(stamp.holds());
        files.write("file", "two");
        std::filesystem::last_write_time(name, time);
        CHECK_FALSE(stamp.holds());
    }
    SECTION("replaced by another one of the same time") {
        std::filesystem::last_write_time(name, earlier);
        file_stamp stamp(name);
        CHECK(stamp.holds());
        auto const other = files.write("other", "two");
        std::filesystem::last_write_time(other, earlier);
        std::filesystem::rename(other, name);
        CHECK_FALSE(stamp.holds());
    }
    SECTION("written into long after it was looked at") {
        std::filesystem::last_write_time(name, earlier);
        file_stamp stamp(name);
        files.write("file", "two");
        CHECK_FALSE(stamp.holds());
    }
    SECTION("removed, and made") {
        file_stamp stamp(name);
        std::filesystem::remove(name);
        CHECK_FALSE(stamp.holds());
        file_stamp none(name);
        CHECK(none.holds());
        files.write("file", "one");
        CHECK_FALSE(none.holds());
    }
    // It cannot be read a second time.
    SECTION("what is no regular file does not change") {
        file_stamp stamp("/dev/null");
        CHECK(stamp.holds());
    }
}

TEST_CASE("sockets on several threads may share files that change") {
    files_world here;
    auto const provider = make_tls({.ca_file = here.files.name() + "/ca.pem",
                                    .certificate_file = here.files.name() + "/client.pem",
                                    .key_file = here.files.name() + "/client.key"});
    identity const both[] = {named("one"), named("two")};
    std::atomic<int> made = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 3; ++thread)
        threads.emplace_back([&] {
            asio::io_context io;
            for (int count = 0; count < 40; ++count)
                if (provider->wrap(std::make_unique<hb::detail::tcp_layer>(io.get_executor()))) ++made;
        });
    for (int count = 0; count < 40; ++count) here.write(both[count % 2]);
    for (auto& thread : threads) thread.join();
    CHECK(made == 120);
    here.write(both[0]);
    auto settings = here.secure_options();
    settings.tls = provider;
    tls_client client(here, settings);
    CHECK(here.handshakes.at(0).client == "one");
}
