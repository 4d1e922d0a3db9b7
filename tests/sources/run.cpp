// Migrations of other tools, applied and taken back on both databases; and databases that such a tool migrated.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

using Files = std::vector<EmbeddedFile>;

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Source read(Database& db, Files const& files, SourceWish wish = {}) {
    wish.dialect = db.either("postgresql", "sqlite");
    auto const source = Source::embedded(files, "here", wish);
    REQUIRE_MESSAGE(source.has_value(), (source.has_value() ? "" : source.error().text()));
    return source.value();
}

Status status_of(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    return status(target, source).value();
}

std::string versions(std::vector<PendingMigration> const& pending) {
    std::string text;
    for (auto const& m : pending) text += (text.empty() ? "" : " ") + m.version;
    return text;
}

Result<Adoption> adopted(Database& db, Source const& source, AdoptWish const& wish) {
    auto target = Target::open(db.url()).value();
    return adopt(target, source, wish);
}

std::string states(Adoption const& adoption) {
    std::string text;
    for (auto const& m : adoption.migrations) text += m.version + "=" + std::to_string(static_cast<int>(m.state)) + " ";
    return text;
}

Error plan_down_error(Database& db, Source const& source, Options const& options) {
    auto target = Target::open(db.url()).value();
    auto plan = plan_down(target, source, {}, options);
    REQUIRE(plan.has_value());
    auto approved = approve(std::move(plan).value());
    REQUIRE_FALSE(approved.has_value());
    return approved.error();
}

// What goose leaves behind of files 1 and 2, the second taken back once and applied again.
void goose_has(Database& db) {
    db.run(
        "create table goose_db_version (id integer primary key, version_id bigint not null, is_applied boolean not null, tstamp text);"
        "insert into goose_db_version values (1, 0, true, ''), (2, 1, true, ''), (3, 2, true, ''), (4, 2, false, ''), (5, 2, true, '')");
}

Files const goose_files = {{"00001_a.sql", "-- +goose Up\ncreate table t (i int);\n-- +goose Down\ndrop table t;\n"},
                           {"00002_b.sql", "-- +goose Up\ncreate table u (i int);\n"},
                           {"00003_c.sql", "-- +goose Up\ncreate table v (i int);\n"}};

}  // namespace

ON_BOTH("one file for both ways goes up, back and up again, from the ledger as well") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x')");
    auto const before = witness(db);
    auto const source =
        read(db, {{"1_a.sql",
                   "-- +goose Up\n-- +goose StatementBegin\nalter table t add column b text\n-- +goose StatementEnd\nupdate t set b = "
                   "'y';\n-- +goose Down\nalter table t drop column b;\n"}});
    (void)up(db, source);
    CHECK(db.one("select b from t") == "y");
    CHECK(status_of(db, source).format == "goose");
    (void)down(db, Source{});
    check_same(before, witness(db));
    (void)up(db, source);
    CHECK(db.one("select b from t") == "y");
}

ON_BOTH("an error in the way back of a file names the line of the file") {
    auto const source =
        read(db, {{"1_a.sql", "-- migrate:up\ncreate table t (i int);\n\n-- migrate:down\n  drop table t;\n  drop table u;\n"}});
    (void)up(db, source);
    auto const error = down_error(db, source);
    CHECK(error.where.file == "1_a.sql");
    CHECK(error.where.line == 6);
}

ON_POSTGRES("COPY with its data in the script fills a table, and an error names the line of the data") {
    auto const before = witness(db);
    auto const source =
        read(db, {{"1_a.up.sql", "create table t (i int, a text);\nCOPY t (i, a) FROM stdin;\n1\tone; it's\n2\t\\N\n\\.\n\nselect 1;\n"}});
    (void)up(db, source);
    CHECK(db.table("select * from t order by i") == "1|one; it's\n2|NULL");
    (void)down(db, source);
    check_same(before, witness(db));
    auto const wrong = read(db, {{"1_a.up.sql", "create table t (i int);\ncopy t from stdin;\n1\n2\nthree\n\\.\n"}});
    auto const error = up_error(db, wrong);
    CHECK(error.where.line == 5);
    CHECK_MESSAGE(has(error.text(), "integer"), error.text());
    check_same(before, witness(db));
}

