// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>
#include <heartbeat/verdict.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace exploration {

using namespace std::chrono_literals;

/// The answer says when to come back, be it at once.
inline bool has_retry_after(heartbeat::reason const& why) {
    return why.retry_after > 0s ||
           std::any_of(why.http_headers.begin(), why.http_headers.end(), [](auto const& field) {
               return field.name == "Retry-After" || field.name == "retry-after";
           });
}

/// What the README promises to follow a reason: its tables, written down once more.
inline heartbeat::verdict promised(heartbeat::reason const& why, heartbeat::duration longest) {
    using heartbeat::errc;
    using heartbeat::verdict;
    constexpr std::array<std::uint16_t, 8> rejecting_codes = {1002, 1003, 1007, 1008, 1009, 1010, 1015, 3003};
    constexpr std::array<unsigned, 5> passing_statuses = {404, 408, 421, 425, 429};
    constexpr std::array<unsigned, 4> lasting_statuses = {301, 308, 501, 505};
    auto const is_in = [](auto const& list, auto value) {
        return std::find(list.begin(), list.end(), value) != list.end();
    };
    verdict result;
    verdict const slow{.nominal = std::max<heartbeat::duration>(1min, longest)};
    if (why.cause == errc::closed || why.cause == errc::close_timeout || why.cause == errc::cancelled)
        return {.what = verdict::stop};
    if (why.cause == errc::closed_by_peer) {
        auto const code = why.close_code;
        if (is_in(rejecting_codes, code)) result = slow;
        if (code == 3000) result.what = verdict::refresh;
        if (code == 1012) result = {.least = 5s, .spread = 25s};
        if (code == 1013) result = {.least = longest, .spread = longest / 2};
    }
    if (why.cause == errc::upgrade_refused) {
        auto const status = why.http_status;
        bool const rejects = status >= 400 && status < 500 && !is_in(passing_statuses, status);
        if (rejects || is_in(lasting_statuses, status)) result = slow;
        if (status == 401) result = {.what = verdict::refresh};
        if (status == 410) result = {.what = has_retry_after(why) ? verdict::retry : verdict::stop};
    }
    bool const certificate =
        why.cause >= errc::tls_certificate_expired && why.cause <= errc::tls_client_certificate_required;
    if (certificate) return slow;
    // The server has said when, so there is nothing to guess.
    if (has_retry_after(why)) result.nominal = {};
    if (why.retry_after > result.least) {
        result.least = why.retry_after;
        result.spread = std::max(result.spread, std::min(why.retry_after / 2, longest));
    }
    return result;
}

}  // namespace exploration
