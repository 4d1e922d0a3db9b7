// The story that the tests tell on both databases: one text, a fresh database for each.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include <undrop/undrop.hpp>

#include "support/database.hpp"
#include "support/witness.hpp"

// A test case on PostgreSQL and one on SQLite, with the same text: ON_BOTH("name") { ... db ... }
#define ON_BOTH_AS(function, name)                                                                               \
    static void function(undrop::test::Database& db);                                                            \
    TEST_CASE(name " (PostgreSQL)") { function(*undrop::test::Database::make(undrop::test::Engine::postgres)); } \
    TEST_CASE(name " (SQLite)") { function(*undrop::test::Database::make(undrop::test::Engine::sqlite)); }       \
    static void function([[maybe_unused]] undrop::test::Database& db)
#define ON_BOTH(name) ON_BOTH_AS(DOCTEST_ANONYMOUS(on_both_), name)
#define ON_ONE_AS(function, name, which)                                \
    static void function(undrop::test::Database& db);                   \
    TEST_CASE(name) { function(*undrop::test::Database::make(which)); } \
    static void function([[maybe_unused]] undrop::test::Database& db)
#define ON_POSTGRES(name) ON_ONE_AS(DOCTEST_ANONYMOUS(on_postgres_), name, undrop::test::Engine::postgres)
#define ON_SQLITE(name) ON_ONE_AS(DOCTEST_ANONYMOUS(on_sqlite_), name, undrop::test::Engine::sqlite)

namespace undrop::test {

// Migrations for a test, in the order given: 1, 2, 3 ...
struct Scripts {
    std::string up;
    std::optional<std::string> down = {};
    std::optional<std::string> check = {};
    std::optional<std::string> down_check = {};
};
[[nodiscard]] Source source_of(std::vector<Scripts> const& scripts);

// Plan, approve and apply, on a connection of its own, as the command line does. An error fails the test with its text.
[[nodiscard]] Report up(Database& db, Source const& source, Options const& options = {});
[[nodiscard]] Report down(Database& db, Source const& source, Options const& options = {}, Range const& range = {});
// The same where an error is expected; a success fails the test.
[[nodiscard]] Error up_error(Database& db, Source const& source, Options const& options = {});
[[nodiscard]] Error down_error(Database& db, Source const& source, Options const& options = {}, Range const& range = {});

[[nodiscard]] Saved saved(StepReport const& step, std::string const& what);  // fails the test if it is not there
[[nodiscard]] Merged merged(StepReport const& step, std::string const& what);
[[nodiscard]] bool mentions(std::vector<std::string> const& texts, std::string const& part);
[[nodiscard]] std::string text_of(Report const& report);

void check_same(Witness const& before, Witness const& now);         // definitions and rows
void check_same_schema(Witness const& before, Witness const& now);  // definitions
void check_unchanged(Witness const& before, Witness const& now);    // also the order of columns
void check_same_text(std::string const& before, std::string const& now);

// request_participants with its enum (or CHECK), default, index, view and trigger, and so many rows.
class Participants {
public:
    explicit Participants(Database& db, std::int64_t rows = 100'000);

    // Drops the column as people write it: what stands in the way first.
    [[nodiscard]] std::string drop_role() const;
    [[nodiscard]] std::string what() const { return db_.named("request_participants.role"); }
    // The application after the drop: 1,000 new rows, 500 deleted, 300 updated; fewer where there are fewer rows.
    void application_writes();
    // Every column but role.
    [[nodiscard]] std::string others() const;
    // Surviving rows whose role is not the one that they were born with.
    [[nodiscard]] std::int64_t wrong_roles() const;
    // New rows that have the default.
    [[nodiscard]] std::int64_t new_with_default() const;
    [[nodiscard]] std::int64_t rows() const { return rows_; }
    [[nodiscard]] std::int64_t inserted() const { return rows_ / 100; }
    [[nodiscard]] std::int64_t deleted() const { return rows_ / 200; }

private:
    Database& db_;
    std::int64_t rows_;
};

// SQL: the rows numbered by `id` from `first` to `last`, as a FROM item with the one column n.
[[nodiscard]] std::string numbers(Database const& db, std::int64_t first, std::int64_t last);

}  // namespace undrop::test
