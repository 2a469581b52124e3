// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <vector>

/// What the application answers when it is asked where to connect, in the mood that the world is in.
class preparer {
public:
    explicit preparer(world& around) : world_(around) {}

    /// Asked for a socket of this generation.
    void answer(std::uint64_t generation, hb::preparation what, hb::prepare_handler const& done);

private:
    void fail(hb::prepared use, hb::prepare_handler const& done);
    void work(hb::prepared use, hb::prepare_handler const& done);
    void answer_after(hb::duration delay, hb::prepared use, hb::prepare_handler const& done);

    world& world_;
    /// What was never answered; perhaps it is when it is too late.
    std::vector<hb::prepare_handler> unanswered_;
};
