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

/// What the README promises to follow a reason: its tables, written down once more.
inline heartbeat::verdict promised(heartbeat::reason const& why, heartbeat::duration longest) {
    using heartbeat::errc;
    using heartbeat::verdict;
    constexpr std::array<std::uint16_t, 8> fatal_codes = {1002, 1003, 1007, 1008, 1009, 1010, 1015, 3003};
    constexpr std::array<unsigned, 5> passing_statuses = {404, 408, 421, 425, 429};
    auto const is_in = [](auto const& list, auto value) {
        return std::find(list.begin(), list.end(), value) != list.end();
    };
    verdict result;
    bool const deliberate =
        why.cause == errc::closed || why.cause == errc::close_timeout || why.cause == errc::cancelled;
    if (deliberate) result.what = verdict::stop;
    if (why.cause == errc::closed_by_peer) {
        auto const code = why.close_code;
        if (is_in(fatal_codes, code)) result.what = verdict::stop;
        if (code == 3000) result.what = verdict::refresh;
        if (code == 1012) result = {.least = 5s, .spread = 25s};
        if (code == 1013) result = {.least = longest, .spread = longest / 2};
    }
    if (why.cause == errc::upgrade_refused) {
        auto const status = why.http_status;
        bool const passes = status < 300 || status >= 500 || is_in(passing_statuses, status);
        if (!passes || status == 501 || status == 505) result.what = verdict::stop;
        if (status == 401 || status == 407) result.what = verdict::refresh;
    }
    bool const certificate =
        why.cause >= errc::tls_certificate_expired && why.cause <= errc::tls_client_certificate_required;
    if (certificate) result.what = verdict::stop;
    bool const final = deliberate || certificate;
    if (!final && why.retry_after > result.least) {
        result.least = why.retry_after;
        result.spread = std::max(result.spread, std::min(why.retry_after / 2, longest));
    }
    return result;
}

}  // namespace exploration
