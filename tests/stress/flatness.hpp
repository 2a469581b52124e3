// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../hostile/allocations.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace stress {

/// What the program holds at one moment.
struct holdings {
    std::size_t live = 0;
    std::size_t resident = 0;
    std::size_t descriptors = 0;
};

inline holdings look() {
    holdings now;
    // First, for what follows allocates itself.
    now.live = allocations::live();
    std::size_t total = 0;
    std::ifstream("/proc/self/statm") >> total >> now.resident;
    now.resident *= static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    // Without pipes: a sanitizer starts its symbolizer behind two whenever it wants to know where something
    // is.
    std::error_code gone;
    for (auto const& each : std::filesystem::directory_iterator("/proc/self/fd"))
        if (!std::filesystem::is_fifo(each.status(gone))) ++now.descriptors;
    return now;
}

/// Tells whether a figure grows, from samples at points that are alike. The first quarter is for warming up;
/// the medians of the second and of the last are compared, so that single outliers do not count.
class growth {
public:
    growth(std::span<holdings const> samples, std::size_t holdings::*figure)
        : earlier_(median(samples, figure, 1)), later_(median(samples, figure, 3)) {}

    std::size_t earlier() const noexcept { return earlier_; }
    std::size_t later() const noexcept { return later_; }
    bool exceeds(double share) const noexcept {
        return static_cast<double>(later_) > static_cast<double>(earlier_) * (1 + share);
    }

private:
    static std::size_t median(std::span<holdings const> samples, std::size_t holdings::*figure,
                              std::size_t quarter) {
        std::vector<std::size_t> values;
        for (auto index = samples.size() * quarter / 4; index < samples.size() * (quarter + 1) / 4; ++index)
            values.push_back(samples[index].*figure);
        if (values.empty()) return 0;
        auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        return *middle;
    }

    std::size_t earlier_;
    std::size_t later_;
};

}  // namespace stress
