// SPDX-License-Identifier: BSL-1.0
#pragma once

// The parts of core/ that have no time of their own, over the whole of what they may be given.

#include "promised.hpp"
#include "random_source.hpp"
#include "tally.hpp"

#include <heartbeat/core/backoff.hpp>
#include <heartbeat/core/retry_policy.hpp>
#include <heartbeat/core/round_trip.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace exploration {

/// Every cause, with every close code and HTTP status, against what is promised.
inline std::uint64_t every_standard_verdict() {
    using heartbeat::errc;
    std::uint64_t cases = 0;
    auto const check = [&cases](heartbeat::reason const& why) {
        for (duration const longest : {duration{1000}, duration{std::chrono::seconds(40)}}) {
            ++cases;
            heartbeat::reconnect_options options;
            options.delay = duration{1000};
            options.max_delay = longest;
            auto const judged = heartbeat::detail::retry_policy(options).judge(why);
            if (judged != promised(why, longest)) throw violation{9, "a wrong verdict"};
            options.stop_on_rejected_certificate = true;
            auto const strictly = heartbeat::detail::retry_policy(options).judge(why);
            bool const certificate = why.cause >= errc::tls_certificate_expired &&
                                     why.cause <= errc::tls_client_certificate_required;
            if (strictly != (certificate ? heartbeat::verdict{.what = heartbeat::verdict::stop} : judged))
                throw violation{9, "a wrong verdict on a certificate that is not accepted"};
        }
    };
    for (int code = 1; code <= static_cast<int>(errc::invalid_option); ++code)
        for (auto const retry_after : {duration{}, duration{1001}, duration{std::chrono::seconds(60)}}) {
            heartbeat::reason why{.cause = static_cast<errc>(code), .retry_after = retry_after};
            check(why);
            if (why.cause == errc::closed_by_peer)
                for (why.close_code = 1000; why.close_code < 5001; ++why.close_code) check(why);
            if (why.cause != errc::upgrade_refused) continue;
            for (why.http_status = 100; why.http_status < 600; ++why.http_status) check(why);
            for (auto const* const name : {"Retry-After", "retry-after", "Server"}) {
                why.http_headers = {{name, "0"}};
                for (why.http_status = 100; why.http_status < 600; ++why.http_status) check(why);
            }
        }
    return cases;
}

/// Every cause, with every verdict of the user's and every limit not reached, reached and passed.
inline std::uint64_t every_verdict() {
    using heartbeat::errc;
    using heartbeat::verdict;
    auto cases = every_standard_verdict();
    constexpr duration unit{1000};
    for (int code = 1; code <= static_cast<int>(errc::invalid_option); ++code)
        for (auto const what : {verdict::retry, verdict::refresh, verdict::stop})
            for (bool const enabled : {false, true})
                for (unsigned const most : {0u, 1u, 3u})
                    for (unsigned attempts = 1; attempts <= 4; ++attempts)
                        for (auto const limit : {0 * unit, 2 * unit})
                            for (auto const elapsed : {unit, 2 * unit, 3 * unit})
                                for (unsigned const history : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u}) {
                                    ++cases;
                                    bool const can_refresh = (history & 1) != 0;
                                    bool const in_vain = (history & 2) != 0;
                                    bool const when = (history & 4) != 0;
                                    heartbeat::reason why{.cause = static_cast<errc>(code)};
                                    if (when) why.http_headers = {{"retry-after", "0"}};
                                    heartbeat::reconnect_options options;
                                    options.enabled = enabled;
                                    options.max_attempts = most;
                                    options.max_elapsed = limit;
                                    options.judge = [what](heartbeat::reason const&, verdict) {
                                        return verdict{.what = what};
                                    };
                                    heartbeat::detail::retry_policy const policy(options);
                                    auto const decision = policy.decide(
                                        why, policy.judge(why), {attempts, elapsed, can_refresh, in_vain});
                                    bool const final = why.cause == errc::closed ||
                                                       why.cause == errc::close_timeout ||
                                                       why.cause == errc::cancelled;
                                    if (final && decision.retry)
                                        throw violation{4, "a deliberate end is retried"};
                                    bool const refused =
                                        final || !enabled || what == verdict::stop ||
                                        (what == verdict::refresh && history < 4 && history != 1);
                                    bool const exhausted = (most != 0 && attempts >= most) ||
                                                           (limit != duration{} && elapsed > limit);
                                    if (decision.retry != (!refused && !exhausted))
                                        throw violation{9, "a wrong verdict"};
                                    if (decision.refresh !=
                                        (decision.retry && what == verdict::refresh && can_refresh))
                                        throw violation{9, "new credentials, or none, in vain"};
                                    auto const expected = refused     ? why.cause
                                                          : exhausted ? errc::retries_exhausted
                                                                      : errc{};
                                    if (decision.cause != expected)
                                        throw violation{9, "a verdict with a wrong cause"};
                                }
    return cases;
}

