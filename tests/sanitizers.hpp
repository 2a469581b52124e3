// SPDX-License-Identifier: BSL-1.0
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEARTBEAT_TEST_ADDRESS_SANITIZER
#endif
#endif

/// The address sanitizer, and beside it that of undefined behaviour, which opens pipes to look at objects:
/// with it no test can take all descriptors away.
#if defined(HEARTBEAT_TEST_ADDRESS_SANITIZER) || defined(__SANITIZE_ADDRESS__)
constexpr bool needs_descriptors = true;
#else
constexpr bool needs_descriptors = false;
#endif
