// SPDX-License-Identifier: BSL-1.0
#pragma once

// Everything of the library but TLS and its headers for tests.

#include <heartbeat/dial_budget.hpp>
#include <heartbeat/error.hpp>
#include <heartbeat/event_bus.hpp>
#include <heartbeat/events.hpp>
#include <heartbeat/heartbeat_socket.hpp>
#include <heartbeat/http_header.hpp>
#include <heartbeat/io_thread.hpp>
#include <heartbeat/json.hpp>
#include <heartbeat/message.hpp>
#include <heartbeat/options.hpp>
#include <heartbeat/options_error.hpp>
#include <heartbeat/prepare.hpp>
#include <heartbeat/protocols/mode_code.hpp>
#include <heartbeat/protocols/ping_frame.hpp>
#include <heartbeat/protocols/protocol.hpp>
#include <heartbeat/reason.hpp>
#include <heartbeat/request_options.hpp>
#include <heartbeat/state.hpp>
#include <heartbeat/stats.hpp>
#include <heartbeat/url.hpp>
#include <heartbeat/verdict.hpp>
