// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/redirects.hpp>
#include <heartbeat/core/retry_after.hpp>
#include <heartbeat/http_header.hpp>
#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/reason.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/none.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace heartbeat::detail {

/// The answer to an upgrade request, read along while it comes in. The websocket tells of a refusal only when
/// its body is complete, up to 8 MiB of it, and nothing at all if it never is. This keeps the head and the
/// beginning of the body, and knows when there is enough of them.
class upgrade_answer {
public:
    /// As much of a refusal's body is read. Of what it says, people need no more.
    static constexpr std::size_t body_limit = 1024;

    static constexpr std::uint32_t header_limit = 8 * 1024;

    /// \param follows whether the head of a redirect is enough
    explicit upgrade_answer(bool follows = false) : follows_(follows) {
        parser_.eager(true);
        parser_.header_limit(header_limit);
        parser_.body_limit(boost::none);
        auto& body = parser_.get().body();
        body.data = body_.data();
        body.size = body_.size();
    }
    // The parser writes into the member.
    upgrade_answer(upgrade_answer const&) = delete;
    upgrade_answer& operator=(upgrade_answer const&) = delete;

    /// Takes what has come. Frames behind the answer are no part of it.
    void put(std::string_view bytes) {
        // Where a line ends, Beast's parser reckons with the address of no bytes.
        if (settled_ || bytes.empty()) return;
        unparsed_.append(bytes);
        error_code error;
        unparsed_.erase(0, parser_.put(asio::buffer(unparsed_), error));
        bool const goes_on = !error || error == beast::http::error::need_more;
        settled_ = !goes_on || parser_.is_done() || parser_.get().body().size == 0 || ends_in_chunks();
    }

    /// The head has come, and is a refusal.
    bool refused() const {
        return parser_.is_header_done() && status() != static_cast<unsigned>(switching_protocols);
    }
    /// What has come behind the head that accepts the upgrade: frames.
    std::string_view behind() const {
        return parser_.is_header_done() && !refused() ? std::string_view(unparsed_) : std::string_view();
    }
    /// Nothing that could come still changes what this says.
    bool settled() const noexcept {
        return settled_ || (follows_ && parser_.is_header_done() && is_redirect(status()));
    }

    unsigned status() const { return parser_.get().result_int(); }
    /// The values of all header fields of this name, with commas between them.
    std::string values(beast::http::field name) const {
        std::string all;
        auto const [first, last] = parser_.get().equal_range(name);
        for (auto field = first; field != last; ++field) {
            if (field != first) all += ", ";
            all.append(field->value().data(), field->value().size());
        }
        return all;
    }
    http_headers headers() const {
        http_headers all;
        for (auto const& field : parser_.get())
            all.push_back({std::string(field.name_string()), std::string(field.value())});
        return all;
    }
    /// How the body begins, without the framing of chunks.
    std::string_view body() const { return {body_.data(), body_.size() - parser_.get().body().size}; }

    /// What a refusal says, as the reason for which the attempt failed. What `Retry-After` means beside a
    /// status under 300 is not said anywhere (RFC 9110 section 10.2.3).
    ///
    /// \param longest as long at most is its `Retry-After` heeded
    reason explain(duration longest) const {
        using beast::http::field;
        auto const now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        auto const stay_away =
            status() < 300 ? duration{}
                           : retry_after(values(field::retry_after), values(field::date), now, longest);
        return {.cause = errc::upgrade_refused,
                .http_status = status(),
                .http_headers = headers(),
                .http_body = std::string(body()),
                .retry_after = stay_away,
                .evidence = beast::websocket::error::upgrade_declined};
    }

private:
    /// Where a body in chunks (RFC 9112 section 7.1) is read no further, since Beast's parsers must not: its
    /// last chunk has begun, whose few bytes they assert to come with others and whose trailers they do not
    /// limit; or the line that begins a chunk has no end.
    bool ends_in_chunks() const {
        if (!parser_.is_header_done() || !parser_.chunked()) return false;
        std::string_view rest = unparsed_;
        if (rest.starts_with("\r\n")) rest.remove_prefix(2);
        auto const zeros = rest.find_first_not_of('0');
        bool const is_last = zeros != 0 && zeros != std::string_view::npos &&
                             std::string_view("\r; \t").find(rest[zeros]) != std::string_view::npos;
        return is_last || rest.size() > header_limit;
    }

    static constexpr auto switching_protocols = beast::http::status::switching_protocols;

    std::array<char, body_limit> body_ = {};
    beast::http::response_parser<beast::http::buffer_body> parser_;
    std::string unparsed_;
    bool follows_ = false;
    bool settled_ = false;
};

}  // namespace heartbeat::detail
