// SPDX-License-Identifier: BSL-1.0
#include "table.hpp"

namespace {

/// The names of the codes, as they stand in the source.
std::string name(hb::errc code) {
    using hb::errc;
    switch (code) {
        case errc::connect_failed: return "`connect_failed`";
        case errc::upgrade_refused: return "`upgrade_refused`";
        case errc::upgrade_failed: return "`upgrade_failed`";
        case errc::upgrade_timeout: return "`upgrade_timeout`";
        case errc::attempt_timeout: return "`attempt_timeout`";
        case errc::heartbeat_timeout: return "`heartbeat_timeout`";
        case errc::closed_by_peer: return "`closed_by_peer`";
        case errc::connection_lost: return "`connection_lost`";
        case errc::protocol_violation: return "`protocol_violation`";
        case errc::message_too_big: return "`message_too_big`";
        case errc::close_timeout: return "`close_timeout`";
        default: return "none";
    }
}

std::string number_or_dash(unsigned number) { return number == 0 ? "–" : std::to_string(number); }

std::string cause(expectation const& expected) {
    auto const text = name(expected.cause);
    return expected.or_cause == hb::errc{} ? text : text + " or " + name(expected.or_cause);
}

std::string code(expectation const& expected) {
    if (expected.http_status != 0) return "HTTP " + std::to_string(expected.http_status);
    return number_or_dash(expected.close_code);
}

std::string to_string(verdict then) {
    switch (then) {
        case verdict::retry: return "retry";
        case verdict::retry_slowly: return "retry slowly";
        case verdict::stop: return "stop";
        case verdict::keep: return "stays open";
    }
    return {};
}

std::string size(std::size_t bytes) {
    constexpr std::size_t mebibyte = 1024 * 1024;
    return bytes % mebibyte == 0 ? std::to_string(bytes / mebibyte) + " MiB"
                                 : std::to_string(bytes / 1024) + " KiB";
}

}  // namespace

std::string markdown(std::vector<scenario> const& rows) {
    std::string text =
        "| what the server does | cause | close code or HTTP status | told by the client | verdict "
        "| attempts in a minute | peak memory, at most |\n|---|---|---|---|---|---|---|\n";
    for (auto const& row : rows) {
        auto const& expected = row.expected;
        for (auto const& cell :
             {row.name, cause(expected), code(expected), number_or_dash(expected.told),
              to_string(expected.then), std::to_string(expected.attempts), size(expected.peak_bytes)})
            text += "| " + cell + " ";
        text += "|\n";
    }
    return text;
}
