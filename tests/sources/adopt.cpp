// Histories of other tools that do not fit the files: what adopt refuses, and what it takes when told to.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

using Files = std::vector<EmbeddedFile>;

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Result<Adoption> adopted(Database& db, Files const& files, AdoptWish const& wish, SourceWish source = {}) {
    source.dialect = db.either("postgresql", "sqlite");
    auto const read = Source::embedded(files, "here", source);
    REQUIRE_MESSAGE(read.has_value(), (read.has_value() ? "" : read.error().text()));
    auto target = Target::open(db.url()).value();
    return adopt(target, read.value(), wish);
}

std::string states(Result<Adoption> const& adoption) {
    REQUIRE_MESSAGE(adoption.has_value(), (adoption.has_value() ? "" : adoption.error().text()));
    std::string text;
    for (auto const& m : adoption.value().migrations)
        text += m.version.substr(0, m.version.find('.', 2)) + "=" + std::to_string(static_cast<int>(m.state)) + " ";
    return text;
}

Error refusal(Result<Adoption> const& adoption) {
    REQUIRE_FALSE(adoption.has_value());
    CHECK(adoption.error().code == Code::refused);
    CHECK(adoption.error().left == Left::untouched);
    CHECK_FALSE(adoption.error().next.advice.empty());
    return adoption.error();
}

// `row`: what the tool's table gets then.
void takes_until(Database& db, Files const& files, char const* tool, char const* taken, std::string const& row, char const* refused) {
    CHECK(states(adopted(db, files, {.from = tool, .dry_run = true})) == taken);
    db.run("insert into " + row);
    CHECK(has(refusal(adopted(db, files, {.from = tool})).message, refused));
}

// A table as Flyway makes it.
void flyway_has(Database& db, std::string const& rows) {
    db.run(
        "create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200), type "
        "varchar(20), script varchar(1000), checksum int, success boolean not null)");
    db.run("insert into flyway_schema_history values " + rows);
}

}  // namespace

ON_BOTH("adopt refuses a history with versions that the directory has not: another branch's, unless they are to be left out") {
    db.run("create table goose_db_version (id integer primary key, version_id bigint not null, is_applied boolean not null, tstamp text)");
    db.run("insert into goose_db_version values (1, 0, true, ''), (2, 1, true, ''), (3, 7, true, ''), (4, 8, true, '')");
    Files const files = {{"00001_a.sql", "-- +goose Up\ncreate table t (i int);\n"},
                         {"00002_b.sql", "-- +goose Up\ncreate table u (i int);\n"}};
    auto const before = witness(db);
    auto const error = refusal(adopted(db, files, {.from = "goose"}));
    CHECK_MESSAGE(has(error.message, "goose_db_version has 7, 8, and here has no file of them"), error.text());
    CHECK(has(error.next.advice, "--skip-missing"));
    CHECK_FALSE(adopted(db, files, {.from = "goose", .dry_run = true}).has_value());
    check_same(before, witness(db));
    CHECK(states(adopted(db, files, {.from = "goose", .skip_missing = true})) == "00001=0 00002=2 7=3 8=3 ");
    check_same(before, witness(db));
}

ON_BOTH("adopt --from golang-migrate at a version without a file is refused, too") {
    db.run(
        "create table schema_migrations (version bigint not null, dirty boolean not null); insert into schema_migrations values (5, "
        "false)");
    Files const files = {{"1_a.up.sql", "select 1;"}, {"6_b.up.sql", "select 1;"}};
    CHECK(has(refusal(adopted(db, files, {.from = "golang-migrate"})).message, "its first is 5"));
}

ON_BOTH("adopt --from flyway refuses a file that is not the one that was applied") {
    // Flyway's checksum is over the lines without their ends, and without a BOM.
    flyway_has(db, "(1, '1', 'a', 'SQL', 'V1__a.sql', 741604770, true), (2, '2', 'b', 'SQL', 'V2__b.sql', 1000176051, true)");
    std::string const text = "create table t (i int);\n-- two lines\n";
    auto const files = [](std::string const& first) {
        static std::string kept;
        kept = first;
        return Files{{"V1__a.sql", kept}, {"V2__b.sql", "insert into t values (${n});\n"}};
    };
    for (auto const& same : {text, "\xEF\xBB\xBF" + text, std::string("create table t (i int);\r\n-- two lines"), text + "\n\n"})
        CHECK(states(adopted(db, files(same), {.from = "flyway", .dry_run = true}, {.set = {{"n", "1"}}})) == "1=0 2=0 ");
    auto const error = refusal(adopted(db, files(text + "-- more"), {.from = "flyway"}, {.set = {{"n", "1"}}}));
    CHECK_MESSAGE(has(error.message, "1 a is not what was applied"), error.text());
    CHECK(has(error.message, "741604770"));
    CHECK(error.where.file == "V1__a.sql");
    CHECK(has(error.next.advice, "flyway repair"));
}

