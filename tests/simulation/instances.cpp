// SPDX-License-Identifier: BSL-1.0
#include "world.hpp"

template class hb::detail::connection<hb::mode_code, hb::simulated_stream, hb::manual_clock>;
template class hb::detail::echo_session<hb::simulated_stream, hb::manual_clock>;
