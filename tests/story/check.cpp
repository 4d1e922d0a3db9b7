// Checks within a step: what holds lets it pass, what does not takes it back; nothing that a check says can write.
#include <algorithm>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

void shop(Database& db) {
    db.run(
        "create table customers (id integer primary key, name text, active boolean not null);"
        "insert into customers values (1, 'ada-secret', true), (2, 'bob-secret', false), (3, null, true)");
}

std::string const widened = "alter table customers add column points integer;";

// The step is taken back for its check: nothing has changed, and the ledger has the failure.
Error taken_back(Database& db, std::string const& check) {
    CAPTURE(check);
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{widened, {}, check}}));
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(error.where.file, "1_step.check.sql");
    CHECK_FALSE(error.next.advice.empty());
    CHECK_FALSE(has(error.text(), "-secret"));  // P8
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    CHECK(status(target, source_of({})).value().applied.empty());
    auto const entries = log(target).value();
    REQUIRE_FALSE(entries.empty());
    CHECK_EQ(entries.back().kind, "failed");
    CHECK(has(entries.back().detail, "1_step.check.sql"));
    CHECK_FALSE(has(entries.back().detail, "-secret"));
    return error;
}

// P7: the text shows that it is no check; nothing was begun.
void refused_before(Database& db, std::string const& check, int line = 1, int column = 1) {
    CAPTURE(check);
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{widened, {}, check}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_EQ(error.where.file, "1_step.check.sql");
    CHECK_EQ(error.where.line, line);
    CHECK_EQ(error.where.column, column);
    check_unchanged(before, witness(db));
}

}  // namespace

ON_BOTH("story: a step whose checks hold is done, and the report and the plan count them") {
    shop(db);
    auto const source =
        source_of({{widened, "alter table customers drop column points;",
                    "select id from customers where points is not null;\n\n-- nobody went\nselect count(*) = 3 from customers;\n"
                    "values (1 = 1);\nwith c as (select 1 as one) select one = 1 from c;",
                    "select count(*) = 3 from customers;"}});
    auto target = Target::open(db.url()).value();
    auto const plan = plan_up(target, source).value();
    CHECK(plan.go());
    CHECK_EQ(plan.steps.at(0).check_statements, 4);
    std::vector<std::string> heard;
    auto const went = up(db, source, {.on_event = [&](Event const& e) {
                             if (e.kind == Event::Kind::checked) heard.push_back(e.text);
                         }});
    CHECK_EQ(went.steps.at(0).checks, 4);
    CHECK(has(text_of(went), "checks  4 statements hold"));
    CHECK_EQ(heard.size(), 1);
    CHECK_EQ(plan_down(target, source).value().steps.at(0).check_statements, 1);
    CHECK_EQ(down(db, source).steps.at(0).checks, 1);
}

ON_BOTH("story: a check that returns rows takes the step back; the error has their number, the place and the statement, and no value") {
    shop(db);
    auto const error = taken_back(db, "select 1 = 1;\n\n  select name,\n id from customers;\nselect 1 = 2;");
    CHECK_EQ(error.code, Code::refused);
    CHECK(has(error.message, "(3 rows): select name,"));
    CHECK_FALSE(has(error.message, "customers"));
    CHECK_EQ(error.where.line, 3);
    CHECK_EQ(error.where.column, 3);
}

ON_BOTH("story: one row holds only if its first column is true") {
    shop(db);
    for (auto const* check : {"select 1 = 2", "select null", "select cast(null as boolean), true",
                              "select active from customers where id = 2", "select name from customers where id = 1", "select '1'",
                              "select id from customers where id = 1", "select (select id from customers where id = 1)"}) {
        auto const error = taken_back(db, check);
        CHECK_EQ(error.code, Code::refused);
        CHECK(has(error.message, "1 row, and its first column is not true"));
    }
    // Words that read as truth are a boolean's only on PostgreSQL, numbers only on SQLite.
    CHECK_EQ(taken_back(db, db.either("select 't'::text", "select 0.0")).code, Code::refused);
    CHECK_EQ(taken_back(db, db.either("select 1", "select 'true'")).code, Code::refused);
    auto const holds = db.either("select true, false, null", "select 2, 0, null") + ";select active from customers where id = 1;";
    CHECK_EQ(up(db, source_of({{widened, {}, holds}})).steps.at(0).checks, 2);
}

ON_BOTH("story: two rows never hold, though both be true") {
    shop(db);
    CHECK(has(taken_back(db, "select active from customers where active").message, "2 rows"));
}

