// P8: a store that somebody has laid hands on is refused by the name of what is wrong with it, before anything of it is run or restored
// from, and before anything changes.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

struct Planted {
    std::string sql;
    std::string undo;
    std::string named;  // in the refusal
};

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Source const& source() {
    static auto const made =
        source_of({{"alter table t drop column c;", "alter table t add column c text;"}, {"create table later (i int);"}});
    return made;
}

Source first() {
    auto only = source();
    only.migrations.resize(1);
    return only;
}

void filled(Database& db) {
    db.run("create table t (id integer primary key, c text, d text); insert into t values (1, 'a', 'x'), (2, 'b', 'y')");
}

// Every way in says so, and changes nothing.
void check_refused(Database& db, std::string const& named, std::size_t ways = 7) {
    auto const before = witness(db);
    std::vector<Error> errors{up_error(db, source()), down_error(db, source()), down_error(db, source(), {.derive = true})};
    auto target = Target::open(db.url()).value();
    if (auto const asked = status(target, source()); !asked) errors.push_back(asked.error());
    if (auto const asked = plan_up(target, source()); !asked) errors.push_back(asked.error());
    if (auto const asked = verify_snapshots(target); !asked) errors.push_back(asked.error());
    if (auto const asked = migrate(target, source()); !asked) errors.push_back(asked.error());
    CHECK_EQ(errors.size(), ways);
    for (auto const& error : errors) {
        CAPTURE(error.text());
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK(has(error.message, named));
        CHECK_FALSE(error.next.advice.empty());
        CHECK_FALSE(has(error.text(), "evil ran"));
    }
    check_unchanged(before, witness(db));
}

}  // namespace

ON_POSTGRES("planted: what runs when a table of the store is used is refused by name") {
    filled(db);
    (void)up(db, first());
    db.run(
        "create function public.evil() returns trigger language plpgsql as $$ begin raise exception 'evil ran'; end $$;"
        "create function public.evil(bigint) returns bigint language plpgsql immutable as $$ begin raise exception 'evil ran'; end $$");
    for (auto const& [sql, undo, named] : std::vector<Planted>{
             {"create trigger evil before insert or update on undrop.event for each row execute function evil()",
              "drop trigger evil on undrop.event", "event has a trigger"},
             {"create trigger evil before delete on undrop.snapshot_1 for each row execute function evil()",
              "drop trigger evil on undrop.snapshot_1", "snapshot_1 has a trigger"},
             {"create rule evil as on insert to undrop.snapshot do instead nothing", "drop rule evil on undrop.snapshot",
              "snapshot has a rule"},
             {"create policy evil on undrop.event using (false)", "drop policy evil on undrop.event", "event has a policy"},
             {"alter table undrop.event alter column label set default evil(1)", "alter table undrop.event alter column label drop default",
              "event has a default"},
             {"alter table undrop.event add check (evil(id) > 0) not valid", "alter table undrop.event drop constraint event_id_check",
              "event has a constraint that is no key"},
             {"create table public.other (id bigint primary key); alter table undrop.object add foreign key (step) references other not "
              "valid",
              "drop table other cascade", "object has a constraint that is no key"},
             {"create index evil on undrop.journal (evil(id))", "drop index undrop.evil", "journal has an index over an expression"},
             {"create index evil on undrop.journal (id) where evil(id) > 0", "drop index undrop.evil",
              "journal has an index over an expression"},
             {"create view undrop.extra as select 1", "drop view undrop.extra", "extra is no table"},
             {"create function undrop.evil() returns int language sql as 'select 1'", "drop function undrop.evil()", "the function evil"},
             {"create type undrop.row as (a integer)", "drop type undrop.row", "the type row"},
             {"create type undrop.label as enum ('a')", "drop type undrop.label", "the type label"},
             {"create materialized view undrop.mat as select 1", "drop materialized view undrop.mat", "mat is no table"},
             {"create table undrop.kid () inherits (undrop.event)", "drop table undrop.kid", "takes part in inheritance"}}) {
        CAPTURE(sql);
        db.run(sql);
        check_refused(db, named);
        db.run(undo);
    }
    // Who may only look on hinders nobody who reads, but nothing more is put where others see it.
    for (auto const* right : {"select", "select (v1)"}) {
        CAPTURE(right);
        db.run(std::string("grant ") + right + " on undrop.snapshot_1 to undrop_reader");
        check_refused(db, "snapshot_1", std::string(right) == "select" ? 4 : 7);
        db.run(std::string("revoke ") + right + " on undrop.snapshot_1 from undrop_reader");
    }
    (void)up(db, source());
    (void)down(db, source(), {}, {.to = "0"});
    CHECK_EQ(db.table("select id, c from t order by id"), "1|a\n2|b");
}

