// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/events.hpp>
#include <heartbeat/message.hpp>

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace heartbeat {

namespace detail {

/// What copies, compares or writes a document calls itself for each level of brackets.
inline constexpr std::size_t deepest_json = 512;

/// Where the brackets get deeper than that; `npos` if they do not.
inline std::size_t find_too_deep(std::string_view text) noexcept {
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        switch (text[at]) {
            case '"': quoted = !quoted; break;
            case '\\': at += quoted ? 1 : 0; break;
            case '[':
            case '{':
                if (!quoted && ++depth > deepest_json) return at;
                break;
            case ']':
            case '}': depth -= quoted || depth == 0 ? 0 : 1; break;
            default: break;
        }
    }
    return std::string_view::npos;
}

/// Whether a number arrives as it was written: `get` cuts off what does not fit.
template <class Content>
bool holds(nlohmann::json const& content) {
    if constexpr (std::integral<Content> && !std::same_as<Content, bool>) {
        using limits = std::numeric_limits<Content>;
        if (content.is_number_unsigned())
            return content.get<std::uint64_t>() <= static_cast<std::uint64_t>(limits::max());
        if (content.is_number_integer()) {
            auto const value = content.get<std::int64_t>();
            return value < 0
                       ? std::signed_integral<Content> && value >= static_cast<std::int64_t>(limits::min())
                       : static_cast<std::uint64_t>(value) <= static_cast<std::uint64_t>(limits::max());
        }
        return false;
    } else {
        return true;
    }
}

}  // namespace detail

/// Reads a message as JSON. A message that is not JSON, or has brackets in more than 512 levels, gives
/// nothing and, if `wrong` is given, what is wrong with it.
inline std::optional<nlohmann::json> parse_json(message const& received, malformed* wrong = nullptr) {
    auto const refuse = [&](std::size_t position, char const* what) {
        if (wrong != nullptr) *wrong = {std::string(received.text()), position, what};
        return std::nullopt;
    };
    if (auto const at = detail::find_too_deep(received.text()); at != std::string_view::npos)
        return refuse(at, "brackets in too many levels");
    // To the parser the text ends there.
    if (auto const at = received.text().find('\0'); at != std::string_view::npos)
        return refuse(at, "a byte 0");
    try {
        return nlohmann::json::parse(received.text());
    } catch (nlohmann::json::parse_error const& error) {
        if (wrong != nullptr)
            *wrong = {std::string(received.text()), error.byte == 0 ? 0 : error.byte - 1, error.what()};
    } catch (nlohmann::json::exception const& error) {
        // Such as a number that is out of range.
        if (wrong != nullptr) *wrong = {std::string(received.text()), 0, error.what()};
    }
    return std::nullopt;
}

/// Gives the messages of a socket to typed handlers by one of their fields:
/// `{"ModeCode":"message","msg":...}` goes to the handler of `"message"`, which gets the content of `msg` as
/// the type that it asked for.
///
/// A message that is not a JSON object, has no such fields, or has another content than its handler asked
/// for, is reported as the event `malformed` of the socket. A kind that has no handler goes to the one of
/// `otherwise`, if any.
///
/// Copies share their handlers. Not thread-safe: add the handlers before the socket starts, or on its strand.
class json_router {
public:
    /// The names of the fields that hold the kind and the content.
    explicit json_router(std::string kind_field = "ModeCode", std::string content_field = "msg")
        : table_(std::make_shared<table>(table{std::move(kind_field), std::move(content_field), {}, {}})) {}

    /// Calls `handler(Content const&)` for messages of this kind. `Content` is `nlohmann::json` or any type
    /// that `nlohmann::json::get` can make. An earlier handler of the same kind is replaced.
    template <class Content = nlohmann::json, class Handler>
    json_router& on(std::string kind, Handler handler) {
        table_->handlers[std::move(kind)] =
            [handler =
                 std::move(handler)](nlohmann::json const& content) mutable -> std::optional<std::string> {
            if (!detail::holds<Content>(content))
                return "expected a whole number within the range of its type";
            std::optional<Content> value;
            try {
                value.emplace(content.get<Content>());
            } catch (nlohmann::json::exception const& error) {
                return error.what();
            }
            handler(std::as_const(*value));
            return std::nullopt;
        };
        return *this;
    }

    /// Calls `handler(nlohmann::json const&)` with the whole of each message whose kind has no handler.
    template <class Handler>
    json_router& otherwise(Handler handler) {
        table_->otherwise = std::move(handler);
        return *this;
    }

    /// Routes one message. Gives what is wrong with it, if anything. Throws what the handler throws.
    std::optional<malformed> operator()(message const& received) const {
        malformed wrong;
        auto const document = parse_json(received, &wrong);
        if (!document) return wrong;
        auto const& [kind_field, content_field, handlers, otherwise] = *table_;
        auto const report = [&](std::string what) {
            return malformed{std::string(received.text()), 0, std::move(what)};
        };
        if (!document->is_object()) return report("expected a JSON object");
        auto const kind = document->find(kind_field);
        if (kind == document->end() || !kind->is_string())
            return report("expected a text in field " + kind_field);
        auto const handler = handlers.find(kind->get<std::string>());
        if (handler == handlers.end()) {
            if (otherwise) otherwise(*document);
            return std::nullopt;
        }
        auto const content = document->find(content_field);
        if (content == document->end()) return report("expected a field " + content_field);
        if (auto const wrong_type = handler->second(*content))
            return report("field " + content_field + ": " + *wrong_type);
        return std::nullopt;
    }

    /// Routes all messages of a socket from now on.
    template <class Socket>
    connection attach(Socket& socket) const {
        return socket.template on<message>(
            [emit = socket.emitter(), router = *this](message const& received) {
                if (auto const wrong = router(received)) emit(*wrong);
            });
    }

private:
    struct table {
        std::string kind_field;
        std::string content_field;
        std::map<std::string, std::function<std::optional<std::string>(nlohmann::json const&)>> handlers;
        std::function<void(nlohmann::json const&)> otherwise;
    };

    std::shared_ptr<table> table_;
};

}  // namespace heartbeat