ON_BOTH("story: an empty check, and one of comments only, say nothing") {
    shop(db);
    auto const went = up(db, source_of({{widened, {}, ""}, {"create table b (id integer primary key);", {}, "-- later\r\n/* x */\n;\n"}}));
    CHECK_EQ(went.steps.size(), 2);
    CHECK_EQ(went.steps.at(1).checks, 0);
}

ON_BOTH("story: places in a check with CRLF are those of the editor") {
    shop(db);
    auto const error = taken_back(db, "\xEF\xBB\xBF-- first\r\nselect 1 = 1;\r\n\r\n  select id\r\n    from customers;\r\n");
    CHECK_EQ(error.where.line, 4);
    CHECK_EQ(error.where.column, 3);
    CHECK(error.message.ends_with("select id"));
}

ON_BOTH("story: an error within a check has the place of the word, and takes the step back") {
    shop(db);
    auto const error = taken_back(db, "select 1 = 1;\nselect id,\n  nope from customers;");
    CHECK_EQ(error.code, Code::failed);
    CHECK_EQ(error.where.line, 3);
    CHECK_EQ(error.where.column, 3);
    CHECK(has(error.native, "nope"));
    CHECK_EQ(taken_back(db, "select * form customers;").code, Code::failed);
}

ON_BOTH("story: what writes, or ends the transaction, is refused before the step where the text shows it") {
    shop(db);
    for (auto const* check :
         {"insert into customers values (4, 'x', true)", "update customers set name = 'x'",
          "delete from customers where id = 1 returning id",
          "with x as (select 1 as id) delete from customers where id in (select id from x)", "drop table customers",
          "create table z (a integer)", "commit", "rollback", "begin", "savepoint a", "release a", "explain select 1", "selct 1"})
        refused_before(db, check);
    refused_before(db, "select 1 = 1;\n -- then\n  delete from customers;", 3, 3);
    refused_before(db, "select 'never closed", 1, 8);
    if (db.postgres())
        for (auto const* check :
             {"select id into z from customers", "select id from customers for update", "do $$ begin end $$", "lock customers",
              "with gone as (delete from customers returning id) select true from gone", "set search_path = x",
              "rollback to savepoint undrop_check", "reset all", "copy customers to stdout", "\\echo x"})
            refused_before(db, check);
    else
        for (auto const* check : {"pragma user_version = 5", "pragma query_only = off", "pragma foreign_keys = off", "pragma optimize",
                                  "with x as (select 1) replace into customers values (1, 'x', 1)", "attach 'x' as y", "vacuum", ".tables"})
            refused_before(db, check);
}

ON_POSTGRES("story: what writes behind a check's SELECT is refused by the server's own read-only mode, and the step is taken back") {
    shop(db);
    db.run(
        "create sequence s;"
        "create function sneak() returns boolean language plpgsql as $$ begin delete from customers; return true; end $$;"
        "create function sneak_twice() returns boolean language plpgsql as $$ begin delete from customers; return true; "
        "exception when others then return true; end $$;"
        "create function open_up() returns boolean language plpgsql as $$ begin set local transaction_read_only = off; "
        "delete from customers; return true; end $$");
    for (auto const* check : {"select sneak()", "select nextval('s') > 0", "select 1 = 1; select sneak()"}) {
        auto const error = taken_back(db, check);
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.message, "a check may only read");
    }
    for (auto const* check : {"select open_up()", "select set_config('transaction_read_only', 'off', true) = 'off'"})
        CHECK_EQ(taken_back(db, check).code, Code::failed);
    CHECK(has(taken_back(db, "select pg_advisory_unlock_all() is not null").message, "the lock that keeps other migrators out"));
    // A function that catches the refusal has not written either.
    auto const before = db.table("select * from customers order by id");
    (void)up(db, source_of({{"create table b (id integer primary key);", {}, "select sneak_twice()"}}));
    CHECK_EQ(db.table("select * from customers order by id"), before);
}

ON_POSTGRES("story: a check runs under the author's settings, and what it sets is gone after it") {
    db.run("create schema app; create table app.t (id int primary key)");
    auto const url = db.url() + (has(db.url(), "?") ? "&" : "?") + "options=-csearch_path%3Dapp";
    auto target = Target::open(url).value();
    auto const source = source_of({{"insert into t values (1);",
                                    {},
                                    "select count(*) = 1 from t;\nselect current_setting('search_path') = 'app';\n"
                                    "select set_config('search_path', 'nowhere', false) = 'nowhere';\n"
                                    "select set_config('role', 'none', false) = 'none';"}});
    auto const went = apply(target, approve(plan_up(target, source).value()).value());
    REQUIRE_MESSAGE(went.has_value(), went.error().text());
    CHECK_EQ(went.value().steps.at(0).checks, 4);
    CHECK_EQ(db.count("select count(*) from undrop.event where kind = 'applied'"), 1);
}

