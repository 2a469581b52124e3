// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// The rows that a text takes on a terminal: one for each line, more for a line that is too wide.
inline std::vector<std::string> split_into_rows(std::string_view text, std::size_t columns) {
    std::vector<std::string> rows(1);
    std::size_t used = 0;
    bool in_escape_sequence = false;
    for (char const next : text) {
        if (next == '\n') {
            rows.emplace_back();
            used = 0;
            continue;
        }
        auto const byte = static_cast<unsigned char>(next);
        if (next == '\033') in_escape_sequence = true;
        // In UTF-8, 10xxxxxx continues a character. One of three bytes or more may be two columns wide.
        std::size_t const width = in_escape_sequence || (byte & 0xc0) == 0x80 ? 0 : byte >= 0xe0 ? 2 : 1;
        if (used > 0 && used + width > columns) {
            rows.emplace_back();
            used = 0;
        }
        used += width;
        rows.back() += next;
        if (next == 'm') in_escape_sequence = false;
    }
    return rows;
}

/// What makes a terminal show `row` above the row of the cursor, or `above` that many rows further up. The
/// terminal edits the line that is being typed, and nobody else knows it: so that row is never written to, it
/// moves down as it is, and the cursor with it. Write it at once: it has no line feed, at which the system
/// would let the echo of a key come in between.
inline std::string inserted_row(std::string_view row, unsigned above) {
    std::string text = "\033D\033[A";  // on the last row of the screen this makes room below
    text += "\0337";
    for (unsigned up = 0; up < above; ++up) text += "\033[A";
    text.append("\r\033[L").append(row).append("\0338\033[B");
    return text;
}
