// The second witness: each case's schema, dumped, made anew from the dump, and compared. In parts, so that they run side by side.
#include <doctest/doctest.h>

#include "cases/case.hpp"
#include "schema/rebuilt.hpp"

namespace undrop::test {
namespace {

// One database for many cases: making one takes longer than all else.
void empty(Database& db) { db.run("drop owned by current_user cascade"); }

void check_part(Engine engine, std::size_t part, std::size_t parts) {
    auto const cases = read_cases(UNDROP_TEST_SOURCE_DIR "/tests/cases");
    auto side = std::make_unique<Side>(engine);
    auto copy = std::make_unique<Side>(engine);
    std::size_t number = 0;
    for (auto const& one : cases) {
        if (std::find(one.engines.begin(), one.engines.end(), engine) == one.engines.end() || number++ % parts != part) continue;
        CAPTURE(one.name);
        side->db->run(one.text("schema", engine));
        check_rebuilt(*side->db, side->target, *copy);
        auto const of_others = one.name.starts_with("postgres/owner/");  // which DROP OWNED leaves there
        if (engine == Engine::postgres && !of_others) {
            empty(*side->db);
            empty(*copy->db);
        } else {
            side = std::make_unique<Side>(engine);
            copy = std::make_unique<Side>(engine);
        }
    }
    CHECK_GT(number, 10 * parts);
}

}  // namespace
}  // namespace undrop::test

using undrop::test::check_part;
using undrop::test::Engine;

TEST_CASE("a database made from the dump of each case's schema is the same, part 1 of 6 (PostgreSQL)") {
    check_part(Engine::postgres, 0, 6);
}
TEST_CASE("a database made from the dump of each case's schema is the same, part 2 of 6 (PostgreSQL)") {
    check_part(Engine::postgres, 1, 6);
}
TEST_CASE("a database made from the dump of each case's schema is the same, part 3 of 6 (PostgreSQL)") {
    check_part(Engine::postgres, 2, 6);
}
TEST_CASE("a database made from the dump of each case's schema is the same, part 4 of 6 (PostgreSQL)") {
    check_part(Engine::postgres, 3, 6);
}
TEST_CASE("a database made from the dump of each case's schema is the same, part 5 of 6 (PostgreSQL)") {
    check_part(Engine::postgres, 4, 6);
}
TEST_CASE("a database made from the dump of each case's schema is the same, part 6 of 6 (PostgreSQL)") {
    check_part(Engine::postgres, 5, 6);
}
TEST_CASE("a database made from the dump of each case's schema is the same (SQLite)") { check_part(Engine::sqlite, 0, 1); }
