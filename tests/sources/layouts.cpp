// What other tools' settings say of their folders: Flyway's placeholders, sqitch.conf, pop's groups, Supabase's project.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/program.hpp"
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

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

std::string names(Source const& source) {
    std::string text;
    for (auto const& m : source.migrations) text += (text.empty() ? "" : " ") + m.name;
    return text;
}

}  // namespace

TEST_CASE("Flyway's own placeholders: what is known is filled in, the rest is refused with what to write instead") {
    auto const named =
        read({{"V1__a.sql", "select '${flyway:filename}', '${Flyway:Filename}'; -- ${flyway:user}"}}, {.set = {{"FLYWAY:user", "ada"}}});
    CHECK(named.migrations[0].up.text == "select 'V1__a.sql', 'V1__a.sql'; -- ada");
    Files const schema = {{"V1__a.sql", "select 1;\ncreate table ${flyway:defaultSchema}.t (i int);"}};
    CHECK(has(read(schema, {.dialect = "sqlite"}).migrations[0].up.text, "create table main.t"));
    auto const unknown = refused(schema, {.dialect = "postgresql"});
    CHECK(has(unknown.message, "${flyway:defaultSchema}"));
    CHECK(unknown.where.file == "V1__a.sql");
    CHECK(unknown.where.line == 2);
    CHECK(unknown.where.column == 14);
    CHECK(has(unknown.next.advice, "--set flyway:defaultSchema=TEXT"));
    CHECK(has(refused({{"V1__a.sql", "select '${flyway:timestamp}'"}}).next.advice, "CURRENT_TIMESTAMP"));
    CHECK(has(refused({{"V1__a.sql", "select '${flyway:user}'"}}).next.advice, "CURRENT_USER"));
    CHECK(has(refused({{"V1__a.sql", "select '${flyway:database}'"}}).next.advice, "current_database()"));
    CHECK(has(read(schema, {.set = {{"flyway:defaultSchema", "shop"}}, .dialect = "postgresql"}).migrations[0].up.text, "shop.t"));
}

TEST_CASE("Flyway's settings of one script: placeholderReplacement=false leaves its text alone") {
    Files const files = {{"V1__a.sql", "select '${x}';"}, {"V1__a.sql.conf", "# of this script\nplaceholderReplacement = false\n"}};
    CHECK(read(files).migrations[0].up.text == "select '${x}';");
    CHECK(has(refused({files[0]}).message, "${x} stands for nothing"));
}

TEST_CASE("sqitch.conf: where plan and scripts lie, as git's configuration is written") {
    Files files = {{"sqitch.conf",
                    "[CORE]\n\tengine = pg ; the usual one\n\tPlan_File = \"plans/the \\\"one\\\".plan\" # quoted\n"
                    "\ttop_dir = ./sql/\n[engine \"pg\"]\n\tdeploy_dir = sql/to\\\ndo\n\ttarget = db:pg:shop\n[user]\n\tname\n"},
                   {"plans/the \"one\".plan", "%project=shop\n\na 2020-01-01T00:00:00Z A <a@b>\n"},
                   {"sql/todo/a.sql", "up"},
                   {"sql/revert/a.sql", "down"},
                   {"sql/verify/a.sql", "select 1"},
                   {"deploy/a.sql", "not this one"}};
    auto const source = read(files);
    CHECK(source.format == "sqitch");
    REQUIRE(source.migrations.size() == 1);
    CHECK(source.migrations[0].up.text == "up");
    CHECK(source.migrations[0].down->text == "down");
    CHECK(source.migrations[0].check.has_value());
    // For SQLite there is no section, and the project is for PostgreSQL.
    auto const other = refused(files, {.dialect = "sqlite"});
    CHECK(has(other.message, "these scripts are for pg"));
    CHECK(has(other.next.advice, "[engine \"sqlite\"]"));
    CHECK(read(files, {.set = {{"sqitch-engine", "pg"}}, .dialect = "sqlite"}).migrations[0].up.text == "up");
    files[0].text = "[core]\n\tplan_file = \"open\n";
    CHECK(refused(files).where.line == 2);
    files[0].text = "[core]\n\ttop_dir = ../elsewhere\n";
    CHECK(has(refused(files).message, "is not below"));
}

TEST_CASE("settings, plans and grouped scripts may begin with a BOM and have any line ends") {
    Files const sqitch = {{"sqitch.conf", "\xEF\xBB\xBF[core]\r\n\ttop_dir = sql\r\n"},
                          {"sql/sqitch.plan", "\xEF\xBB\xBF%syntax-version=1.0.0\r\n\r\na 2020-01-01T00:00:00Z A <a@b>\r\n"},
                          {"sql/deploy/a.sql", "x"}};
    CHECK(names(read(sqitch)) == "a");
    Files const pop = {{"20150101000001000000_a.up.sql", "\xEF\xBB\xBFx;"}, {"20150101000001000001_a.up.sql", "\xEF\xBB\xBFy;"}};
    CHECK(read(pop, {.format = "pop"}).migrations[0].up.text.find("\xEF\xBB\xBF") == std::string::npos);
    Files const diesel = {{"1_a/up.sql", "vacuum;"}, {"1_a/metadata.toml", "\xEF\xBB\xBFrun_in_transaction = false\r\n"}};
    CHECK(has(read(diesel).migrations[0].up.text, "no-transaction"));
}

