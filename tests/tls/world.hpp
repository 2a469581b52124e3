// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "certificates.hpp"
#include "loopback/world.hpp"

#include <heartbeat/testing/tls_server.hpp>
#include <heartbeat/tls.hpp>

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

// What is compiled once: instances.cpp.
extern template class hb::basic_echo_server<hb::tls_server_stream>;
std::shared_ptr<hb::tls_provider const> make_tls(hb::tls_options const& options = {});

/// A server's context with that certificate; `newest` and `oldest` are versions of OpenSSL's.
std::shared_ptr<asio::ssl::context> server_context(identity const& shown, int version = 0);
/// Makes the server want certificates of clients.
void demand_certificate(asio::ssl::context& context, std::string const& authority);

/// What a server saw of a handshake.
struct seen_handshake {
    int version;
    bool resumed;
    std::string server_name;
    std::string protocol;
    /// The name in the client's certificate; empty without one.
    std::string client;
};

seen_handshake look_at(SSL const& connection);

/// The surroundings of a client, with a TLS server beside the plain one. The authority is trusted by what
/// `options` makes.
class tls_world : public world {
public:
    explicit tls_world(identity const& shown) : tls_world(server_context(shown)) {}
    tls_world() : tls_world(test_authority().issue()) {}
    explicit tls_world(std::shared_ptr<asio::ssl::context> its_context)
        : context(std::move(its_context)),
          secure_server(io.get_executor(), {},
                        [this](asio::ip::tcp::socket socket) {
                            return hb::tls_server_stream(
                                std::move(socket), context,
                                [this](SSL const& connection) { handshakes.push_back(look_at(connection)); });
                        }),
          secure_port(secure_server.listen()) {}

    /// Making keys takes time, so all tests trust the same authority.
    static authority const& test_authority() {
        static authority const instance("the tests' authority");
        return instance;
    }

    static hb::tls_options trusting() { return {.ca_pem = test_authority().certificate()}; }

    hb::options secure_options(hb::tls_options const& tls = trusting()) const {
        auto settings = options();
        settings.url = "wss://127.0.0.1:" + std::to_string(secure_port);
        settings.tls = make_tls(tls);
        return settings;
    }

    /// For the next connections; what is open stays as it is.
    std::shared_ptr<asio::ssl::context> context;
    std::vector<seen_handshake> handshakes;
    hb::basic_echo_server<hb::tls_server_stream> secure_server;
    std::uint16_t secure_port;
};

/// A client that dials until its first attempt has failed or its link is open.
struct tls_client {
    tls_client(tls_world& where, hb::options settings)
        : socket(where.make_socket(std::move(settings))), told(socket) {
        socket.start();
        where.until([this] { return !told.opened.empty() || !told.failures.empty(); });
    }

    hb::errc failure() const {
        return told.failures.empty() ? hb::errc{} : told.failures.back().reason.cause;
    }

    test_socket socket;
    diary told;
};
