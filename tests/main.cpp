// SPDX-License-Identifier: BSL-1.0

// Asks version 2 of Catch2 for its implementation; version 3 has it in a library and ignores this.
#define CATCH_CONFIG_RUNNER
#include "catch.hpp"

int main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
