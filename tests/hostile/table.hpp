// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "scenario.hpp"

#include <string>
#include <vector>

/// The expectations as a table in Markdown.
std::string markdown(std::vector<scenario> const& rows);
