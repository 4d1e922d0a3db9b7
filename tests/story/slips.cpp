// Down scripts that fail by their own fault, as people write them: refused with advice, nothing changed, and the way back is there all
// the same.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// The down fails, saying so; the ledger knows the way back.
void fails(Database& db, Scripts const& scripts, std::string const& said) {
    auto const before = witness(db);
    auto const source = source_of({scripts});
    (void)up(db, source);
    auto const migrated = witness(db);
    auto const error = down_error(db, source);
    CHECK_MESSAGE(has(error.text(), said), error.text());
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_GT(error.where.line, 0);
    CHECK_MESSAGE(has(error.text(), "down --derive"), error.text());
    check_unchanged(migrated, witness(db));
    (void)down(db, source, {.derive = true});
    check_same(before, witness(db));
}

}  // namespace

ON_BOTH("slips: the column went with the index that the down drops next") {
    db.run("create table t (id integer primary key); insert into t values (1)");
    fails(db,
          {"alter table t add column c text;\ncreate index t_c on t (c);",
           db.either("alter table t drop column c;\ndrop index t_c;", "drop index t_c;\nalter table t drop column c;\ndrop index t_c;")},
          "t_c");
}

ON_BOTH("slips: a column that must not be NULL comes back to a table with rows without a default") {
    db.run("create table t (id integer primary key, c text not null); insert into t values (1, 'a'), (2, 'b')");
    fails(db, {"alter table t drop column c;", "alter table t add column c text not null;"}, db.either("null values", "NOT NULL"));
}

ON_POSTGRES("slips: labels cannot be dropped, though a down says so") {
    db.run("create type mood as enum ('sad', 'ok'); create table t (m mood); insert into t values ('ok')");
    fails(db, {"alter type mood add value 'glad';", "alter type mood drop value 'glad';"}, "syntax error");
}

ON_POSTGRES("slips: a view's older shape cannot replace the new one") {
    db.run("create table t (id integer primary key, c text); create view v as select id from t");
    fails(db, {"create or replace view v as select id, c from t;", "create or replace view v as select id from t;"},
          "cannot drop columns from view");
}

ON_POSTGRES("slips: others depend on what the down drops") {
    db.run("create table t (id integer primary key)");
    auto const source = source_of({{"create function f() returns integer language sql as 'select 1';", "drop function f();"}});
    (void)up(db, source);
    db.run("create view since as select f() as f");
    auto const migrated = witness(db);
    auto const error = down_error(db, source);
    CHECK_MESSAGE(has(error.text(), "view since depends on function f()"), error.text());
    check_unchanged(migrated, witness(db));
}

ON_BOTH("slips: a unique column is set back to the same value in every row") {
    db.run(
        "create table t (id integer primary key, slug text); create unique index t_slug on t (slug); insert into t values (1, 'a'), (2, "
        "'b')");
    fails(db,
          {"drop index t_slug;\nalter table t drop column slug;",
           "alter table t add column slug text default '';\ncreate unique index t_slug on t (slug);"},
          db.either("t_slug", "t.slug"));
}

ON_BOTH("slips: a column of before that the down fills anew, and leaves under another name, is saved or stays") {
    db.run("create table t (id integer primary key, v text, z integer); insert into t values (1, 'Ann', 1), (2, 'Bob', 2)");
    auto const source = source_of({{"alter table t drop column z;",
                                    "alter table t add column z integer;\nalter table t rename column v to old_v;\n"
                                    "alter table t add column v text;\nupdate t set v = upper(old_v);"}});
    (void)up(db, source);
    auto const back = down(db, source);
    CHECK_EQ(db.one("select v from t where id = 1"), "ANN");
    if (db.either("stays", "goes") == "stays")
        CHECK_EQ(db.one("select old_v from t where id = 1"), "Ann");
    else
        CHECK_EQ(saved(back.steps.at(0), db.named("t.v")).rows, 2);
}

ON_POSTGRES("slips: a table that becomes a partitioned one has no derived way back, and both the up and the plan say so") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a'), (2, 'b')");
    auto const source =
        source_of({{"alter table t rename to old_t;\n"
                    "create table t (id integer primary key, v text) partition by range (id);\n"
                    "create table t_all partition of t default;\ninsert into t select * from old_t;\ndrop table old_t;"}});
    auto const went = up(db, source);
    CHECK(mentions(went.steps.at(0).notes, "no way back can be derived: table public.t is partitioned, and was not before"));
    auto const migrated = witness(db);
    auto target = Target::open(db.url()).value();
    auto const plan = plan_down(target, source).value();
    CHECK_EQ(std::count_if(plan.findings.begin(), plan.findings.end(), [](Finding const& f) { return f.code == "not-derivable"; }), 1);
    CHECK_EQ(down_error(db, source).left, Left::untouched);
    check_unchanged(migrated, witness(db));
}
