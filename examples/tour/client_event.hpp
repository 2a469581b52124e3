// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../common/terminal.hpp"
#include "stage.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <string>

/// An event that the client has printed.
class client_event {
public:
    client_event() = default;

    static client_event parse(std::string const& line) {
        client_event event;
        event.fields_ = nlohmann::json::parse(line, nullptr, false);
        if (!event.fields_.is_object() || !event.fields_.contains("event") || !event.fields_.contains("time"))
            throw step_failed("the client printed what is no event: " + line);
        return event;
    }

    bool is(char const* name) const { return fields_.at("event") == name; }
    bool is(char const* name, char const* cause) const {
        return is(name) && fields_.at("reason").at("cause") == cause;
    }

    nlohmann::json const& at(char const* field) const { return fields_.at(field); }

    /// False for what would only say twice what another event says.
    bool is_shown() const {
        if (is("state_changed")) return at("to") == "connecting" || at("to") == "closing";
        return !is("status");
    }

    color shown_in() const {
        if (is("opened")) return color::green;
        if (is("closed") || is("attempt_failed") || is("undelivered")) return color::red;
        if (is("suspected") || is("waiting")) return color::yellow;
        return color::cyan;
    }

    std::string text() const {
        std::string const name = at("event");
        if (is("opened"))
            return "opened, session " + at("session").dump() +
                   (at("reconnected") == true ? ", " + seconds("downtime") + " without a link" : "");
        if (is("closed")) return "closed: " + why("reason");
        if (is("attempt_failed")) return "attempt failed: " + why("reason");
        if (is("stopped")) return "stopped: " + why("reason");
        if (is("message")) return "message " + fields_.value("msg", nlohmann::json(at("text"))).dump();
        if (is("beat")) return "heartbeat answered after " + seconds("round_trip");
        if (is("suspected")) return "suspects that the server is dead: silent for " + seconds("silence");
        if (is("waiting")) return "dials again in " + seconds("delay");
        if (is("state_changed")) return std::string(at("to"));
        return name;
    }

private:
    std::string why(char const* field) const { return at(field).at("text"); }

    std::string seconds(char const* field) const {
        char text[32];
        std::snprintf(text, sizeof text, "%.4f s", at(field).get<double>());
        return text;
    }

    nlohmann::json fields_;
};
