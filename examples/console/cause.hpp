// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

/// What a program says of a cause.
struct cause {
    heartbeat::errc code;
    char const* name;
    int exit_status;
};

inline constexpr int exit_line_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_other = 10;

inline constexpr cause causes[] = {
    {heartbeat::errc::closed, "closed", 0},
    {heartbeat::errc::cancelled, "cancelled", 0},
    {heartbeat::errc::resolve_failed, "resolve_failed", 3},
    {heartbeat::errc::resolve_timeout, "resolve_timeout", 3},
    {heartbeat::errc::connect_failed, "connect_failed", 4},
    {heartbeat::errc::connect_timeout, "connect_timeout", 4},
    {heartbeat::errc::tls_failed, "tls_failed", 11},
    {heartbeat::errc::tls_timeout, "tls_timeout", 11},
    {heartbeat::errc::tls_certificate_expired, "tls_certificate_expired", 11},
    {heartbeat::errc::tls_certificate_not_yet_valid, "tls_certificate_not_yet_valid", 11},
    {heartbeat::errc::tls_certificate_self_signed, "tls_certificate_self_signed", 11},
    {heartbeat::errc::tls_wrong_host, "tls_wrong_host", 11},
    {heartbeat::errc::tls_unknown_ca, "tls_unknown_ca", 11},
    {heartbeat::errc::tls_certificate_rejected, "tls_certificate_rejected", 11},
    {heartbeat::errc::tls_pin_mismatch, "tls_pin_mismatch", 11},
    {heartbeat::errc::tls_client_certificate_required, "tls_client_certificate_required", 11},
    {heartbeat::errc::attempt_timeout, "attempt_timeout", 4},
    {heartbeat::errc::upgrade_refused, "upgrade_refused", 5},
    {heartbeat::errc::upgrade_failed, "upgrade_failed", 5},
    {heartbeat::errc::upgrade_timeout, "upgrade_timeout", 5},
    {heartbeat::errc::heartbeat_timeout, "heartbeat_timeout", 6},
    {heartbeat::errc::closed_by_peer, "closed_by_peer", 7},
    {heartbeat::errc::connection_lost, "connection_lost", 8},
    {heartbeat::errc::protocol_violation, "protocol_violation", 9},
    {heartbeat::errc::message_too_big, "message_too_big", 9},
    {heartbeat::errc::mailbox_full, "mailbox_full", exit_other},
    {heartbeat::errc::close_timeout, "close_timeout", exit_other},
    {heartbeat::errc::retries_exhausted, "retries_exhausted", exit_other},
    {heartbeat::errc::already_running, "already_running", exit_other},
    {heartbeat::errc::stopped, "stopped", exit_other},
    {heartbeat::errc::outbox_full, "outbox_full", exit_other},
    {heartbeat::errc::invalid_utf8, "invalid_utf8", exit_other},
    {heartbeat::errc::subprotocol_not_offered, "subprotocol_not_offered", exit_other},
    {heartbeat::errc::extension_not_offered, "extension_not_offered", exit_other},
    {heartbeat::errc::prepare_failed, "prepare_failed", exit_other},
    {heartbeat::errc::prepare_timeout, "prepare_timeout", exit_other},
    {heartbeat::errc::redirect_refused, "redirect_refused", 5},
    {heartbeat::errc::too_many_redirects, "too_many_redirects", 5},
    {heartbeat::errc::redirect_loop, "redirect_loop", 5},
    {heartbeat::errc::redirect_insecure, "redirect_insecure", 5},
    {heartbeat::errc::redirect_invalid, "redirect_invalid", 5},
    {heartbeat::errc::invalid_option, "invalid_option", exit_other},
    {heartbeat::errc::connected_to_itself, "connected_to_itself", exit_other},
};

inline constexpr char const* exit_status_help =
    "Exit status:\n"
    "   0  closed on purpose\n"
    "   1  a line of input was not carried out, or a message not written\n"
    "      (only where input does not come from a terminal)\n"
    "   2  the command line makes no sense\n"
    "   3  the host name was not resolved\n"
    "   4  the connection was not accepted, or not in time\n"
    "   5  the server refused the upgrade to websocket, or it failed, or took too long\n"
    "   6  the peer gave no sign of life in time\n"
    "   7  the peer closed the connection\n"
    "   8  the connection was lost\n"
    "   9  the peer broke the websocket protocol, or sent a message that is too large\n"
    "  10  anything else\n"
    "  11  TLS: the handshake failed or took too long, or a certificate was not accepted\n"
    " 130  Ctrl-C was pressed twice; 143: the same with SIGTERM\n"
    "When no attempts are left, the status tells why the last one failed. When input ends while the next "
    "attempt is\n"
    "being waited for, it tells why there is no connection.\n";

inline char const* cause_name(heartbeat::errc code) noexcept {
    for (auto const& known : causes)
        if (known.code == code) return known.name;
    return "none";
}

inline int exit_status(heartbeat::reason const& why) noexcept {
    auto code = why.cause;
    // The cause of the last failure is the evidence that no attempts are left.
    if (code == heartbeat::errc::retries_exhausted && why.evidence.category() == heartbeat::error_category())
        code = static_cast<heartbeat::errc>(why.evidence.value());
    for (auto const& known : causes)
        if (known.code == code) return known.exit_status;
    return exit_other;
}