/// Long series of round-trip times against plain statistics.
inline std::uint64_t many_round_trips() {
    random_source random(1);
    std::uint64_t cases = 0;
    for (std::size_t length = 0; length < 200; ++length) {
        heartbeat::detail::round_trip measured;
        std::vector<duration> all;
        double smoothed = 0;
        for (std::size_t index = 0; index < length; ++index) {
            auto const sample = random.between(duration{}, duration{1'000'000});
            measured.add(sample);
            all.push_back(sample);
            auto const value = static_cast<double>(sample.count());
            smoothed = index == 0 ? value : smoothed * 7 / 8 + value / 8;
        }
        ++cases;
        if (measured.count() != length) throw violation{7, "a lost round-trip time"};
        if (length == 0) continue;
        auto const smallest = *std::min_element(all.begin(), all.end());
        if (measured.last() != all.back() || measured.minimum() != smallest)
            throw violation{7, "a wrong round-trip time"};
        if (std::abs(smoothed - static_cast<double>(measured.smoothed().count())) > 10)
            throw violation{7, "badly smoothed"};
        if (all.size() > 64) all.erase(all.begin(), all.end() - 64);
        std::sort(all.begin(), all.end());
        for (double const percent : {0.0, 1.0, 50.0, 99.0, 100.0}) {
            auto const rank =
                static_cast<std::size_t>(std::ceil(percent * static_cast<double>(all.size()) / 100));
            if (measured.percentile(percent) != all[rank == 0 ? 0 : rank - 1])
                throw violation{7, "a wrong percentile"};
        }
    }
    return cases;
}

/// Long outages: many retries in a row, at the ends of what the options allow.
inline std::uint64_t long_outages() {
    random_source random(1);
    std::uint64_t cases = 0;
    for (double const growth : {1.0, 1.000001, 2.0, 1000.0})
        for (std::int64_t const delay : {std::int64_t{1}, std::int64_t{3}, std::int64_t{1'000'000'000},
                                         heartbeat::detail::longest_duration.count()})
            for (bool const jitter : {false, true}) {
                heartbeat::reconnect_options options;
                options.delay = duration{delay};
                options.growth = growth;
                options.max_delay = std::chrono::seconds(30);
                options.jitter = jitter;
                heartbeat::detail::backoff waits(options);
                auto const longest = static_cast<double>(std::max(options.delay, options.max_delay).count());
                auto nominal = static_cast<long double>(delay);
                for (int retry = 0; retry < 3000; ++retry) {
                    ++cases;
                    auto const slow = retry % 7 == 3 ? duration{std::chrono::minutes(1)} : duration{};
                    auto const drawn = static_cast<double>(waits.next(random, {}, {}, slow).count());
                    auto const expected = std::max(std::min(static_cast<double>(nominal), longest),
                                                   static_cast<double>(slow.count()));
                    double const rounding = 1 + expected * 1e-9;
                    if (drawn > expected + rounding) throw violation{9, "a delay over the nominal one"};
                    if (drawn < expected / (jitter ? 2 : 1) - rounding || drawn < 1)
                        throw violation{10, "a delay that is too short"};
                    nominal = std::min(nominal * growth, static_cast<long double>(longest));
                }
            }
    return cases;
}

}  // namespace exploration
