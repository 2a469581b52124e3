// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../common/terminal.hpp"
#include "stage.hpp"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

inline std::string seconds_text(span_of_time value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f s", std::chrono::duration<double>(value).count());
    return text;
}

/// What a step has shown.
struct finding {
    std::string what = {};
    span_of_time measured = {};
    /// What is promised; nothing if that is no time.
    std::optional<span_of_time> promised = {};
    /// How late the machine was: the promise is for one that is never late.
    span_of_time lateness = {};

    bool is_kept() const noexcept { return !promised || measured <= *promised + lateness; }
};

/// Prints what happens as it happens, and a summary.
class timeline {
public:
    explicit timeline(bool wants_color) : screen_(terminal::detect(wants_color)) {}

    void heading(std::string_view text) {
        std::cout << '\n' << screen_.paint(color::bold, text) << std::endl;
    }

    void add(moment when, color with, std::string_view who, std::string_view text) const {
        char time[32];
        auto const since = std::chrono::duration<double>(when - start_).count();
        std::snprintf(time, sizeof time, "%8.3f  ", since);
        std::string name(who);
        name.append(name.size() < 8 ? 8 - name.size() : 0, ' ');
        std::cout << screen_.paint(color::dim, time) << screen_.paint(with, name) << text << std::endl;
    }

    /// What the tour itself does.
    void act(std::string_view text) const {
        add(std::chrono::steady_clock::now(), color::bold, "tour", text);
    }

    void add(finding found) {
        act(found.what + ": " + seconds_text(found.measured) + (found.promised ? ", " + promise(found) : ""));
        findings_.push_back(std::move(found));
    }

    void fail(std::string_view text) const {
        add(std::chrono::steady_clock::now(), color::red, "FAILED", text);
    }

    void summarize() {
        heading("Summary");
        bool all_kept = true;
        for (auto const& found : findings_) {
            char line[160];
            std::snprintf(line, sizeof line, "  %-46s %9s   %s", found.what.c_str(),
                          seconds_text(found.measured).c_str(), promise(found).c_str());
            std::cout << screen_.paint(found.is_kept() ? color::none : color::yellow, line)
                      << (found.is_kept() ? "\n" : "   LATE\n");
            all_kept = all_kept && found.is_kept();
        }
        if (!all_kept)
            std::cout
                << "What is marked came later than promised. On a busy machine that may be the machine.\n";
        std::cout << std::flush;
    }

private:
    static std::string promise(finding const& found) {
        if (!found.promised) return {};
        std::string text = "promised: at most " + seconds_text(*found.promised);
        if (found.lateness > std::chrono::milliseconds(1))
            text += " + " + seconds_text(found.lateness) + " of lateness measured";
        return text;
    }

    terminal screen_;
    moment start_ = std::chrono::steady_clock::now();
    std::vector<finding> findings_;
};