TEST_CASE("a plan that names a change twice without a tag between is refused with the line") {
    auto const twice = refused({{"sqitch.plan", "a 2020 A\nb 2020 A\na [a] 2020 A\n"}, {"deploy/a.sql", ""}, {"deploy/b.sql", ""}});
    CHECK(has(twice.message, "a is there twice"));
    CHECK(twice.where.line == 3);
}

TEST_CASE("sqitch.conf: each engine's own scripts, and the plan that they share") {
    Files const files = {
        {"sqitch.conf",
         "[core]\nengine = pg\nplan_file = sqitch.plan\n[engine \"pg\"]\ntop_dir = pg\n[engine \"sqlite\"]\ntop_dir = lite\n"
         "target = here\n[target \"here\"]\nuri = db:sqlite:here.db\nrevert_dir = back\n"},
        {"sqitch.plan", "a 2020-01-01T00:00:00Z A <a@b>\n"},
        {"pg/deploy/a.sql", "of pg"},
        {"lite/deploy/a.sql", "of sqlite"},
        {"back/a.sql", "back"}};
    CHECK(read(files, {.dialect = "postgresql"}).migrations[0].up.text == "of pg");
    CHECK_FALSE(read(files, {.dialect = "postgresql"}).migrations[0].down.has_value());
    CHECK(read(files).migrations[0].up.text == "of pg");
    auto const lite = read(files, {.dialect = "sqlite"});
    CHECK(lite.migrations[0].up.text == "of sqlite");
    CHECK(lite.migrations[0].down->text == "back");
}

ON_BOTH("a plan as Sqitch writes it, with tags and reworked changes, goes up, back and up again") {
    // `sqitch rework` copies the scripts to NAME@TAG, and its new revert script is the old deploy script.
    std::string const plan =
        "%syntax-version=1.0.0\n%project=flipr\n%uri=https://github.com/sqitchers/sqitch-intro/\n\n"
        "appschema 2013-12-31T22:34:42Z Marge <marge@example.com> # Adds the table.\n"
        "view [appschema] 2014-01-01T00:12:36Z Marge <marge@example.com> # Adds a view; \\n two lines.\n"
        "@v1.0.0-dev1 2014-01-02T01:00:03Z Marge <marge@example.com> # Tag v1.0.0-dev1.\n\n"
        "view [view@v1.0.0-dev1 !bad] 2014-01-02T01:05:03Z Marge <marge@example.com> # Another view.\n"
        "@v1.0.0-dev2 2014-01-03T01:00:03Z Marge <marge@example.com> # Tag v1.0.0-dev2.\n\n"
        "view [view@v1.0.0-dev2] 2014-01-04T01:05:03Z Marge <marge@example.com> # And another.\n";
    auto const view = [](char const* column) {
        return std::string("-- Deploy flipr:view\n-- requires: appschema\n\nBEGIN;\n\ndrop view if exists v;\ncreate view v as select ") +
               column + " as c from t;\n\nCOMMIT;\n";
    };
    auto const one = view("1");
    auto const two = view("2");
    auto const three = view("3");
    Files const files = {{"sqitch.plan", plan},
                         {"deploy/appschema.sql", "BEGIN;\ncreate table t (i int);\nCOMMIT;\n"},
                         {"revert/appschema.sql", "BEGIN;\ndrop table t;\nCOMMIT;\n"},
                         {"deploy/view@v1.0.0-dev1.sql", one},
                         {"revert/view@v1.0.0-dev1.sql", "BEGIN;\ndrop view v;\nCOMMIT;\n"},
                         {"deploy/view@v1.0.0-dev2.sql", two},
                         {"revert/view@v1.0.0-dev2.sql", one},
                         {"verify/view@v1.0.0-dev2.sql", "BEGIN;\nselect c from v where false;\nROLLBACK;\n"},
                         {"deploy/view.sql", three},
                         {"revert/view.sql", two}};
    auto const before = witness(db);
    auto const source = read(files, {.dialect = db.either("postgresql", "sqlite")});
    CHECK(names(source) == "appschema view@v1.0.0-dev1 view@v1.0.0-dev2 view");
    (void)up(db, source);
    db.run("insert into t values (0)");
    CHECK(db.one("select c from v") == "3");
    (void)down(db, source);
    CHECK(db.one("select c from v") == "2");
    (void)down(db, source, {}, {.to = "2"});
    CHECK(db.one("select c from v") == "1");
    (void)down(db, source, {}, {.to = "0"});
    check_same(before, witness(db));
    (void)up(db, source);
    CHECK(db.one("select c from v") == "3");
}

