// SPDX-License-Identifier: BSL-1.0
//
// A process without file descriptors cannot open the files of its authorities.
#include "sanitizers.hpp"
#include "scratch_directory.hpp"
#include "world.hpp"

#include <heartbeat/net/descriptors.hpp>

#include <openssl/pem.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

/// Lets the process open no more files until its end.
class descriptor_famine {
public:
    descriptor_famine() {
        getrlimit(RLIMIT_NOFILE, &before_);
        // The lowest number that is free; all below it are taken.
        int const free = open("/", O_RDONLY | O_CLOEXEC);
        REQUIRE(free >= 0);
        close(free);
        auto none = before_;
        none.rlim_cur = static_cast<rlim_t>(free);
        REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    descriptor_famine(descriptor_famine const&) = delete;
    descriptor_famine& operator=(descriptor_famine const&) = delete;
    ~descriptor_famine() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_ = {};
};

/// A directory of authorities as OpenSSL looks for them, in the environment as long as it lives.
class authority_directory {
public:
    explicit authority_directory(std::string const& certificate) {
        hb::detail::bio_pointer const memory(
            BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())));
        hb::detail::certificate_pointer const parsed(
            PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
        std::array<char, 16> name{};
        std::snprintf(name.data(), name.size(), "%08lx.0", X509_subject_name_hash(parsed.get()));
        files_.write(name.data(), certificate);
        setenv("SSL_CERT_DIR", files_.name().c_str(), 1);
    }
    authority_directory(authority_directory const&) = delete;
    authority_directory& operator=(authority_directory const&) = delete;
    ~authority_directory() { unsetenv("SSL_CERT_DIR"); }

private:
    scratch_directory files_;
};

}  // namespace

TEST_CASE("an authority that cannot be looked up for want of descriptors is not an unknown one") {
    if (needs_descriptors) return;
    authority_directory const directory(tls_world::test_authority().certificate());
    tls_world here;
    std::optional<descriptor_famine> famine;
    bool hungry = true;
    // The client has its descriptor and the server, too; the handshake begins after that.
    hb::basic_echo_server<hb::tls_server_stream> server(
        here.io.get_executor(), {}, [&](asio::ip::tcp::socket socket) {
            if (hungry) famine.emplace();
            return hb::tls_server_stream(std::move(socket), here.context);
        });
    auto settings = here.secure_options({});
    settings.url = "wss://127.0.0.1:" + std::to_string(server.listen());
    tls_client client(here, settings);
    hungry = false;
    famine.reset();
    CHECK(client.failure() == hb::errc::tls_failed);
    auto const evidence = client.told.failures.at(0).reason.evidence;
    CHECK(evidence == hb::error_code(EMFILE, boost::system::system_category()));
    REQUIRE(client.told.waits.size() == 1);
    here.pass(3s);
    here.until([&] { return client.told.opened.size() == 1; });
}

TEST_CASE("TLS is not made without descriptors, since it would find no authorities") {
    if (needs_descriptors) return;
    CHECK_FALSE(hb::detail::exhausted_descriptors().failed());
    descriptor_famine const famine;
    CHECK(hb::detail::exhausted_descriptors() == hb::error_code(EMFILE, boost::system::system_category()));
    CHECK_THROWS_AS(make_tls(), hb::options_error);
}
