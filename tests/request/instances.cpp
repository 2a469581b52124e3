// SPDX-License-Identifier: BSL-1.0
#include "world.hpp"

template class hb::detail::connection<hb::ping_frame, hb::any_stream, hb::manual_clock>;
