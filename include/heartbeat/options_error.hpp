// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace heartbeat {

/// An option that makes no sense. `what()` names the field, its value and what was expected.
class options_error : public std::invalid_argument {
public:
    options_error(std::string field, std::string value, std::string const& expected)
        : std::invalid_argument("heartbeat::options: " + field + " is " + value + ", expected " + expected),
          field_(std::move(field)),
          value_(std::move(value)) {}

    /// The field as written in code, like `heartbeat.timeout`.
    std::string const& field() const noexcept { return field_; }
    /// The value as text; durations in milliseconds.
    std::string const& value() const noexcept { return value_; }

private:
    std::string field_;
    std::string value_;
};

}  // namespace heartbeat