ON_POSTGRES("a mark that a script runs outside of a transaction counts where a statement needs it") {
    auto const source = read(db, {{"1_a.sql", "-- +goose NO TRANSACTION\n-- +goose Up\ncreate table t (i int);\n"},
                                  {"2_b.sql", "-- +goose NO TRANSACTION\n-- +goose Up\ncreate index concurrently t_i on t (i);\n"}});
    (void)up(db, source);
    CHECK(db.count("select count(*) from pg_indexes where indexname = 't_i'") == 1);
    (void)down(db, source, {}, {.to = "0"});
    CHECK(db.count("select count(*) from pg_class where relname = 't'") == 0);
}

ON_POSTGRES("psql's commands are refused before anything runs, with the place and what to write instead") {
    auto const source = read(db, {{"1_a.up.sql", "create table t (i int);\n"}, {"2_b.up.sql", "select 1;\n  \\copy t from 'x.csv'\n"}});
    auto const error = up_error(db, source);
    CHECK(error.where.line == 2);
    CHECK(has(error.message, "FROM stdin"));
    CHECK(db.count("select count(*) from pg_class where relname = 't'") == 0);
}

ON_BOTH("a repeatable migration runs again when its text changes, and its way back brings the earlier text back") {
    auto const files = [&](char const* body) { return Files{{"V1__t.sql", "create table t (i int);"}, {"R__v.sql", body}}; };
    auto const with = [&](std::string const& column) {
        return db.either("create or replace view v as select " + column + " as c from t",
                         "drop view if exists v; create view v as select " + column + " as c from t");
    };
    auto const one = with("i + 1");
    auto const two = with("i + 2");
    auto const first = read(db, files(one.c_str()));
    auto const second = read(db, files(two.c_str()));
    (void)up(db, first);
    db.run("insert into t values (10)");
    CHECK(db.one("select c from v") == "11");
    CHECK(status_of(db, first).clean());
    (void)up(db, second);
    CHECK(db.one("select c from v") == "12");
    CHECK(status_of(db, second).clean());
    (void)down(db, second);
    CHECK(db.one("select c from v") == "11");
    CHECK(versions(status_of(db, second).pending).starts_with("R.v."));
    (void)up(db, second);
    (void)up(db, first);  // back to the first text: it runs a second time
    CHECK(db.one("select c from v") == "11");
    CHECK(status_of(db, first).clean());
    // A version that comes later is not out of order, and all goes back.
    auto later = first;
    later.migrations.insert(later.migrations.begin() + 1, {.version = "2", .name = "u", .up = {"create table u (i int)", "V2__u.sql"}});
    (void)up(db, later);
    CHECK(status_of(db, later).clean());
    (void)down(db, later, {}, {.to = "0"});
    CHECK(db.count(db.either("select count(*) from pg_class where relname in ('t', 'u', 'v')",
                             "select count(*) from sqlite_schema where name in ('t', 'u', 'v')")) == 0);
}

ON_BOTH("a baseline stands for what comes before it, on a database with nothing only") {
    Files const files = {{"V1__t.sql", "create table t (i int);"},
                         {"V2__u.sql", "create table u (i int);"},
                         {"B2__all.sql", "create table t (i int); create table u (i int); create table base (i int);"},
                         {"V3__v.sql", "create table v (i int);"}};
    auto const source = read(db, files);
    CHECK(versions(status_of(db, source).pending) == "2 3");
    (void)up(db, source);
    CHECK(db.count("select count(*) from base") == 0);
    CHECK(status_of(db, source).clean());
    (void)down(db, source, {}, {.to = "0"});
    auto const earlier = read(db, {files[0]});
    (void)up(db, earlier);
    CHECK(versions(status_of(db, source).pending) == "2 3");
    (void)up(db, source);
    CHECK_THROWS(db.run("select * from base"));
    CHECK(status_of(db, source).clean());
}

