// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/error.hpp>
#include <heartbeat/http_header.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heartbeat {

/// Lengths of time throughout the library; that of `std::chrono::steady_clock`.
using duration = std::chrono::steady_clock::duration;
/// Points in time throughout the library; those of `std::chrono::steady_clock`.
using time_point = std::chrono::steady_clock::time_point;

/// Why a link, an attempt or a run ended, as a value with its evidence. Fields that do not apply are zero.
struct reason {
    /// The one cause; decisions look at this and at the fields below, never at `evidence`.
    errc cause = {};
    /// The code of the peer's Close frame (RFC 6455 section 7.4), 1005 for one without a code, 0 for none.
    std::uint16_t close_code = 0;
    /// The text of the peer's Close frame; up to 123 bytes.
    std::string close_text = {};
    /// The status of the HTTP answer to the upgrade request, 0 if there was none.
    unsigned http_status = 0;
    /// The headers of an answer that was a refusal or a redirect; up to 8 KiB.
    heartbeat::http_headers http_headers = {};
    /// How the body of that answer begins; up to 1 KiB.
    std::string http_body = {};
    /// How long the server asked to stay away (`Retry-After`, RFC 9110 section 10.2.3), from its answer on
    /// and at most `reconnect.longest_retry_after`; 0 if it did not.
    duration retry_after = {};
    /// For `heartbeat_timeout`: the time since the last proof of life was read.
    duration silence = {};
    /// What the layer below reported, for logs; may be empty.
    boost::system::error_code evidence = {};
    /// More about it in words, for logs; for `prepare_failed`: what was wrong with the answer, or what the
    /// exception said; for a cause of TLS: what is wrong with files that were replaced, while those that were
    /// read before are in use.
    std::string explanation = {};
};

namespace detail {

/// The first bytes of `text`, for logs, cut where a character of UTF-8 ends.
inline std::string beginning(std::string_view text, std::size_t most) {
    if (text.size() <= most) return detail::quoted(text);
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
    return detail::quoted(text.substr(0, most)) + "...";
}

}  // namespace detail

/// One line for people: the cause, and in brackets whatever evidence there is.
inline std::string to_string(reason const& why) {
    std::string text = to_string(why.cause);
    std::string details;
    auto const add = [&details](std::string const& detail) {
        details += (details.empty() ? "" : ", ") + detail;
    };
    if (why.close_code != 0) add("code " + std::to_string(why.close_code));
    if (!why.close_text.empty()) add(detail::quoted(why.close_text));
    if (why.http_status != 0) add("HTTP status " + std::to_string(why.http_status));
    if (!why.http_body.empty()) add(detail::beginning(why.http_body, 60));
    if (why.retry_after != duration{}) {
        auto const seconds = std::chrono::ceil<std::chrono::seconds>(why.retry_after);
        add("retry after " + std::to_string(seconds.count()) + " s");
    }
    if (why.silence != duration{}) {
        auto const silence = std::chrono::duration_cast<std::chrono::milliseconds>(why.silence);
        add("silent for " + std::to_string(silence.count()) + " ms");
    }
    // A Close frame or a refusal says it all; what the layer below reported after it varies.
    bool const said = why.close_code != 0 || why.cause == errc::upgrade_refused;
    if (why.evidence && why.evidence != why.cause && !said) add(why.evidence.message());
    if (!why.explanation.empty()) add(detail::one_line(why.explanation));
    return details.empty() ? text : text + " (" + details + ")";
}

}  // namespace heartbeat
