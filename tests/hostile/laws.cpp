// SPDX-License-Identifier: BSL-1.0
//
// Holds the library to the table, and the table in the documentation to the one in the code.
#include "accept_key.hpp"
#include "allocations.hpp"
#include "catch.hpp"
#include "table.hpp"
#include "trial.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

std::vector<scenario> all_scenarios() {
    std::vector<scenario> all;
    for (auto const& part : {connecting_scenarios(), upgrade_scenarios(), frame_scenarios(),
                             message_scenarios(), flood_scenarios(), ending_scenarios()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

namespace {

/// Not all of it, so that a retry after a minute is not part of it.
constexpr hb::duration minute = 1min - 1ms;

verdict verdict_of(findings const& found) {
    if (found.state == hb::state::stopped) return verdict::stop;
    auto const& first = found.dials.front();
    if (first.opened && first.why.cause == hb::errc{}) return verdict::keep;
    return found.slowly ? verdict::retry_slowly : verdict::retry;
}

std::string describe(hb::errc cause, bool opened, unsigned close_code, unsigned status, unsigned told) {
    std::string text = to_string(cause);
    if (opened) text += ", after it was open";
    text += ", close code " + std::to_string(close_code) + ", HTTP status " + std::to_string(status);
    return text + ", told " + std::to_string(told);
}

std::string describe(findings::dial const& dial) {
    auto const& why = dial.why;
    return describe(why.cause, dial.opened, why.close_code, why.http_status, dial.told);
}

std::string describe(expectation const& expected, bool other) {
    return describe(other ? expected.or_cause : expected.cause, expected.opens, expected.close_code,
                    expected.http_status, expected.told);
}

/// Where the findings differ from what the table says, for people; empty if they do not.
std::string differences(findings const& found, expectation const& expected) {
    std::string text;
    auto const compare = [&text](std::string const& what, std::size_t is, std::size_t should_be) {
        if (is != should_be)
            text += what + ": " + std::to_string(is) + " instead of " + std::to_string(should_be) + '\n';
    };
    for (auto const& dial : found.dials) {
        bool const goes_on = &dial == &found.dials.back() && dial.why.cause == hb::errc{};
        if (goes_on && expected.then != verdict::keep) break;
        bool const other = expected.or_cause != hb::errc{} && dial.why.cause == expected.or_cause;
        auto const is = describe(dial);
        if (is != describe(expected, other)) text += is + "\ninstead of " + describe(expected, false) + '\n';
        if (expected.delivered) compare("messages", dial.delivered, *expected.delivered);
        if (dial.why.cause == hb::errc::heartbeat_timeout)
            compare("ms of silence", static_cast<std::size_t>(dial.why.silence / 1ms),
                    static_cast<std::size_t>(expected.silence / 1ms));
        if (expected.evidence != hb::errc{} && dial.why.evidence != expected.evidence)
            text += "evidence: " + dial.why.evidence.message() + '\n';
        if (!text.empty()) break;
    }
    compare("attempts", found.dials.size(), expected.attempts);
    if (verdict_of(found) != expected.then) text += "another verdict\n";
    if (found.peak_bytes > expected.peak_bytes) compare("peak memory", found.peak_bytes, expected.peak_bytes);
    return text;
}

/// How long the socket must wait, by law 10, after each of these but the last.
std::vector<hb::duration> least_delays(findings const& found, hb::reconnect_options const& options) {
    std::vector<hb::duration> delays;
    auto nominal = options.delay;
    for (auto const& dial : found.dials) {
        if (dial.open >= options.stable_after) nominal = options.delay;
        delays.push_back(options.jitter ? nominal / 2 : nominal);
        nominal = std::min<hb::duration>(std::chrono::duration_cast<hb::duration>(nominal * options.growth),
                                         options.max_delay);
    }
    return delays;
}

/// What is true of every server: law 10 among others.
void check_laws(findings const& found, hb::reconnect_options const& options) {
    auto const delays = least_delays(found, options);
    for (std::size_t index = 1; index < found.dials.size(); ++index) {
        CAPTURE(index);
        CHECK(found.dials[index].began - found.dials[index - 1].ended >= delays[index - 1]);
    }
    // Law 7: input moves the deadline on, to at most 4 timeouts.
    for (auto const& dial : found.dials) CHECK(dial.why.silence <= 4s + 4 * 2s);
    CHECK(found.accepted == found.dials.size());
    CHECK(found.stops == (found.state == hb::state::stopped ? 1 : 0));
    CHECK((found.peak_bytes > 0 || !allocations::are_counted()));
}

}  // namespace

TEST_CASE("a hostile server gets what the table says, and no more") {
    for (auto const& row : all_scenarios()) {
        DYNAMIC_SECTION(row.name) {
            trial attempt(row);
            attempt.run(minute);
            auto const wrong = differences(attempt.found(), row.expected);
            check_laws(attempt.found(), usual_options().reconnect);
            CHECK(wrong == "");
        }
    }
}

TEST_CASE("law 10: jitter makes no storm of attempts either") {
    auto row = connecting_scenarios().front();
    std::uint64_t seed = 0;
    row.adjust = [&seed](hb::options& options) {
        options.reconnect.jitter = true;
        options.seed = seed;
    };
    for (seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        trial attempt(row);
        attempt.run(minute);
        auto reconnect = usual_options().reconnect;
        reconnect.jitter = true;
        check_laws(attempt.found(), reconnect);
        CHECK(attempt.found().dials.size() >= 6);
        CHECK(attempt.found().dials.size() <= 8);
    }
}

TEST_CASE("the documented table of hostile servers is the one in the code") {
    // A compiler cache may have made the path relative to the directory of the build.
    auto const program = std::filesystem::read_symlink("/proc/self/exe");
    auto const here = program.parent_path().parent_path() / __FILE__;
    std::ifstream file(here.parent_path() / "README.md");
    REQUIRE(file);
    std::string const text{std::istreambuf_iterator<char>(file), {}};
    auto const table = text.find("| what the server does");
    REQUIRE(table != std::string::npos);
    auto const end = text.find("\n\n", table);
    CHECK(text.substr(table, end == std::string::npos ? end : end + 1 - table) == markdown(all_scenarios()));
}

TEST_CASE("the hostile server knows how to answer an upgrade request") {
    CHECK(accept_key::of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("prints the table of hostile servers", "[.table]") { std::cout << markdown(all_scenarios()); }

TEST_CASE("prints what hostile servers were measured to cost", "[.measured]") {
    for (auto const& row : all_scenarios()) {
        trial attempt(row);
        attempt.run(minute);
        auto const& found = attempt.found();
        std::cout << row.name << " | " << to_string(found.dials.front().why) << " | " << found.dials.size()
                  << " attempts | " << found.dials.front().delivered << " messages | "
                  << found.peak_bytes / 1024 << " KiB\n";
    }
}
