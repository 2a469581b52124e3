// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/answer_handler.hpp>
#include <heartbeat/reason.hpp>
#include <heartbeat/request_options.hpp>

#include <functional>
#include <string>

namespace heartbeat {

class tls_provider;

/// Where an attempt connects, and what it says there.
struct prepared {
    /// Empty: the one in `preparation::current`.
    std::string url = {};
    request_options request = {};
    /// For `wss`: what `heartbeat::tls` makes, such as one with a new client certificate. Null: the one in
    /// `preparation::current`. Sessions are resumed with the same one only, so give a new one when something
    /// has changed, not for each attempt.
    std::shared_ptr<tls_provider const> tls = {};
};

/// What `options::prepare` is told about the coming attempt.
struct preparation {
    /// The number of the attempt since the last link was stable, from 1.
    unsigned attempt = 0;
    /// Why the last link or attempt of this run ended; without a cause if there was none.
    reason last = {};
    /// New credentials are wanted: by default since the server refused the last; and until some were made.
    bool refresh = false;
    /// What the last attempt of this run was given, or else what the options say: change what has to change,
    /// and give it back.
    prepared current = {};
};

/// Takes the answer to `options::prepare`, see `answer_handler`. With an error the attempt fails with
/// `errc::prepare_failed`.
using prepare_handler = answer_handler<prepared>;

namespace detail {

using prepare_result = answer<prepared>;

}  // namespace detail

/// Called on the socket's strand before each attempt.
using prepare_function = std::function<void(preparation, prepare_handler)>;

}  // namespace heartbeat
