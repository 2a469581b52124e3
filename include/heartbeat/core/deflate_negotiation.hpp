// SPDX-License-Identifier: BSL-1.0
#pragma once

// What client and server agree on for permessage-deflate (RFC 7692 section 7.1).

#include <heartbeat/deflate_options.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace heartbeat::detail {

/// The value of `Sec-WebSocket-Extensions` in the upgrade request; empty if nothing is offered.
inline std::string deflate_offer(deflate_options const& wanted) {
    if (!wanted.enabled) return {};
    constexpr int most_bits = 15;
    std::string offer = "permessage-deflate; client_max_window_bits";
    if (wanted.client_window_bits < most_bits) offer += '=' + std::to_string(wanted.client_window_bits);
    if (wanted.server_window_bits < most_bits)
        offer += "; server_max_window_bits=" + std::to_string(wanted.server_window_bits);
    if (!wanted.client_context_takeover) offer += "; client_no_context_takeover";
    if (!wanted.server_context_takeover) offer += "; server_no_context_takeover";
    return offer;
}

/// What a server has accepted.
struct deflate_terms {
    bool client_no_context_takeover = false;
    bool server_no_context_takeover = false;
    /// 0 if the server says nothing, which means 15.
    int client_window_bits = 0;
    int server_window_bits = 0;
};

/// Reads the answer of a server from the front.
class extension_reader {
public:
    explicit extension_reader(std::string_view text) : rest_(text) { skip_spaces(); }

    bool done() const noexcept { return rest_.empty(); }
    /// Whether this was next; it is then behind.
    bool take(char separator) {
        if (rest_.empty() || rest_.front() != separator) return false;
        rest_.remove_prefix(1);
        skip_spaces();
        return true;
    }
    /// The word that is next, in lower case; empty if there is none.
    std::string word() {
        std::string found;
        while (!rest_.empty() && is_part_of_word(rest_.front())) {
            char const c = rest_.front();
            found += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            rest_.remove_prefix(1);
        }
        skip_spaces();
        return found;
    }
    /// The value of a parameter, with quotation marks or without; empty if there is none.
    std::string value() {
        bool const quoted = take('"');
        auto found = word();
        return quoted && !take('"') ? std::string() : found;
    }

private:
    static bool is_part_of_word(char c) noexcept {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_';
    }
    void skip_spaces() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    }

    std::string_view rest_;
};

/// 8 to 15 in decimal; 0 if it is none of these.
inline int window_bits_in(std::string_view text) noexcept {
    if (text == "8" || text == "9") return text.front() - '0';
    bool const two = text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5';
    return two ? 10 + (text[1] - '0') : 0;
}

/// What an answer says, if it is nothing but permessage-deflate with parameters that RFC 7692 knows, each at
/// most once.
inline std::optional<deflate_terms> deflate_terms_in(std::string_view extensions) {
    extension_reader reader(extensions);
    if (reader.word() != "permessage-deflate") return std::nullopt;
    deflate_terms terms;
    auto const once = [](bool& flag) { return !std::exchange(flag, true); };
    while (reader.take(';')) {
        auto const name = reader.word();
        bool const has_value = reader.take('=');
        auto const bits = has_value ? window_bits_in(reader.value()) : 0;
        bool right = false;
        if (name == "client_no_context_takeover") {
            right = !has_value && once(terms.client_no_context_takeover);
        } else if (name == "server_no_context_takeover") {
            right = !has_value && once(terms.server_no_context_takeover);
        } else if (name == "client_max_window_bits") {
            right = bits != 0 && std::exchange(terms.client_window_bits, bits) == 0;
        } else if (name == "server_max_window_bits") {
            right = bits != 0 && std::exchange(terms.server_window_bits, bits) == 0;
        }
        if (!right) return std::nullopt;
    }
    return reader.done() ? std::optional(terms) : std::nullopt;
}

/// Whether that answers the offer. A server need not repeat what the client offers to do by itself.
inline bool fits(deflate_terms const& terms, deflate_options const& offered) {
    constexpr int most_bits = 15;
    // The compressor has no window of 8 bits.
    constexpr int least_bits = 9;
    bool const client_fits =
        terms.client_window_bits == 0 ||
        (terms.client_window_bits >= least_bits && terms.client_window_bits <= offered.client_window_bits);
    auto const server_bits = terms.server_window_bits == 0 ? most_bits : terms.server_window_bits;
    return offered.enabled && client_fits && server_bits <= offered.server_window_bits &&
           (offered.server_context_takeover || terms.server_no_context_takeover);
}

/// Whether a client that compresses as these terms say does what it offered to do by itself, which it has to
/// also where the answer does not repeat it (RFC 7692 sections 7.1.1.2 and 7.1.2.2).
inline bool keeps_to(deflate_terms const& terms, deflate_options const& offered) {
    constexpr int most_bits = 15;
    auto const bits = terms.client_window_bits == 0 ? most_bits : terms.client_window_bits;
    return bits <= offered.client_window_bits &&
           (offered.client_context_takeover || terms.client_no_context_takeover);
}

}  // namespace heartbeat::detail
