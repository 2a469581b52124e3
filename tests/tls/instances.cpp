// SPDX-License-Identifier: BSL-1.0
#include "world.hpp"

#include <array>

template class hb::basic_echo_server<hb::tls_server_stream>;

std::shared_ptr<hb::tls_provider const> make_tls(hb::tls_options const& options) { return hb::tls(options); }

std::shared_ptr<asio::ssl::context> server_context(identity const& shown, int version) {
    auto made = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    made->use_certificate_chain(asio::buffer(shown.certificate));
    made->use_private_key(asio::buffer(shown.key), asio::ssl::context::pem);
    if (version != 0) {
        SSL_CTX_set_min_proto_version(made->native_handle(), version);
        SSL_CTX_set_max_proto_version(made->native_handle(), version);
    }
    // The client's offer is taken whatever it is.
    SSL_CTX_set_alpn_select_cb(
        made->native_handle(),
        [](SSL*, unsigned char const** chosen, unsigned char* size, unsigned char const* offered, unsigned,
           void*) {
            *size = offered[0];
            *chosen = offered + 1;
            return SSL_TLSEXT_ERR_OK;
        },
        nullptr);
    return made;
}

void demand_certificate(asio::ssl::context& context, std::string const& authority) {
    context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    context.add_certificate_authority(asio::buffer(authority));
    // Without it OpenSSL resumes nothing when clients are verified.
    unsigned char const name[] = "tests";
    SSL_CTX_set_session_id_context(context.native_handle(), name, sizeof name);
}

seen_handshake look_at(SSL const& connection) {
    auto const* const name = SSL_get_servername(&connection, TLSEXT_NAMETYPE_host_name);
    unsigned char const* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(&connection, &protocol, &size);
    std::array<char, 256> client{};
    if (auto* const shown = SSL_get0_peer_certificate(&connection); shown != nullptr)
        X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, client.data(),
                                  static_cast<int>(client.size()));
    return {SSL_version(&connection), SSL_session_reused(&connection) == 1, name != nullptr ? name : "",
            std::string(protocol, protocol + size), client.data()};
}
