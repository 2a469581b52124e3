// SPDX-License-Identifier: BSL-1.0
//
// TCP connections: how they are made, from where, and that they really end.
#include "hostile/accept_key.hpp"
#include "sanitizers.hpp"
#include "world.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using tcp = asio::ip::tcp;

namespace {

/// Takes connections, answers upgrade requests, and answers a Close frame; it never ends a connection before
/// the client does. What it reads and how its connections end is kept.
class patient_server {
public:
    struct peer {
        explicit peer(tcp::socket its_socket) : socket(std::move(its_socket)) {}

        tcp::socket socket;
        std::string request = {};
        std::string read = {};
        std::array<char, 512> space = {};
        bool is_open = false;
        hb::error_code end = {};
        /// It does not end its side when the client has ended its own.
        bool keeps = false;
    };

    explicit patient_server(asio::io_context& io) : acceptor_(io, {asio::ip::address_v4::loopback(), 0}) {
        accept();
    }

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string url() const { return "ws://127.0.0.1:" + std::to_string(port()); }

    std::vector<std::shared_ptr<peer>> peers;

private:
    void accept() {
        acceptor_.async_accept([this](hb::error_code error, tcp::socket socket) {
            if (error) return;
            peers.push_back(std::make_shared<peer>(std::move(socket)));
            read(peers.back());
            accept();
        });
    }

    void read(std::shared_ptr<peer> const& from) {
        from->socket.async_read_some(asio::buffer(from->space),
                                     [this, from](hb::error_code error, std::size_t size) {
                                         from->read.append(from->space.data(), size);
                                         if (error) {
                                             from->end = error;
                                             if (from->keeps) return;
                                             hb::error_code ignored;
                                             from->socket.close(ignored);
                                             return;
                                         }
                                         answer(*from);
                                         read(from);
                                     });
    }

    static void answer(peer& to) {
        if (!to.is_open) {
            auto const key = to.read.find("Sec-WebSocket-Key: ");
            if (!to.read.ends_with("\r\n\r\n") || key == std::string::npos) return;
            auto const accepted = accept_key::of(to.read.substr(key + 19, 24));
            asio::write(to.socket, asio::buffer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                                "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                                                accepted + "\r\n\r\n"));
            to.is_open = true;
            to.request = std::exchange(to.read, {});
        } else if (has_close_frame(to.read)) {
            asio::write(to.socket, asio::buffer("\x88\x00", 2));
        }
    }

    /// Among frames that are short, as all are here: two bytes, the mask and up to 125 bytes.
    static bool has_close_frame(std::string_view frames) {
        while (frames.size() >= 6) {
            if (frames[0] == '\x88') return true;
            frames.remove_prefix(
                std::min<std::size_t>(frames.size(), 6 + (static_cast<unsigned char>(frames[1]) & 0x7fU)));
        }
        return false;
    }

    tcp::acceptor acceptor_;
};

/// A client of that server, without a heartbeat unless a test wants one.
struct patient_world : world {
    hb::options options() const {
        auto settings = world::options();
        settings.url = there.url();
        settings.heartbeat.interval = 0s;
        return settings;
    }

    void start(hb::options settings) {
        socket.emplace(make_socket(std::move(settings)));
        told.emplace(*socket);
        socket->start();
    }
    void connect(hb::options settings) {
        start(std::move(settings));
        until([this] { return told->opened.size() == 1; });
    }
    void connect() { connect(options()); }

    /// The reason of the first attempt, which fails.
    hb::reason failure(hb::options settings) {
        start(std::move(settings));
        until([this] { return !told->failures.empty(); });
        return told->failures[0].reason;
    }

    patient_server there{io};
    std::optional<test_socket> socket;
    std::optional<diary> told;
};

/// A process that has inherited everything, and does nothing with it.
class idle_child {
public:
    idle_child() : process_(::fork()) {
        if (process_ != 0) return;
        ::alarm(300);
        for (;;) ::pause();
    }
    idle_child(idle_child const&) = delete;
    idle_child& operator=(idle_child const&) = delete;
    ~idle_child() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }

    bool runs() const { return process_ > 0; }

private:
    pid_t process_;
};

/// While it lives, this process can open no descriptor.
class exhausted_descriptors {
public:
    exhausted_descriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        int const next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(next);
        rlimit const none{static_cast<rlim_t>(next), before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    exhausted_descriptors(exhausted_descriptors const&) = delete;
    exhausted_descriptors& operator=(exhausted_descriptors const&) = delete;
    ~exhausted_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_ = {};
};

}  // namespace

TEST_CASE("a server that waits for the end of the client's side is not waited for") {
    patient_world here;
    here.connect();
    bool closed = false;
    here.socket->async_close([&](hb::error_code error) { closed = !error; });
    // Time stands still: no deadline ends this.
    here.until([&] { return closed; });
    here.until([&] { return here.there.peers[0]->end.failed(); });
    CHECK(here.there.peers[0]->end == asio::error::eof);
}

TEST_CASE("a connection ends for the server though a child process has inherited it") {
    patient_world here;
    auto settings = here.options();
    SECTION("by a cancel: what was written still arrives") {
        here.connect(settings);
        idle_child const child;
        REQUIRE(child.runs());
        bool written = false;
        here.socket->async_send("written", [&](hb::outcome as) {
            written = as.result == hb::delivery::written;
            here.socket->cancel();
        });
        here.until([&] { return here.there.peers[0]->end.failed(); });
        CHECK(written);
        CHECK(here.there.peers[0]->end == asio::error::eof);
        CHECK(here.there.peers[0]->read.size() == 6 + 7);
    }
    SECTION("by a close") {
        here.connect(settings);
        idle_child const child;
        here.socket->close();
        here.until([&] { return here.there.peers[0]->end.failed(); });
        CHECK(here.there.peers[0]->end == asio::error::eof);
    }
    SECTION("by the end of the socket") {
        here.connect(settings);
        idle_child const child;
        here.told.reset();
        here.socket.reset();
        here.until([&] { return here.there.peers[0]->end.failed(); });
        CHECK(here.there.peers[0]->end == asio::error::eof);
    }
    SECTION("by the death of the peer") {
        settings.heartbeat.interval = 4s;
        here.connect(settings);
        idle_child const child;
        here.pass(4s);
        here.pass(2s);
        REQUIRE(here.told->closed.size() == 1);
        CHECK(here.told->closed[0].reason.cause == hb::errc::heartbeat_timeout);
        here.until([&] { return here.there.peers[0]->end.failed(); });
        CHECK(here.there.peers[0]->end == asio::error::eof);
    }
    SECTION("in an attempt that takes too long") {
        tcp::acceptor silent(here.io, {asio::ip::address_v4::loopback(), 0});
        settings.url = "ws://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
        tcp::socket accepted(here.io);
        bool is_accepted = false;
        silent.async_accept(accepted, [&](hb::error_code) { is_accepted = true; });
        here.start(settings);
        here.until([&] { return is_accepted; });
        here.settle();
        idle_child const child;
        here.pass(5s);
        REQUIRE(here.told->failures.size() == 1);
        CHECK(here.told->failures[0].reason.cause == hb::errc::upgrade_timeout);
        hb::error_code end;
        std::string text;
        asio::async_read(accepted, asio::dynamic_buffer(text),
                         [&](hb::error_code error, std::size_t) { end = error; });
        here.until([&] { return end.failed(); });
        CHECK(end == asio::error::eof);
    }
}

TEST_CASE("the connection of a link that was declared dead is reset when the next one is made") {
    patient_world here;
    auto settings = here.options();
    settings.heartbeat.interval = 4s;
    here.connect(settings);
    auto const old = here.there.peers[0];
    old->keeps = true;
    here.pass(4s);
    here.pass(2s);
    REQUIRE(here.told->closed.size() == 1);
    CHECK(here.told->closed[0].reason.cause == hb::errc::heartbeat_timeout);
    // The server learns at once that it is over.
    here.until([&] { return old->end == asio::error::eof; });
    auto const is_reset = [&] {
        int value = 0;
        socklen_t size = sizeof value;
        ::getsockopt(old->socket.native_handle(), SOL_SOCKET, SO_ERROR, &value, &size);
        return value != 0;
    };
    CHECK_FALSE(is_reset());
    SECTION("before that is a link") {
        here.pass(3s);
        here.until([&] { return here.there.peers.size() == 2; });
        here.until(is_reset);
        here.until([&] { return here.told->opened.size() == 2; });
    }
    SECTION("and is closed if there is none") {
        bool closed = false;
        here.socket->async_close([&](hb::error_code) { closed = true; });
        here.until([&] { return closed; });
        CHECK_FALSE(is_reset());
    }
}

TEST_CASE("connections are not inherited by programs that are started") {
    patient_world here;
    here.connect();
    int found = 0;
    for (int descriptor = 0; descriptor < 256; ++descriptor) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        auto* const name = reinterpret_cast<sockaddr*>(&peer);
        if (::getpeername(descriptor, name, &size) != 0 || ntohs(peer.sin_port) != here.there.port())
            continue;
        ++found;
        CHECK((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK(found == 1);
}

TEST_CASE("descriptors that run out are the evidence of an attempt") {
    if (needs_descriptors) return;
    patient_world here;
    auto settings = here.options();
    SECTION("when it connects") {
        hb::reason why;
        {
            exhausted_descriptors const none;
            why = here.failure(settings);
        }
        CHECK(why.cause == hb::errc::connect_failed);
        CHECK(why.evidence == boost::system::errc::too_many_files_open);
    }
    SECTION("when it looks a name up") {
        settings.url = "ws://a.name.that.is.not.there.invalid:1";
        hb::reason why;
        {
            exhausted_descriptors const none;
            why = here.failure(settings);
        }
        CHECK(why.cause == hb::errc::resolve_failed);
        CHECK(why.evidence == boost::system::errc::too_many_files_open);
    }
}

TEST_CASE("a name is looked up by the system") {
    patient_world here;
    auto settings = here.options();
    settings.url = "ws://localhost:" + std::to_string(here.there.port());
    here.connect(settings);
    CHECK(here.told->opened.size() == 1);
}

TEST_CASE("another host is dialled than the URL's, which the server is told of") {
    patient_world here;
    auto settings = here.options();
    settings.url = "ws://public.example:81/feed";
    settings.dial.host = "127.0.0.1";
    settings.dial.port = here.there.port();
    here.connect(settings);
    CHECK(here.there.peers[0]->request.find("GET /feed HTTP/1.1\r\n") == 0);
    CHECK(here.there.peers[0]->request.find("\r\nHost: public.example:81\r\n") != std::string::npos);
}

TEST_CASE("a connection comes from the local address that it is told to come from") {
    patient_world here;
    auto settings = here.options();
    SECTION("of the same family") {
        settings.dial.local_address = "127.0.0.9";
        here.connect(settings);
        auto const remote = here.there.peers[0]->socket.remote_endpoint();
        CHECK(remote.address().to_string() == "127.0.0.9");
    }
    SECTION("of another family") {
        settings.dial.local_address = "::1";
        auto const why = here.failure(settings);
        CHECK(why.cause == hb::errc::connect_failed);
        CHECK(why.evidence == asio::error::address_family_not_supported);
    }
    SECTION("that this host does not have") {
        settings.dial.local_address = "192.0.2.77";
        auto const why = here.failure(settings);
        CHECK(why.cause == hb::errc::connect_failed);
        CHECK(why.evidence == boost::system::errc::address_not_available);
    }
}

#if defined(__linux__)

TEST_CASE("a connection leaves through the interface that it is told to leave through") {
    patient_world here;
    auto settings = here.options();
    SECTION("which is there") {
        settings.dial.network_interface = "lo";
        here.connect(settings);
        CHECK(here.told->opened.size() == 1);
    }
    SECTION("which is not there") {
        settings.dial.network_interface = "nothing0";
        auto const why = here.failure(settings);
        CHECK(why.cause == hb::errc::connect_failed);
        CHECK(why.evidence == boost::system::errc::no_such_device);
    }
}

#endif
