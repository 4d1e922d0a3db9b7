#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <undrop/testing.hpp>

#include "where.hpp"

TEST_CASE("all migrations are reversible") {
    auto const source = undrop::Source::directory(migrations()).value();
    CHECK(undrop::testing::reversible(source, test_database()));
}