ON_BOTH("verify scripts hold where they run, and take the step back where they fail") {
    auto const deploy = "BEGIN;\ncreate table t (i int);\nCOMMIT;\n";
    Files files = {{"sqitch.plan", "t 2020-01-01T00:00:00Z A <a@b>\n"},
                   {"deploy/t.sql", deploy},
                   {"verify/t.sql", "BEGIN;\nselect i from t where false;\nROLLBACK;\n"}};
    auto const source = read(db, files);
    (void)up(db, source);
    auto target = Target::open(db.url()).value();
    CHECK(check(target, source, {}, {}).value().holds());
    (void)down(db, source);
    files[2].text = "select nothing from t;";
    auto const error = up_error(db, read(db, files));
    CHECK(error.where.file == "verify/t.sql");
    CHECK_THROWS(db.run("select * from t"));
}

ON_BOTH("versions are named by their number, or by the migration's name") {
    auto const source = read(db, {{"0001_a.up.sql", "create table a (i int)"},
                                  {"0001_b.up.sql", "create table b (i int)"},
                                  {"0002_c.up.sql", "create table c (i int)"},
                                  {"0002_d.up.sql", "create table d (i int)"},
                                  {"0003_e.up.sql", "create table e (i int)"}});
    REQUIRE(source.format == "maragudk");
    auto target = Target::open(db.url()).value();
    CHECK(plan_up(target, source, {.to = "3"}, {}).value().steps.size() == 5);
    CHECK(plan_up(target, source, {.to = "b"}, {}).value().steps.size() == 2);
    CHECK(plan_up(target, source, {.to = "0002_c"}, {}).value().steps.size() == 3);
    CHECK_FALSE(plan_up(target, source, {.to = "2"}, {}).has_value());  // two of them
}

ON_BOTH("adopt --at marks what is there, and touches nothing") {
    db.run("create table t (i int); create table u (i int)");
    auto const before = witness(db);
    auto const source = read(db, goose_files);
    auto const dry = adopted(db, source, {.at = "2", .dry_run = true}).value();
    CHECK(states(dry) == "00001=0 00002=0 00003=2 ");
    CHECK_FALSE(status_of(db, source).has_ledger);
    CHECK(adopted(db, source, {.at = "2"}).has_value());
    check_same(before, witness(db));
    CHECK(versions(status_of(db, source).pending) == "00003");
    CHECK(states(adopted(db, source, {.at = "2"}).value()) == "00001=1 00002=1 00003=2 ");
    CHECK(adopted(db, source, {.at = "9"}).error().code == Code::usage);
    (void)up(db, source);
    CHECK(status_of(db, source).clean());
    (void)down(db, source);
    // Nothing was recorded of 2, and it has no down script.
    auto const none = plan_down_error(db, source, {});
    CHECK(has(none.message, "was adopted"));
    db.run("drop table u");
}

ON_BOTH("an adopted migration goes back by its down script, and the plan says that nothing else is known") {
    db.run("create table t (i int)");
    auto const source = read(db, {goose_files[0]});
    CHECK(adopted(db, source, {.at = "1"}).has_value());
    CHECK(has(plan_down_error(db, source, {.derive = true}).message, "no way back can be derived"));
    auto const report = down(db, source);
    CHECK_THROWS(db.run("select * from t"));
    CHECK(versions(status_of(db, source).pending) == "00001");
}

ON_BOTH("adopt --from goose reads what is applied by the newest row of each version") {
    goose_has(db);
    auto const source = read(db, goose_files);
    auto const before = witness(db);
    auto const adoption = adopted(db, source, {.from = "goose"}).value();
    CHECK(states(adoption) == "00001=0 00002=0 00003=2 ");
    CHECK(adoption.table == db.named("goose_db_version"));
    check_same(before, witness(db));
    db.run("insert into goose_db_version values (6, 4, true, '')");
    CHECK_FALSE(adopted(db, source, {.from = "goose"}).has_value());  // another branch's
    CHECK(states(adopted(db, source, {.from = "goose", .skip_missing = true}).value()) == "00001=1 00002=1 00003=2 4=3 ");
}

