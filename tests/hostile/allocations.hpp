// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

/// Counts the bytes that this program takes with operator new, where it is asked to.
namespace allocations {

/// False under sanitizers, which have an operator new of their own; then all counts are 0.
bool are_counted() noexcept;

/// Bytes that were allocated while counting and not freed yet.
std::size_t live() noexcept;

/// The most that `live` has been since the last `restart_peak`.
std::size_t peak() noexcept;
void restart_peak() noexcept;

/// While one lives, what this thread allocates is counted, or is not; then as before. What was counted when
/// it was allocated counts as freed wherever that happens.
class [[nodiscard]] scope {
public:
    explicit scope(bool counting) noexcept;
    ~scope();
    scope(scope const&) = delete;
    scope& operator=(scope const&) = delete;

private:
    bool before_;
};

}  // namespace allocations
