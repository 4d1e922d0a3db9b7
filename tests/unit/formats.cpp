// Each layout of migrations: how its files are told, put together and ordered; what is refused, and where.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <undrop/source.hpp>

using namespace undrop;

namespace {

using Files = std::vector<EmbeddedFile>;

Source read(Files const& files, SourceWish const& wish = {}) {
    auto const source = Source::embedded(files, "here", wish);
    REQUIRE_MESSAGE(source.has_value(), (source.has_value() ? "" : source.error().text()));
    return source.value();
}

Error refused(Files const& files, SourceWish const& wish = {}) {
    auto const source = Source::embedded(files, "here", wish);
    REQUIRE_FALSE(source.has_value());
    CHECK(source.error().left == Left::untouched);
    CHECK_FALSE(source.error().next.advice.empty());
    return source.error();
}

std::string versions(Source const& source) {
    std::string text;
    for (auto const& m : source.migrations) text += (text.empty() ? "" : " ") + m.version;
    return text;
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

bool runs_apart(Script const& script) {
    auto const told = directives(script).value();
    return told.no_transaction && told.where_needed;
}

}  // namespace

TEST_CASE("pairs: sqlx's single files and marks, Authelia's names, dots in names") {
    auto const source = read({{"1_a.sql", "-- no-transaction\nvacuum"}, {"2_1.7.0_b.up.sql", "x"}, {"2_1.7.0_b.down.sql", "y"}});
    CHECK(source.format == "pairs");
    CHECK(versions(source) == "1 2");
    CHECK(runs_apart(source.migrations[0].up));
    CHECK(source.migrations[1].name == "1.7.0_b");
    CHECK(source.migrations[1].down->text == "y");
    auto const authelia = read({{"V0002.Web_Auth.up.sql", ""}, {"V0001.Initial.up.sql", ""}, {"V0001.Initial.down.sql", ""}});
    CHECK(versions(authelia) == "0001 0002");
    CHECK(authelia.migrations[1].name == "Web_Auth");
    CHECK(has(refused({{"1_a.sql", ""}, {"1_a.up.sql", ""}}).message, "two scripts"));
}

TEST_CASE("a transaction around a whole script is taken off, and places stay") {
    auto const source =
        read({{"1_a.up.sql", "-- a\nBEGIN;\ncreate table t (i int);\nCOMMIT;\n"}, {"1_a.down.sql", "begin; drop table t; rollback;"}});
    CHECK(source.migrations[0].up.text == "-- a\n      \ncreate table t (i int);\n       \n");
    CHECK(source.migrations[0].down->text == "begin; drop table t; rollback;");  // that would do nothing: the plan refuses it
    auto const two = read({{"1_a.up.sql", "begin; x; commit; begin; y; commit;"}});
    CHECK(two.migrations[0].up.text == "       x;                y;        ");
    for (auto const* text : {"begin; x", "x; commit;", "begin; begin; x; commit; commit;", "begin; x; rollback;",
                             "begin isolation level serializable; x; commit;"})
        CHECK(read({{"1_a.up.sql", text}}).migrations[0].up.text == text);                    // the plan refuses these
    CHECK(read({{"1.do.a.sql", "x;\ncommit;\n"}}).migrations[0].up.text == "x;\n       \n");  // the database only warns of it
}

TEST_CASE("maragudk: numbers that are shared make whole names the versions") {
    Files const files = {
        {"0000_x.up.sql", ""}, {"0000_y.up.sql", ""}, {"0001_b.up.sql", ""}, {"0001_a.up.sql", ""}, {"0001_a.down.sql", "d"}};
    auto const source = read(files);
    CHECK(source.format == "maragudk");
    CHECK(versions(source) == "0000_x 0000_y 0001_a 0001_b");
    CHECK(source.migrations[2].name == "a");
    CHECK(source.migrations[2].down->text == "d");
    // One number that is there twice is a slip of two branches.
    CHECK(has(refused({{"1_a.up.sql", ""}, {"1_b.up.sql", ""}, {"2_c.up.sql", ""}}).next.advice, "--source-format maragudk"));
    CHECK(versions(read({{"1_a.up.sql", ""}, {"1_b.up.sql", ""}}, {.format = "maragudk"})) == "1_a 1_b");
}

TEST_CASE("diesel: folders, dashes in versions, metadata.toml") {
    auto const source = read({{"2018-01-14-171611_make/up.sql", "u"},
                              {"2018-01-14-171611_make/down.sql", "d"},
                              {"00000000000000_diesel_initial_setup/up.sql", ""},
                              {"2026-07-30-140000-0000_index/up.sql", "create index concurrently i on t (a)"},
                              {"2026-07-30-140000-0000_index/metadata.toml", "run_in_transaction = false # slow\n"},
                              {"2026-08-01-100000_last/up.sql", ""},
                              {"2024-03-13_170000_cascade/up.sql", ""},
                              {"data.sql", "not a migration"}});
    CHECK(source.format == "diesel");
    CHECK(versions(source) == "00000000000000 20180114171611 20240313 202607301400000000 20260801100000");
    CHECK(source.migrations[1].name == "make");
    CHECK(source.migrations[1].down->text == "d");
    CHECK(runs_apart(source.migrations[3].up));
    CHECK_FALSE(runs_apart(source.migrations[1].up));
    CHECK(refused({{"1_a/up.sql", ""}, {"1_a/dwon.sql", ""}}).where.file == "1_a/dwon.sql");
    CHECK(has(refused({{"1_a/up.sql", ""}, {"2_b/down.sql", ""}}).message, "no up script"));
}

TEST_CASE("hasura: folders by milliseconds") {
    auto const source = read({{"1595524527514_teams/up.sql", "u"}, {"1595524527514_teams/down.sql", "d"}});
    CHECK(source.format == "hasura");
    CHECK(versions(source) == "1595524527514");
}

TEST_CASE("goose: one file for both ways, and its marks") {
    auto const source =
        read({{"00002_b.sql", "-- +goose NO TRANSACTION\n-- +goose Up\ncreate index concurrently i on t (a);\n"},
              {"00001_a.sql",
               "-- undrop: lose t.a\n-- +goose Up\n-- +goose StatementBegin\ncreate function f() returns int as $$ select 1; $$ "
               "language sql\n-- +goose StatementEnd\nselect 2;\n\n--+goose down\ndrop function f();\n"}});
    CHECK(source.format == "goose");
    CHECK(versions(source) == "00001 00002");
    auto const& first = source.migrations[0];
    CHECK(has(first.up.text, "language sql\n;-- +goose StatementEnd\nselect 2;"));  // the mark ends the statement
    CHECK(first.up.line == 1);
    CHECK(directives(first.up).value().lose == std::vector<std::string>{"t.a"});
    CHECK(has(first.down->text, "drop function f();"));
    CHECK_FALSE(has(first.down->text, "create"));
    CHECK(first.down->line == 8);
    CHECK(runs_apart(source.migrations[1].up));
    CHECK_FALSE(source.migrations[1].down.has_value());
}

TEST_CASE("goose: what cannot be done as it would do it is refused with the line") {
    auto const env = refused({{"1_a.sql", "-- +goose Up\n-- +goose ENVSUB ON\nselect '${HOME}';"}});
    CHECK(env.where.line == 2);
    CHECK(has(env.message, "ENVSUB"));
    CHECK(refused({{"1_a.sql", "-- +goose Up\n-- +goose Up\n"}}).where.line == 2);
    CHECK(refused({{"1_a.sql", "-- +goose Down\n"}}).where.line == 1);
    CHECK(has(refused({{"1_a.sql", "-- +goose Up\n-- +goose StatementBegin\n"}}).message, "StatementEnd"));
    CHECK(has(refused({{"1_a.sql", "-- +goose Up\n"}, {"2_b.sql", "select 1"}}).message, "no `-- +goose Up`"));
    Files const with_go = {{"1_a.sql", "-- +goose Up\n"}, {"2_b.go", "package migrations"}};
    CHECK(refused(with_go).where.file == "2_b.go");
    CHECK(versions(read(with_go, {.set = {{"skip-go", "yes"}}})) == "1");
}

TEST_CASE("dbmate: one file for both ways, transaction:false") {
    auto const source =
        read({{"20200101120000_a.sql", "-- migrate:up\ncreate table t (i int);\n-- migrate:down\ndrop table t;\n"},
              {"20200102120000_b.sql", "-- migrate:up transaction:false\nvacuum;\n\n-- migrate:down transaction:false\nvacuum;\n"}});
    CHECK(source.format == "dbmate");
    CHECK(versions(source) == "20200101120000 20200102120000");
    CHECK(source.migrations[0].up.text == "-- migrate:up\ncreate table t (i int);\n");
    CHECK(source.migrations[0].down->line == 3);
    CHECK_FALSE(runs_apart(source.migrations[0].up));
    CHECK(runs_apart(source.migrations[1].up));
    CHECK(runs_apart(*source.migrations[1].down));
    CHECK(refused({{"1_a.sql", "-- migrate:down\n-- migrate:up\n"}}).where.line == 1);
    // The section that `dbmate new` makes, with nothing in it, is no way back; one that says something to undrop is.
    CHECK_FALSE(read({{"1_a.sql", "-- migrate:up\nx;\n-- migrate:down\n\n"}}).migrations[0].down.has_value());
    CHECK_FALSE(read({{"1_a.sql", "-- +goose Up\nx;\n-- +goose Down\n-- SQL in this section\n"}}).migrations[0].down.has_value());
    CHECK_FALSE(read({{"1_a.sql", "-- +goose Up\nx;\n-- +goose Down\n-- +goose StatementBegin\n-- +goose StatementEnd\n"}})
                    .migrations[0]
                    .down.has_value());
    CHECK(read({{"1_a.sql", "-- migrate:up\nx;\n-- migrate:down\n-- undrop: lose t\n"}}).migrations[0].down.has_value());
}

TEST_CASE("flyway: versions, undo, repeatable, baseline, placeholders, sub-folders") {
    Files const files = {{"V1__make.sql", "create table ${schema}.t (i int); -- ${not}\n-- ${neither}"},
                         {"U1__make.sql", "drop table ${schema}.t;"},
                         {"more/V1_10__later.sql", "create index concurrently i on t (i)"},
                         {"V1.9__sooner.sql", ""},
                         {"B1.9__base.sql", ""},
                         {"R__view of all.sql", "create or replace view v as select 1"}};
    auto const unset = refused(files, {.set = {{"schema", "shop"}}});
    CHECK(unset.where.line == 1);
    CHECK(unset.where.column == 38);
    CHECK(has(unset.next.advice, "--set not=TEXT"));
    auto const source = read(files, {.set = {{"schema", "shop"}, {"not", "x"}}});
    CHECK(source.format == "flyway");
    REQUIRE(source.migrations.size() == 5);
    CHECK(versions(source).starts_with("1 1.9 1.9 1.10 R.view_of_all."));
    CHECK(source.migrations[0].up.text == "create table shop.t (i int); -- x\n-- ${neither}");
    CHECK(source.migrations[0].down->text == "drop table shop.t;");
    CHECK(source.migrations[1].kind != source.migrations[2].kind);
    CHECK(runs_apart(source.migrations[3].up));
    CHECK(source.migrations[4].kind == Migration::Kind::repeatable);
    auto const changed = read({{"V1__a.sql", ""}, {"R__view of all.sql", "create or replace view v as select 2"}});
    CHECK(changed.migrations[1].version != source.migrations[4].version);
    CHECK(has(refused({{"V1__a.sql", ""}, {"v2_b.sql", ""}}).next.advice, "V1__name.sql"));
    CHECK(has(refused({{"V1__a.sql", ""}, {"V01__b.sql", ""}}).message, "there twice"));
    Files const with_callback = {{"V1__a.sql", ""}, {"afterMigrate__grants.sql", "select 1"}};
    CHECK(has(refused(with_callback).next.advice, "--set skip-callbacks=yes"));
    CHECK(versions(read(with_callback, {.set = {{"skip-callbacks", "yes"}}})) == "1");
}

TEST_CASE("sqitch: the plan's order, needs, reworked changes, verify scripts") {
    constexpr auto plan =
        "%syntax-version=1.0.0\n%project=shop\n\n# a comment\nusers 2020-04-15T01:19:51Z A <a@b> # makes users\n"
        "views/all [users other:thing] 2020-04-15T01:19:51Z A <a@b>\n@v1 2020-04-15T01:19:51Z A <a@b> # first\n\n"
        "users [users@v1] 2020-04-15T01:19:51Z A <a@b> # reworked\n";
    Files const files = {{"sqitch.plan", plan},
                         {"deploy/users@v1.sql", "BEGIN;\ncreate table users ();\nCOMMIT;\n"},
                         {"revert/users@v1.sql", "begin; drop table users; commit"},
                         {"verify/users@v1.sql", "BEGIN;\nselect 1/count(*) from users;\nROLLBACK;\n"},
                         {"deploy/views/all.sql", "x"},
                         {"revert/views/all.sql", "y"},
                         {"deploy/users.sql", "z"},
                         {"deploy/left over.sql", ""}};
    auto const source = read(files);
    CHECK(source.format == "sqitch");
    CHECK(versions(source) == "1 2 3");
    CHECK(source.migrations[0].name == "users@v1");
    CHECK(has(source.migrations[0].up.text, "create table users ();"));
    CHECK_FALSE(has(source.migrations[0].up.text, "COMMIT"));
    CHECK_FALSE(has(source.migrations[0].down->text, "begin"));
    REQUIRE(source.migrations[0].check.has_value());
    CHECK(directives(*source.migrations[0].check).value().verify);
    CHECK_FALSE(has(source.migrations[0].check->text, "ROLLBACK"));
    CHECK(source.migrations[1].name == "views/all");
    CHECK(source.migrations[2].up.text == "z");
    CHECK_FALSE(source.migrations[2].down.has_value());
    auto const missing = refused({{"sqitch.plan", "users 2020 A <a@b>\n"}});
    CHECK(has(missing.message, "deploy/users.sql"));
    auto const order = refused({{"sqitch.plan", "a [b] 2020 A <a@b>\nb 2020 A <a@b>\n"}, {"deploy/a.sql", ""}, {"deploy/b.sql", ""}});
    CHECK(order.where.line == 1);
    CHECK(has(order.message, "a needs b"));
    CHECK(has(refused({{"sqitch.plan", "a 2020 A\nb [!a] 2020 A\n"}, {"deploy/a.sql", ""}, {"deploy/b.sql", ""}}).message, "conflicts"));
}

TEST_CASE("prisma and drizzle: ups, in the order of their tools") {
    auto const prisma = read({{"20230912150657_initialize/migration.sql", ""},
                              {"202310122339_column/migration.sql", ""},
                              {"20231013165123_version/migration.sql", ""},
                              {"migration_lock.toml", ""}});
    CHECK(prisma.format == "prisma");
    CHECK(versions(prisma) == "20230912150657_initialize 202310122339_column 20231013165123_version");
    constexpr auto journal = R"({"version":"5","dialect":"pg","entries":[{"idx":0,"tag":"0000_b"},{"idx":1,"tag":"0001_a"}]})";
    Files files = {{"meta/_journal.json", journal},
                   {"meta/0000_snapshot.json", "{}"},
                   {"0000_b.sql", "create table a (i int)\n--> statement-breakpoint\ncreate table b (i int);--> statement-breakpoint\nx"},
                   {"0001_a.sql", ""},
                   {"0002_not_in_the_journal.sql", ""}};
    auto const drizzle = read(files);
    CHECK(drizzle.format == "drizzle");
    CHECK(versions(drizzle) == "0000 0001");
    CHECK(drizzle.migrations[0].up.text ==
          "create table a (i int)\n;--> statement-breakpoint\ncreate table b (i int);--> statement-breakpoint\nx");
    files.erase(files.begin() + 3);
    CHECK(has(refused(files).message, "0001_a.sql is not there"));
}

TEST_CASE("plain folders: by number, with any separator") {
    auto const source = read({{"10.sql", ""}, {"9-nine.sql", ""}, {"1.2 two.sql", ""}, {"README.md", ""}});
    CHECK(source.format == "plain");
    CHECK(versions(source) == "1.2 9 10");
    CHECK(source.migrations[1].name == "nine");
    CHECK(versions(read({{"2020/001_a.sql", ""}, {"2021/002_b.sql", ""}}, {.format = "plain"})) == "001 002");
    CHECK(refused({{"1-a.sql", ""}, {"b.sql", ""}}, {.format = "plain"}).where.file == "b.sql");
}

TEST_CASE("pop: the target's dialect, one migration of one name") {
    Files const files = {{"20150101000001000000_net.up.sql", "all"},
                         {"20150101000001000000_net.postgres.up.sql", "pg"},
                         {"20150101000001000000_net.sqlite3.up.sql", "lt"},
                         {"20150101000001000000_net.down.sql", "d0"},
                         {"20150101000001000001_net.up.sql", "second;"},
                         {"20150101000001000001_net.down.sql", "d1"},
                         {"20200101000001000000_idx.postgres.autocommit.up.sql", "create index concurrently i on t (a)"},
                         {"20200101000002000000_crdb.cockroach.up.sql", "x"}};
    auto const pg = read(files, {.dialect = "postgresql"});
    CHECK(pg.format == "pop");
    CHECK(versions(pg) == "20150101000001000000 20200101000001000000");
    CHECK(pg.migrations[0].up.text == "-- 20150101000001000000_net.postgres.up.sql\npg\n;\n-- 20150101000001000001_net.up.sql\nsecond;\n");
    CHECK(has(pg.migrations[0].down->text, "d1\n;\n-- 20150101000001000000_net.down.sql\nd0"));
    CHECK(runs_apart(pg.migrations[1].up));
    auto const lt = read(files, {.dialect = "sqlite"});
    CHECK(versions(lt) == "20150101000001000000");
    CHECK(has(lt.migrations[0].up.text, "lt"));
    CHECK(has(refused(files).next.advice, "--db"));
    CHECK(has(refused({{"1_a.postgres.up.sql", "create table {{ .Table }} ()"}}, {.dialect = "postgresql"}).message, "template"));
    CHECK(has(refused({{"1_a.postgres.up.sql", ""}, {"2_b.fizz", ""}}, {.dialect = "postgresql"}).message, "fizz"));
}

TEST_CASE("postgrator: do and undo") {
    auto const source = read({{"002.do.b.sql", "x"}, {"001.do.a.sql", "u"}, {"001.undo.a thing.sql", "d"}});
    CHECK(source.format == "postgrator");
    CHECK(versions(source) == "001 002");
    CHECK(source.migrations[0].down->text == "d");
}

TEST_CASE("where the tool orders otherwise than undrop, the folder is refused with both versions") {
    auto const dbmate = refused({{"9_a.sql", "-- migrate:up\n"}, {"10_b.sql", "-- migrate:up\n"}});
    CHECK(has(dbmate.message, "dbmate runs 10 before 9"));
    CHECK(read({{"09_a.sql", "-- migrate:up\n"}, {"10_b.sql", "-- migrate:up\n"}}).migrations.size() == 2);
    auto const numbers = refused({{"202001010000_a.up.sql", ""}, {"20190101000000_b.up.sql", ""}});
    CHECK(has(numbers.message, "pairs runs 202001010000 before 20190101000000"));
    CHECK(versions(read({{"201901010000_a.up.sql", ""}, {"20200101000000_b.up.sql", ""}})) == "201901010000 20200101000000");
}

TEST_CASE("templates are refused with their place; braces in texts are none") {
    auto const error = refused({{"1_a.up.sql", "select 1;\ncreate table {{ .Schema }}.t (i int);"}});
    CHECK(error.where.line == 2);
    CHECK(error.where.column == 14);
    CHECK(read({{"1_a.up.sql", "select '{{1,2},{3,4}}'::int[], 'Hello {{ name }}'; -- {{ x }}"}}).migrations.size() == 1);
}

TEST_CASE("a folder that two tools could have made is refused with both names") {
    auto const error = refused({{"1_a.sql", "-- +goose Up\n"}, {"2_b.sql", "-- migrate:up\n"}});
    CHECK(has(error.message, "dbmate"));
    CHECK(has(error.message, "goose"));
    CHECK(has(error.next.advice, "--source-format dbmate"));
    CHECK(has(error.next.advice, "--source-format goose"));
}

TEST_CASE("a format that is named is taken; a misspelt name is told with the one that was meant") {
    auto const source = Source::embedded({}, "here", {.format = "goos"});
    REQUIRE_FALSE(source.has_value());
    CHECK(source.error().code == Code::usage);
    CHECK(has(source.error().next.advice, "--source-format goose"));
    CHECK(read({{"1_a.up.sql", ""}}, {.format = "golang-migrate"}).format == "pairs");
    CHECK(read({{".undrop-format", "pairs\n"}, {"1_a.up.sql", ""}}).format == "pairs");
    CHECK(source_formats().size() == 13);
}
