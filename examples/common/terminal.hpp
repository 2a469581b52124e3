// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

enum class color { none, bold, dim, red, green, yellow, magenta, cyan };

constexpr char const* escape_sequence(color value) noexcept {
    switch (value) {
        case color::none: return "";
        case color::bold: return "\033[1m";
        case color::dim: return "\033[2m";
        case color::red: return "\033[31m";
        case color::green: return "\033[32m";
        case color::yellow: return "\033[33m";
        case color::magenta: return "\033[35m";
        case color::cyan: return "\033[36m";
    }
    return "";
}

/// What may be written to standard output besides plain lines.
class terminal {
public:
    /// Looks at standard output and the environment; see https://no-color.org for NO_COLOR.
    static terminal detect(bool wants_color) {
        auto const variable = [](char const* name) {
            char const* const value = std::getenv(name);
            return std::string_view(value == nullptr ? "" : value);
        };
        bool const able = ::isatty(STDOUT_FILENO) == 1 && variable("TERM") != "dumb";
        return {able, able && wants_color && variable("NO_COLOR").empty()};
    }

    /// How wide it is now; 80 where it does not say.
    static std::size_t columns() {
        struct winsize size = {};
        bool const known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        return known ? size.ws_col : 80;
    }

    /// True if rows can be inserted and written over.
    bool redraws() const noexcept { return redraws_; }

    std::string paint(color with, std::string_view text) const {
        if (!colors_ || with == color::none) return std::string(text);
        return std::string(escape_sequence(with)).append(text).append("\033[0m");
    }

private:
    terminal(bool redraws, bool colors) : redraws_(redraws), colors_(colors) {}

    bool redraws_;
    bool colors_;
};
