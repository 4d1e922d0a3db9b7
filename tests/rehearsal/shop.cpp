// The shop of examples/shop: twelve tables, 50,000 rows, and twelve migrations with the down scripts that people write.
#include <fstream>
#include <map>

#include "rehearsal/rehearsal.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

std::string const folder = std::string(UNDROP_TEST_SOURCE_DIR) + "/examples/shop/";

std::string text_of_file(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

void open_shop(Database& db) { db.run(text_of_file(folder + db.either("postgresql.sql", "sqlite.sql"))); }
Source migrations(Database& db) { return Source::directory(folder + db.either("postgresql", "sqlite")).value(); }

Rehearsed const& of(Evidence const& evidence, std::string const& version) {
    for (auto const& one : evidence.migrations)
        if (one.version == version) return one;
    FAIL("not rehearsed: " << version);
    throw std::logic_error(version);
}

}  // namespace

ON_BOTH("the shop has twelve tables and 50,000 rows, the same ones each time") {
    open_shop(db);
    auto const tables = {"customers",    "addresses", "categories",  "suppliers", "manufacturers", "products",
                         "product_tags", "orders",    "order_lines", "payments",  "reviews",       "page_log"};
    std::int64_t rows = 0;
    for (auto const* table : tables) rows += db.count(std::string("select count(*) from ") + table);
    CHECK(rows == 50'000);
    CHECK(db.count("select sum(total) from orders") == 180'210'000);
}

ON_BOTH("each of the shop's twelve migrations gets the grade that its author's down deserves") {
    open_shop(db);
    auto const before = witness(db);
    auto const evidence = rehearsed(db, migrations(db), {.data = {.mode = DataMode::full}});
    check_unchanged(before, witness(db));
    INFO(text_of(evidence));

    std::map<std::string, std::string> grades;
    for (auto const& one : evidence.migrations) grades[one.version] = name_of(one.grade);
    std::map<std::string, std::string> wanted{{"1", "exact with snapshot"},
                                              {"2", "exact with snapshot"},
                                              {"3", "exact with snapshot"},
                                              {"4", "exact with snapshot"},
                                              {"6", "exact with snapshot"},
                                              {"7", "down broken"},
                                              {"9", "exact with snapshot"},
                                              {"10", "exact"},
                                              {"12", "lossy"}};
    if (db.postgres()) {
        wanted["5"] = "down broken";
        wanted["11"] = "exact";
    } else {
        wanted["8"] = "exact";
    }
    CHECK(grades == wanted);
    CHECK(evidence.not_reached.empty());
    CHECK_FALSE(evidence.exact());

    // The first forgets an index, the fourth says nothing, the tenth drops what was only replaced.
    CHECK(has(of(evidence, "1").because, "put back 1715 of " + db.named("customers.phone")));
    CHECK(has(of(evidence, "1").because, "index " + db.either("public.customers.customers_phone", "customers_phone")));
    CHECK(has(of(evidence, "2").because, "put back 20 of " + db.named("customers.name")));
    CHECK(of(evidence, "4").because.starts_with("derived; put back "));
    CHECK(has(of(evidence, "4").because, "60 of " + db.named("suppliers")));
    CHECK(has(of(evidence, "10").because, "mended "));
    CHECK_FALSE(has(of(evidence, "10").because, "put back"));
    // Writers stop for as long as here, where the rows are the target's own.
    CHECK(of(evidence, "1").up.rows_saved == 2000);
    CHECK(of(evidence, "1").up.bytes_saved > 0);
    CHECK(of(evidence, "1").up.writers_stop >= 0);
    CHECK(of(evidence, "1").up.assumption.empty());
    // What undrop would do where the script fails.
    for (auto const* version : {"5", "7"})
        if (grades.contains(version))
            CHECK(
                of(evidence, version).derived.starts_with(std::string(version) == "5" ? "exact (derived" : "exact with snapshot (derived"));
    CHECK(of(evidence, "7").where.line == 2);
    CHECK_FALSE(of(evidence, "7").native.empty());
    // What was let go is named.
    CHECK(of(evidence, "12").rows_differing == 2860);
    CHECK(has(of(evidence, "12").reason, "`-- undrop: lose`: " + db.named("page_log")));
}

ON_BOTH("where a lossy way back is accepted, a down that fails is still no good") {
    open_shop(db);
    auto source = migrations(db);
    auto const broken = [](Migration const& m) { return m.version == "5" || m.version == "7"; };
    auto const all = rehearsed(db, source, {.data = {.mode = DataMode::full}, .writes = false, .accept = Grade::lossy});
    CHECK_FALSE(all.good());
    std::erase_if(source.migrations, broken);
    auto const some = rehearsed(db, source, {.data = {.mode = DataMode::full}, .writes = false, .accept = Grade::lossy});
    CHECK_MESSAGE(some.good(), text_of(some));
    CHECK_FALSE(some.exact());
    CHECK(text_of(some).ends_with("\nGO\n"));
}
