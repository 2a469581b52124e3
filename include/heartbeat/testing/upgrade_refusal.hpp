// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace heartbeat {

/// How an echo server answers upgrade requests that it does not accept.
struct upgrade_refusal {
    /// The HTTP status, 300 to 599; 0 accepts.
    unsigned status = 0;
    /// `Retry-After`, if it is above 0.
    std::chrono::seconds retry_after = {};
    /// `Location`, if it is not empty. Requests for this target itself, such as "/elsewhere", are accepted.
    std::string location = {};

    bool applies_to(std::string_view target) const noexcept {
        return status != 0 && (location.empty() || target != location);
    }
};

namespace detail {

/// The answer that says so. The connection ends with it.
inline boost::beast::http::response<boost::beast::http::empty_body> answer_of(
    upgrade_refusal const& refusal) {
    using boost::beast::http::field;
    boost::beast::http::response<boost::beast::http::empty_body> answer(
        boost::beast::http::int_to_status(refusal.status), 11);
    if (refusal.retry_after > std::chrono::seconds{})
        answer.set(field::retry_after, std::to_string(refusal.retry_after.count()));
    if (!refusal.location.empty()) answer.set(field::location, refusal.location);
    answer.keep_alive(false);
    answer.prepare_payload();
    return answer;
}

}  // namespace detail
}  // namespace heartbeat