ON_BOTH("an error in one of pop's grouped files names that file and its line") {
    auto const wish = SourceWish{.format = "pop", .dialect = db.either("postgresql", "sqlite")};
    Files files = {{"20150101000001000000_net.up.sql", "create table t (i int);\n"},
                   {"20150101000001000000_net.down.sql", "drop table t;\n"},
                   {"20150101000001000001_net.up.sql", "\ncreate table u (i int);\ninsert into nowhere values (1);\n"},
                   {"20150101000001000001_net.down.sql", "drop table u;\n"}};
    auto const failed = up_error(db, read(files, wish));
    CHECK_MESSAGE(failed.where.file == "20150101000001000001_net.up.sql", failed.text());
    CHECK(failed.where.line == 3);
    files[2].text = "create table u (i int);\n\ninsert into u values ('open);\n";
    auto const unread = up_error(db, read(files, wish));
    CHECK_MESSAGE(unread.where.file == "20150101000001000001_net.up.sql", unread.text());
    CHECK(unread.where.line == 3);
    files[2].text = "create table u (i int);\n";
    files[1].text = "\n\ndrop table nowhere;\n";
    auto const source = read(files, wish);
    (void)up(db, source);
    auto const back = down_error(db, source);
    CHECK_MESSAGE(back.where.file == "20150101000001000000_net.down.sql", back.text());
    CHECK(back.where.line == 3);
}

TEST_CASE("Supabase's migrations are found below the project and below supabase/; its seed is none") {
    Desk const desk;
    std::filesystem::remove(desk.path / "migrations");
    desk.file("supabase/config.toml", "project_id = \"shop\"\n");
    desk.file("supabase/seed.sql", "insert into nowhere values (1);\n");
    desk.file("supabase/migrations/20240101120000_make.sql", "create table t (i int);\n");
    desk.file("supabase/migrations/20240102120000_add.sql", "alter table t add column a text;\n");
    using Words = std::vector<std::string>;
    std::vector<Words> const ways = {Words{"status"}, Words{"--dir", "supabase", "status"}, Words{"--dir", ".", "status"},
                                     Words{"--dir", "supabase/migrations", "status"},
                                     Words{"--dir", "supabase", "--source-format", "supabase", "status"}};
    for (auto all : ways) {
        all.insert(all.begin(), {"--db", "sqlite::memory:"});
        auto const status = desk.run(all);
        CHECK_MESSAGE(status.status == 0, status.err);
        CHECK_MESSAGE(has(status.out, "2 pending"), status.out);
    }
    CHECK(desk.shop({"up", "--create", "--yes"}).status == 0);
    CHECK(desk.sql("select count(a) from t") == "0");
    CHECK(desk.shop({"down", "--to", "0", "--yes"}).status == 0);
}

TEST_CASE("what is no readable script is refused by name, and links that lead in circles are no trouble") {
    Desk const desk;
    desk.file("migrations/1_a.up.sql", "create table t (i int);\n");
    std::filesystem::create_directory_symlink("..", desk.path / "migrations/around");
    CHECK(desk.run({"--db", "sqlite::memory:", "status"}).status == 0);
    std::filesystem::create_symlink("2_b.up.sql", desk.path / "migrations/2_b.up.sql");
    auto const circle = desk.run({"--db", "sqlite::memory:", "status"});
    CHECK(circle.status == 3);
    CHECK_MESSAGE(has(circle.err, "2_b.up.sql"), circle.err);
    CHECK(has(circle.err, "cannot be read"));
    std::filesystem::remove(desk.path / "migrations/2_b.up.sql");
    CHECK(desk.shell("mkfifo migrations/2_b.up.sql").status == 0);
    auto const pipe = desk.run({"--db", "sqlite::memory:", "status"});
    CHECK(pipe.status == 3);
    CHECK_MESSAGE(has(pipe.err, "2_b.up.sql"), pipe.err);
}

ON_BOTH("a way back that is not UTF-8 is refused with its place before the way up runs") {
    auto const source = read({{"1_a.sql", "-- migrate:up\ncreate table t (i int);\n-- migrate:down\ndrop table t; -- caf\xe9\n"}});
    auto const error = up_error(db, source);
    CHECK_MESSAGE(error.where.file == "1_a.sql", error.text());
    CHECK(error.where.line == 4);
    CHECK(has(error.message, "UTF-8"));
    CHECK_THROWS(db.run("select * from t"));
}

TEST_CASE("a directory whose migrations are further below is no empty one") {
    Desk const desk;
    desk.file("db/sqlite/1_a.up.sql", "create table t (i int);\n");
    desk.file("db/postgres/1_a.up.sql", "create table t (i int);\n");
    auto const status = desk.run({"--dir", "db", "--db", "sqlite::memory:", "status"});
    CHECK(status.status == 3);
    CHECK_MESSAGE(has(status.err, "db/postgres/1_a.up.sql"), status.err);
    CHECK(has(status.err, "--dir"));
    CHECK(desk.run({"--dir", "db/sqlite", "--db", "sqlite::memory:", "status"}).status == 0);
}
