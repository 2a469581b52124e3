// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

/// What happens to the network and the server, as the dice choose.
class fate {
public:
    explicit fate(world& around) : world_(around) {}

    /// Lets something happen.
    void strike();
    /// Ends all troubles: the server can be reached, and answers.
    void heal();

private:
    void strike_connections(stimulus what);
    void strike_server(stimulus what);
    void strike_attempts(stimulus what);
    void prepare(mood how);
    void refuse_upgrades(hb::upgrade_refusal how);
    void look_up(hb::lookup_result result);
    void set_weather();
    void tell();

    world& world_;
    bool frozen_ = false;
    bool refusing_ = false;
    bool swallowing_ = false;
    bool wrong_ = false;
    bool refusing_upgrades_ = false;
    hb::lookup_result lookups_ = hb::lookup_result::found;
};
