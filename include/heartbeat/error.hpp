// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/system/error_code.hpp>

#include <string>
#include <string_view>
#include <type_traits>

namespace heartbeat {

/// Why a link, an attempt, a run or an operation ended. One code per cause; the code of the layer
/// below, where there is one, is kept beside it as `reason::evidence`.
enum class errc {
    /// The application closed the socket on purpose. Nothing follows until it starts a new run.
    closed = 1,
    /// The application cancelled the run or destroyed the socket. Nothing follows.
    cancelled,
    /// The host name could not be resolved. Retried.
    resolve_failed,
    /// Resolving took longer than `deadlines.resolve`. The lookup is abandoned; retried.
    resolve_timeout,
    /// No address of the host accepted the TCP connection. Retried.
    connect_failed,
    /// Connecting took longer than `deadlines.connect`. Retried.
    connect_timeout,
    /// The TLS handshake broke, or what came back was not TLS. Retried.
    tls_failed,
    /// The TLS handshake took longer than `deadlines.tls`. Retried.
    tls_timeout,
    /// The server's certificate, or one that vouches for it, has expired. Retried slowly.
    tls_certificate_expired,
    /// The server's certificate, or one that vouches for it, is not valid yet; this host's clock may be
    /// wrong. Retried slowly.
    tls_certificate_not_yet_valid,
    /// The server's certificate is signed by itself and not trusted. Retried slowly.
    tls_certificate_self_signed,
    /// The server's certificate is for other names or addresses than the URL's host. Retried slowly.
    tls_wrong_host,
    /// No certificate authority that is trusted vouches for the server's certificate. Retried slowly.
    tls_unknown_ca,
    /// The server's certificate did not stand the verification for another reason. Retried slowly.
    tls_certificate_rejected,
    /// No key of the server's certificate chain is one of `tls_options::pinned_keys`. Retried slowly.
    tls_pin_mismatch,
    /// The server wants a client certificate, and got none or one that it does not accept. Retried slowly.
    tls_client_certificate_required,
    /// The server answered the upgrade request with an HTTP status other than 101, whether or not the body of
    /// that answer came. Retried or not by that status, see `standard_verdict`.
    upgrade_refused,
    /// The link broke, or what came back was not a valid answer, during the upgrade. Retried.
    upgrade_failed,
    /// The upgrade was not answered within `deadlines.upgrade`. Retried.
    upgrade_timeout,
    /// The steps of the attempt together took longer than `deadlines.attempt`. Retried.
    attempt_timeout,
    /// The peer gave no proof of life within `heartbeat.timeout`. Retried.
    heartbeat_timeout,
    /// The peer sent a Close frame (RFC 6455 section 5.5.1); see `reason::close_code`. Retried
    /// or not by that code, see `standard_verdict`.
    closed_by_peer,
    /// The connection broke without a Close frame: end of stream, reset, network error. Retried.
    connection_lost,
    /// The peer broke RFC 6455 and was sent a Close frame that says so. Retried.
    protocol_violation,
    /// The peer sent a message larger than `limits.message_bytes`. Retried.
    message_too_big,
    /// The mailbox was full and its policy is `overflow::close`. Retried.
    mailbox_full,
    /// A close handshake was not completed within `deadlines.close`; the connection was cut.
    close_timeout,
    /// `reconnect.max_attempts` or `reconnect.max_elapsed` was reached. The run ends.
    retries_exhausted,
    /// `async_run` was called while a run was in progress. That run goes on.
    already_running,
    /// The run ended before the operation could complete.
    stopped,
    /// The outbox has reached `limits.outbox_messages` or `limits.outbox_bytes`.
    outbox_full,
    /// The text of a message is not valid UTF-8 (RFC 6455 section 5.6).
    invalid_utf8,
    /// The server chose a subprotocol that it was not offered (RFC 6455 section 4.1). Evidence of
    /// `upgrade_failed`.
    subprotocol_not_offered,
    /// The server uses an extension that it was not offered (RFC 6455 section 4.1), or not so (RFC 7692
    /// section 5.1). Evidence of `upgrade_failed`.
    extension_not_offered,
    /// `options::prepare` reported an error, threw, or gave what makes no sense. Retried.
    prepare_failed,
    /// `options::prepare` was not answered within `deadlines.prepare`. Retried.
    prepare_timeout,
    /// The server sent the client elsewhere, where it could not follow; the evidence says why. Retried. With
    /// `request.most_redirects` 0 it is `upgrade_refused`.
    redirect_refused,
    /// There were more redirects than `request.most_redirects`. Evidence of `redirect_refused`.
    too_many_redirects,
    /// The way led back to where it had been. Evidence of `redirect_refused`.
    redirect_loop,
    /// The way led from `wss` to `ws`. Evidence of `redirect_refused`.
    redirect_insecure,
    /// There was no `Location`, or none that can be dialled, or one with a user and password. Evidence of
    /// `redirect_refused`.
    redirect_invalid,
    /// An option makes no sense. Evidence of `prepare_failed`; `reason::explanation` says which and why.
    invalid_option,
    /// The TCP connection led from a port of this host to itself, since no server listened there. Evidence of
    /// `connect_failed`.
    connected_to_itself,
};

/// A short text for each code, without a period.
inline char const* to_string(errc code) noexcept {
    switch (code) {
        case errc::closed: return "closed on purpose";
        case errc::cancelled: return "cancelled";
        case errc::resolve_failed: return "the host name could not be resolved";
        case errc::resolve_timeout: return "resolving the host name took too long";
        case errc::connect_failed: return "the connection was not accepted";
        case errc::connect_timeout: return "connecting took too long";
        case errc::tls_failed: return "the TLS handshake failed";
        case errc::tls_timeout: return "the TLS handshake took too long";
        case errc::tls_certificate_expired: return "the server's certificate has expired";
        case errc::tls_certificate_not_yet_valid: return "the server's certificate is not valid yet";
        case errc::tls_certificate_self_signed: return "the server's certificate is self-signed";
        case errc::tls_wrong_host: return "the server's certificate is for another host";
        case errc::tls_unknown_ca: return "the server's certificate is from an unknown authority";
        case errc::tls_certificate_rejected: return "the server's certificate was not accepted";
        case errc::tls_pin_mismatch: return "the server's key is not one of the pinned keys";
        case errc::tls_client_certificate_required:
            return "the server requires a client certificate that it accepts";
        case errc::upgrade_refused: return "the server refused the upgrade to websocket";
        case errc::upgrade_failed: return "the upgrade to websocket failed";
        case errc::upgrade_timeout: return "the upgrade to websocket was not answered in time";
        case errc::attempt_timeout: return "the connection attempt took too long";
        case errc::heartbeat_timeout: return "the peer gave no sign of life in time";
        case errc::closed_by_peer: return "closed by the peer";
        case errc::connection_lost: return "the connection was lost";
        case errc::protocol_violation: return "the peer broke the websocket protocol";
        case errc::message_too_big: return "the peer sent a message over the size limit";
        case errc::mailbox_full: return "received messages were not taken in time";
        case errc::close_timeout: return "the close handshake was not completed in time";
        case errc::retries_exhausted: return "no attempts are left";
        case errc::already_running: return "a run is in progress already";
        case errc::stopped: return "the run ended first";
        case errc::outbox_full: return "the outbox is full";
        case errc::invalid_utf8: return "the text is not valid UTF-8";
        case errc::subprotocol_not_offered: return "the server chose a subprotocol that was not offered";
        case errc::extension_not_offered: return "the server uses an extension that was not offered";
        case errc::prepare_failed: return "preparing the attempt failed";
        case errc::prepare_timeout: return "preparing the attempt took too long";
        case errc::redirect_refused: return "the server sent the client elsewhere";
        case errc::too_many_redirects: return "there were too many redirects";
        case errc::redirect_loop: return "the redirects led in a circle";
        case errc::redirect_insecure: return "the redirect led from wss to ws";
        case errc::redirect_invalid: return "the redirect led to nothing that can be dialled";
        case errc::invalid_option: return "an option makes no sense";
        case errc::connected_to_itself: return "the connection led to itself";
    }
    return "no error";
}

namespace detail {

class category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "heartbeat"; }
    std::string message(int value) const override { return to_string(static_cast<errc>(value)); }
};

/// `text` on one line, for error texts: control characters become \xHH.
inline std::string one_line(std::string_view text) {
    constexpr char const* digits = "0123456789abcdef";
    std::string result;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f)
            result += c;
        else
            result.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return result;
}

/// The same in quotation marks.
inline std::string quoted(std::string_view text) { return '"' + one_line(text) + '"'; }

}  // namespace detail

/// The category of `errc`. Thread-safe.
inline boost::system::error_category const& error_category() noexcept {
    static detail::category const instance;
    return instance;
}

/// Makes an error code of the category `heartbeat`; found by argument-dependent lookup.
inline boost::system::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

}  // namespace heartbeat

template <>
struct boost::system::is_error_code_enum<heartbeat::errc> : std::true_type {};