ON_BOTH("adopt --from golang-migrate takes all up to the version, and refuses a dirty one") {
    db.run("create table schema_migrations (version bigint not null, dirty boolean not null)");
    db.run("insert into schema_migrations values (2, true)");
    auto const source = read(db, {{"1_a.up.sql", "x"}, {"2_b.up.sql", "x"}, {"3_c.up.sql", "x"}});
    auto const dirty = adopted(db, source, {.from = "golang-migrate"});
    REQUIRE_FALSE(dirty.has_value());
    CHECK(dirty.error().code == Code::refused);
    CHECK(has(dirty.error().message, "version 2 is dirty"));
    CHECK_FALSE(status_of(db, source).has_ledger);
    db.run("update schema_migrations set dirty = false");
    CHECK(states(adopted(db, source, {.from = "golang-migrate"}).value()) == "1=0 2=0 3=2 ");
}

ON_BOTH("adopt --from dbmate and diesel takes the versions that the table names") {
    db.run("create table schema_migrations (version varchar(128) primary key); insert into schema_migrations values ('20200101000000')");
    db.run(
        "create table __diesel_schema_migrations (version varchar(50) primary key, run_on timestamp);"
        "insert into __diesel_schema_migrations (version) values ('20180114171611')");
    auto const dbmate = read(db, {{"20200101000000_a.sql", "-- migrate:up\n"}, {"20200102000000_b.sql", "-- migrate:up\n"}});
    CHECK(states(adopted(db, dbmate, {.from = "dbmate", .dry_run = true}).value()) == "20200101000000=0 20200102000000=2 ");
    auto const diesel = read(db, {{"2018-01-14-171611_a/up.sql", ""}, {"2018-01-15-171611_b/up.sql", ""}});
    CHECK(states(adopted(db, diesel, {.from = "diesel", .dry_run = true}).value()) == "20180114171611=0 20180115171611=2 ");
    CHECK(has(adopted(db, diesel, {.from = "dbmate"}).error().message, "nothing that"));
    CHECK(has(adopted(db, diesel, {.from = "golang-migrate"}).error().message, "no column dirty"));
    CHECK(has(adopted(db, diesel, {.from = "goose"}).error().message, "there is no table goose_db_version"));
    CHECK(adopted(db, diesel, {.from = "gose"}).error().code == Code::usage);
}

ON_BOTH("adopt --from flyway minds failures, undo and baselines") {
    db.run(
        "create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200), type "
        "varchar(20), script varchar(1000), checksum int, success boolean not null)");
    db.run(
        "insert into flyway_schema_history values (1, '1', 'base', 'BASELINE', '', null, true), (2, '2', 'b', 'SQL', '', 0, true), "
        "(3, '3', 'c', 'SQL', '', 1, true), (4, '3', 'c', 'UNDO_SQL', '', 1, true), (5, null, 'views', 'SQL', '', 1, true)");
    auto const source = read(db, {{"V1__a.sql", ""}, {"V2__b.sql", ""}, {"V3__c.sql", ""}, {"R__views.sql", "select 1"}});
    auto const found = adopted(db, source, {.from = "flyway", .dry_run = true});
    REQUIRE_MESSAGE(found.has_value(), (found.has_value() ? "" : found.error().text()));
    CHECK(states(found.value()).starts_with("1=0 2=0 3=2 R.views."));
    db.run("insert into flyway_schema_history values (6, '3', 'c', 'SQL', '', 1, false)");
    CHECK(has(adopted(db, source, {.from = "flyway"}).error().message, "failed"));
}

ON_BOTH("adopt --from prisma minds what was never finished or rolled back") {
    db.run(
        "create table _prisma_migrations (id varchar(36) primary key, migration_name varchar(255), finished_at text, rolled_back_at text, "
        "started_at text, checksum varchar(64))");
    db.run("insert into _prisma_migrations values ('a', '20200101_a', null, 'y', '1', ''), ('b', '20200101_a', 'x', null, '2', '')");
    auto const source = read(db, {{"20200101_a/migration.sql", ""}, {"20200102_b/migration.sql", ""}});
    CHECK(states(adopted(db, source, {.from = "prisma", .dry_run = true}).value()) == "20200101_a=0 20200102_b=2 ");
    db.run("insert into _prisma_migrations values ('c', '20200102_b', null, null, '3', '')");
    CHECK(has(adopted(db, source, {.from = "prisma"}).error().message, "never finished"));
    CHECK_FALSE(status_of(db, source).has_ledger);
}