ON_POSTGRES("planted: a schema undrop that another role has made beforehand is refused, whatever is in it") {
    filled(db);
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    superuser->run("create schema undrop authorization undrop_reader; grant all on schema undrop to public");
    check_refused(db, "undrop_reader");
    superuser->run(
        "set role undrop_reader; create table undrop.event (id bigint primary key); grant all on undrop.event to public;"
        "create function undrop.evil() returns trigger language plpgsql as $$ begin raise exception 'evil ran'; end $$;"
        "create trigger evil before insert on undrop.event for each row execute function undrop.evil(); reset role");
    check_refused(db, "undrop_reader");
    superuser->run("drop schema undrop cascade");
    (void)up(db, source());
}

ON_SQLITE("planted: what runs when a table of the store is used is refused by name") {
    filled(db);
    (void)up(db, first());
    for (auto const& [sql, undo, named] : std::vector<Planted>{
             {"create trigger evil before insert on undrop_event begin select raise(abort, 'evil ran'); end", "drop trigger evil",
              "trigger evil"},
             {"create trigger evil after delete on undrop_snapshot_1 begin delete from t; end", "drop trigger evil", "trigger evil"},
             {"create index evil on undrop_journal (abs(id))", "drop index evil", "index evil"},
             {"create index evil on undrop_object (step) where abs(step) > 0", "drop index evil", "index evil"},
             {"alter table undrop_script rename to kept; create view undrop_script as select * from kept",
              "drop view undrop_script; alter table kept rename to undrop_script", "undrop_script is no ordinary table"}}) {
        CAPTURE(sql);
        db.run(sql);
        check_refused(db, named);
        db.run(undo);
    }
    (void)up(db, source());
    (void)down(db, source(), {}, {.to = "0"});
    CHECK_EQ(db.table("select id, c from t order by id"), "1|a\n2|b");
}

ON_BOTH("planted: a script that was altered in the ledger is not run, until its text is what it was") {
    filled(db);
    auto const without_files = source_of({});
    (void)up(db, source());
    auto const script = db.either("undrop.script", "undrop_script");
    db.run("update " + script + " set body = 'drop table t; -- ' || body where body like '%add column c%'");
    auto const before = witness(db);
    for (auto const& error : {down_error(db, without_files, {}, {.to = "0"}), down_error(db, source(), {}, {.to = "0"}),
                              down_error(db, source(), {.down_from = DownFrom::ledger}, {.to = "0"})}) {
        CAPTURE(error.text());
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK(has(error.message, "1_step.down.sql is not the one that was recorded"));
        CHECK(has(error.next.advice, "whose SHA-256 is " + db.one("select down_script from " + db.either("undrop.event", "undrop_event") +
                                                                  " where version = '1'")));
    }
    check_unchanged(before, witness(db));
    db.run("update " + script + " set body = substr(body, 18) where body like '%add column c%'");
    (void)down(db, without_files, {}, {.to = "0"});
    CHECK_EQ(db.table("select id, c from t order by id"), "1|a\n2|b");
}

ON_BOTH("planted: what the ledger recorded of objects, once garbled, is refused and not run") {
    filled(db);
    (void)up(db, first());
    db.run("update " + db.either("undrop.object", "undrop_object") + " set before = 'drop table t' where before is not null");
    auto const before = witness(db);
    auto const error = down_error(db, source(), {.derive = true});
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    check_unchanged(before, witness(db));
}
