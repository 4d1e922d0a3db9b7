#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_CONSOLE_WIDTH 1000  // rows and commands are printed in one piece
#include <catch2/catch.hpp>

#include <undrop/testing.hpp>

#include "where.hpp"

TEST_CASE("all migrations are reversible") {
    auto const source = undrop::Source::directory(migrations()).value();
    CHECK(undrop::testing::reversible(source, test_database()));
}
