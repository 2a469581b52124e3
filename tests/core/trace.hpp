// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "random_source.hpp"

#include <cstdio>
#include <string>

namespace exploration {

/// Writes a timeline for people, if it is wanted.
class tracer {
public:
    explicit tracer(bool wanted) noexcept : wanted_(wanted) {}

    template <class... Parts>
    void line(time_point now, Parts const&... parts) const {
        if (!wanted_) return;
        std::string text = format(now.time_since_epoch());
        text.insert(0, text.size() < 14 ? 14 - text.size() : 0, ' ');
        text += "  ";
        (append(text, parts), ...);
        std::puts(text.c_str());
    }

private:
    static std::string format(duration value) {
        auto const count = value.count();
        return std::to_string(count / 1'000'000) + '.' +
               std::to_string(1'000'000 + count % 1'000'000).substr(1) + " ms";
    }

    static void append(std::string& text, char const* part) { text += part; }
    static void append(std::string& text, duration part) { text += format(part); }
    template <class Number>
    static void append(std::string& text, Number part) {
        text += std::to_string(part);
    }

    bool wanted_;
};

}  // namespace exploration
