// SPDX-License-Identifier: BSL-1.0
//
// What a fleet of clients does to a server that is gone for a minute, on the decisions alone: see README.md.

#include "strategies.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <queue>
#include <string>
#include <vector>

namespace {

using namespace bench;

constexpr std::size_t clients = 10'000;
constexpr duration end_of_story = 600s;
/// A dial to a server that is there takes so long to open, one that is refused is so at once.
constexpr duration handshake = 20ms;
/// The server accepts so many handshakes in each slot; what comes beyond is refused.
constexpr duration slot = 100ms;
constexpr std::size_t slot_capacity = 200;

/// How the fleet came back.
struct story {
    duration outage{};
    std::vector<std::size_t> dials = std::vector<std::size_t>(static_cast<std::size_t>(end_of_story / slot));
    std::vector<duration> opened;
    std::size_t refused = 0;

    /// The most dials in so many slots in a row, from a slot on.
    std::size_t peak(std::size_t width, std::size_t from = 0) const {
        std::size_t sum = 0;
        std::size_t most = 0;
        for (std::size_t index = from; index < dials.size(); ++index) {
            sum += dials[index];
            if (index >= from + width) sum -= dials[index - width];
            most = std::max(most, sum);
        }
        return most;
    }

    /// How long after the return of the server this share of the clients had their link.
    std::string back(double share) const {
        auto const wanted = static_cast<std::size_t>(share * static_cast<double>(clients));
        if (opened.size() < wanted) return "not in 10 min";
        char text[32];
        double const after = std::chrono::duration<double>(opened[wanted - 1] - outage).count();
        std::snprintf(text, sizeof text, "%.1f s", after);
        return text;
    }
};

struct coming_dial {
    duration at;
    std::size_t client;
    bool operator>(coming_dial const& other) const {
        return at != other.at ? at > other.at : client > other.client;
    }
};

/// All links are lost at 0.
story play(strategy const& wanted, duration outage, std::uint64_t seed) {
    random_source random(seed);
    std::vector<delays> fleet;
    std::priority_queue<coming_dial, std::vector<coming_dial>, std::greater<>> agenda;
    for (std::size_t client = 0; client < clients; ++client) {
        fleet.push_back(wanted.lost());
        agenda.push({fleet.back()(random), client});
    }
    story told;
    told.outage = outage;
    std::vector<std::size_t> accepted(told.dials.size());
    while (!agenda.empty() && agenda.top().at < end_of_story) {
        auto const dial = agenda.top();
        agenda.pop();
        auto const index = static_cast<std::size_t>(dial.at / slot);
        ++told.dials[index];
        bool const is_there = dial.at >= outage;
        if (is_there && accepted[index] < slot_capacity) {
            ++accepted[index];
            told.opened.push_back(dial.at + handshake);
            continue;
        }
        if (is_there) ++told.refused;
        agenda.push({dial.at + fleet[dial.client](random), dial.client});
    }
    return told;
}

void show(std::vector<strategy> const& strategies, duration outage, std::string const& data) {
    auto const return_slot = static_cast<std::size_t>(outage / slot);
    std::cout
        << "| delays | dials in 100 ms, at most | in 1 s | in 1 s after the return | dials refused after it "
           "| dials in all | 50 % back after | 99 % | all |\n|---|---|---|---|---|---|---|---|---|\n";
    std::vector<story> stories;
    for (auto const& each : strategies) {
        auto const told = play(each, outage, 1);
        std::size_t all = 0;
        for (auto const count : told.dials) all += count;
        std::cout << "| " << each.name << " | " << told.peak(1) << " | " << told.peak(10) << " | "
                  << told.peak(10, return_slot) << " | " << told.refused << " | " << all << " | "
                  << told.back(0.5) << " | " << told.back(0.99) << " | " << told.back(1) << " |\n";
        stories.push_back(told);
    }
    if (data.empty()) return;
    std::ofstream file(data);
    for (std::size_t at = 0; at < 1500; at += 10) {
        file << at / 10;
        for (auto const& told : stories) {
            std::size_t sum = 0;
            for (std::size_t index = at; index < at + 10; ++index) sum += told.dials[index];
            file << ' ' << sum;
        }
        file << '\n';
    }
}

}  // namespace

int main(int argument_count, char** arguments) {
    std::vector<std::string> const words(arguments + 1, arguments + argument_count);
    duration outage = 60s;
    std::string data;
    bool others = false;
    for (std::size_t index = 0; index < words.size(); ++index) {
        bool const has_value = index + 1 < words.size();
        if (words[index] == "--considered") {
            others = true;
        } else if (words[index] == "--data" && has_value) {
            data = words[++index];
        } else if (words[index] == "--outage" && has_value) {
            outage = seconds(std::strtod(words[++index].c_str(), nullptr));
        } else {
            std::cerr
                << "Usage: fleet [--outage SECONDS] [--considered] [--data FILE]\n\n"
                   "Prints the table of tests/bench/README.md; with --considered that of other defaults;\n"
                   "with --data also writes the dials in each second.\n";
            return 2;
        }
    }
    show(others ? considered() : compared(), outage, data);
    return 0;
}