ON_BOTH("adopt --from flyway takes repeatable migrations whose text is the one that ran last") {
    flyway_has(
        db,
        "(1, null, '<< Flyway Schema Creation >>', 'SCHEMA', '', null, true), (2, '1', 'a', 'SQL', '', null, true), "
        "(3, null, 'the view', 'SQL', 'R__the_view.sql', 1, true), (4, null, 'the view', 'SQL', 'R__the_view.sql', 1162272679, true), "
        "(5, null, 'w', 'SQL', 'R__w.sql', 1726708716, true)");
    Files files = {{"V1__a.sql", "select 1;"},
                   {"R__the_view.sql", "create view v as select 1 as c;\n"},
                   {"R__w.sql", "create view w as select ${n} as c;\n"}};
    CHECK(states(adopted(db, files, {.from = "flyway", .dry_run = true}, {.set = {{"n", "5"}}})) == "1=0 R.the_view=0 R.w=0 ");
    files[1].text = "create view v as select 2 as c;\n";
    CHECK(states(adopted(db, files, {.from = "flyway", .dry_run = true}, {.set = {{"n", "5"}}})) == "1=0 R.the_view=2 R.w=0 ");
    files.pop_back();
    CHECK(has(refusal(adopted(db, files, {.from = "flyway"})).message, " has w, "));
}

ON_BOTH("adopt --from flyway takes all up to a baseline, also one that a B file made") {
    flyway_has(
        db,
        "(1, '1', 'base', 'BASELINE', '<< Flyway Baseline >>', null, true), (2, '3', 'all', 'SQL_BASELINE', 'B3__all.sql', 9, true), "
        "(3, '4', 'd', 'SQL', 'V4__d.sql', 0, true)");
    Files const files = {{"V1__a.sql", "x"},   {"V2__b.sql", "x"}, {"V3__c.sql", "x"},
                         {"B3__all.sql", "y"}, {"V4__d.sql", ""},  {"V5__e.sql", "x"}};
    takes_until(db, files, "flyway", "1=0 2=0 3=0 4=0 5=2 ", "flyway_schema_history values (4, '5', 'e', 'SQL', 'V5__e.sql', 0, false)",
                "5 \"e\" failed");
}

// Digests are of "select 1;\n" and "select 2;\n", as `sha256sum` has them.
ON_BOTH("adopt --from prisma refuses a file that is not the one that was applied, however its lines end") {
    db.run(
        "create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null, migration_name varchar(255), "
        "finished_at text, rolled_back_at text, started_at text);"
        "insert into _prisma_migrations values ('a', '4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c', '20200101_a', "
        "'x', null, '1')");
    for (auto const* same : {"select 1;\n", "select 1;\r\n"})
        CHECK(states(adopted(db, {{"20200101_a/migration.sql", same}}, {.from = "prisma", .dry_run = true})) == "20200101_a=0 ");
    auto const error = refusal(adopted(db, {{"20200101_a/migration.sql", "select 2;\n"}}, {.from = "prisma"}));
    CHECK_MESSAGE(
        has(error.message,
            "20200101_a a is not what was applied: its checksum is ac4396cdee0295db27f816dc31134189999d0071663e618f4957bc23edb584d7"),
        error.text());
    CHECK(error.where.file == "20200101_a/migration.sql");
    CHECK(has(error.next.advice, "--at VERSION"));
}

ON_BOTH("adopt --from drizzle knows the files by their digests") {
    if (db.postgres()) db.run("create schema drizzle");
    auto const table = db.either("drizzle.__drizzle_migrations", "__drizzle_migrations");
    db.run("create table " + table + " (id integer primary key, hash text not null, created_at bigint); insert into " + table +
           " values (1, '4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c', 1700000000000)");
    std::string const journal = R"({"entries": [{"idx": 0, "tag": "0000_a"}, {"idx": 1, "tag": "0001_b"}]})";
    Files files = {{"meta/_journal.json", journal}, {"0000_a.sql", "select 1;\n"}, {"0001_b.sql", "select 2;\n"}};
    takes_until(db, files, "drizzle", "0000=0 0001=2 ", table + " values (2, 'fff0123456789fff', 1700000000001)",
                "a file of the digest fff012345678");
}

ON_BOTH("adopt --from sqlx takes what was finished, and refuses what was not") {
    db.run(
        "create table _sqlx_migrations (version bigint primary key, description text not null, installed_on text, success boolean not "
        "null, "
        "checksum text, execution_time bigint); insert into _sqlx_migrations values (20200101000000, 'a', '', true, '', 1)");
    Files const files = {{"20200101000000_a.sql", "select 1;"}, {"20200102000000_b.sql", "select 1;"}};
    takes_until(db, files, "sqlx", "20200101000000=0 20200102000000=2 ", "_sqlx_migrations values (20200102000000, 'b', '', false, '', 1)",
                "version 20200102000000 was begun and never finished");
}

ON_POSTGRES("adopt --from supabase reads the table in its own schema, whatever others have one of that name") {
    db.run(
        "create table schema_migrations (version text primary key); insert into schema_migrations values ('20190101000000');"
        "create schema supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key, statements "
        "text[], "
        "name text); insert into supabase_migrations.schema_migrations values ('20200101000000', '{}', 'a')");
    Files const files = {{"20200101000000_a.sql", "select 1;"}, {"20200102000000_b.sql", "select 1;"}};
    CHECK(states(adopted(db, files, {.from = "supabase", .dry_run = true}, {.format = "supabase"})) ==
          "20200101000000=0 20200102000000=2 ");
}
