// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/http_header.hpp>
#include <heartbeat/request_options.hpp>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Reads `NAME:VALUE`, with or without space around the value; nothing without a colon or a name.
inline std::optional<heartbeat::http_header> parse_header(std::string_view text) {
    auto const colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    auto value = text.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t") + 1);
    return heartbeat::http_header{std::string(text.substr(0, colon)), std::string(value)};
}

/// The first word of what should have been a header: the rest may be a secret.
inline std::string start_of(std::string const& text) {
    auto const end = text.find_first_of(" \t=:");
    return end == std::string::npos ? text : text.substr(0, end) + "...";
}

/// Two headers have fields of their own.
inline void add_header(heartbeat::request_options& request, heartbeat::http_header header) {
    std::string name = header.name;
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "user-agent")
        request.user_agent = std::move(header.value);
    else if (name == "origin")
        request.origin = std::move(header.value);
    else
        request.headers.push_back(std::move(header));
}
