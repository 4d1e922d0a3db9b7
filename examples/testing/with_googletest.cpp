#include <gtest/gtest.h>

#include <undrop/testing.hpp>

#include "where.hpp"

TEST(Migrations, AreReversible) {
    auto const source = undrop::Source::directory(migrations()).value();
    auto const verdict = undrop::testing::reversible(source, test_database());
    EXPECT_TRUE(verdict) << verdict;
}