ON_SQLITE("story: a check may ask PRAGMA foreign_key_check; its rows are what does not hold") {
    db.run(
        "create table parents (id integer primary key); create table kids (id integer primary key, parent integer references parents);"
        "insert into parents values (1); insert into kids values (1, 1);");
    CHECK_EQ(up(db, source_of({{"create table b (id integer primary key);", {}, "pragma foreign_key_check;"}})).steps.at(0).checks, 1);
    db.run("pragma foreign_keys = off; insert into kids values (2, 9), (3, 9)");
    auto const error = up_error(db, source_of({{"create table b (id integer primary key);", {}, "pragma foreign_key_check;"},
                                               {"create table c (id integer primary key);", {}, "pragma foreign_key_check(kids);"}}));
    CHECK(has(error.message, "(2 rows): pragma foreign_key_check(kids)"));
}

ON_BOTH("story: a check sees what the deferred constraints have let through, and what they have not is refused first") {
    db.run(
        "create table parents (id integer primary key);"
        "create table kids (id integer primary key, parent integer not null references parents deferrable initially deferred)");
    auto const check = std::string("select count(*) = 1 from kids k join parents p on p.id = k.parent;");
    auto const late = source_of({{"insert into kids values (1, 7);\ninsert into parents values (7);", {}, check}});
    CHECK_EQ(up(db, late).steps.at(0).checks, 1);
    auto with_orphan = source_of({{"insert into kids values (1, 7);\ninsert into parents values (7);", {}, check},
                                  {"insert into kids values (2, 8);", {}, "select 'asked' = 'asked';"}});
    bool asked = false;
    auto const error = up_error(db, with_orphan, {.on_event = [&](Event const& e) { asked = asked || e.kind == Event::Kind::checked; }});
    CHECK_FALSE(asked);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_NE(error.where.file, "2_step.check.sql");
    CHECK_EQ(db.count("select count(*) from kids"), 1);
}

ON_BOTH("story: the check of a down sees the values that came back; one that fails keeps the database as the up left it") {
    Participants story(db, 300);
    auto const as_born = db.either("(array['viewer', 'contributor', 'manager'])[id % 3 + 1]::role",
                                   "case id % 3 when 0 then 'viewer' when 1 then 'contributor' else 'manager' end");
    auto const before = witness(db);
    auto const source = source_of({{story.drop_role(),
                                    {},
                                    "select count(*) = 300 from request_participants;",
                                    "select id from request_participants where role <> " + as_born}});
    (void)up(db, source);
    auto const dropped = witness(db);
    auto failing = source;
    failing.migrations.at(0).down_check->text = "select id\n from request_participants where role = 'manager';";
    auto const error = down_error(db, failing);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(error.where.file, "1_step.down.check.sql");
    CHECK(has(error.message, "(100 rows): select id"));
    check_unchanged(dropped, witness(db));
    // The file is put right and wins over the ledger.
    CHECK_EQ(down(db, source).steps.at(0).checks, 1);
    check_same(before, witness(db));
}

ON_BOTH("story: the recorded check of a down runs where the files are gone; the file wins, unless the ledger's is asked for (P4)") {
    shop(db);
    auto const source = source_of({{widened, "alter table customers drop column points;", "select 1 = 1;", "select id from customers;"}});
    (void)up(db, source);
    auto const error = down_error(db, source_of({}));
    CHECK_EQ(error.where.file, "1_step.down.check.sql (ledger)");
    CHECK(has(error.message, "3 rows"));
    auto put_right = source;
    put_right.migrations.at(0).down_check->text = "select count(*) = 3 from customers;";
    CHECK(has(down_error(db, put_right, {.down_from = DownFrom::ledger}).message, "3 rows"));
    CHECK_EQ(down_error(db, source_of({}), {.derive = true}).code, Code::refused);
    CHECK_EQ(down(db, put_right).steps.at(0).checks, 1);
}

ON_BOTH("story: with --atomic, a check that does not hold takes the run's earlier steps back as well") {
    shop(db);
    auto const before = witness(db);
    auto const error = up_error(db,
                                source_of({{widened, {}, "select count(*) = 3 from customers;", "select count(*) = 3 from customers;"},
                                           {"create table b (id integer primary key);", {}, "select id from customers;"}}),
                                {.atomic = true});
    CHECK_EQ(error.where.file, "2_step.check.sql");
    check_unchanged(before, witness(db));
}
