// Rows that a step changes or deletes, in every way there is: seen, saved, and brought back.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

void shop(Database& db) {
    db.run(
        "create table customers (id integer primary key, name text not null);"
        "create table orders (id integer primary key, customer integer not null references customers on delete cascade, total integer);"
        "create table audit (id integer primary key, what text);"
        "insert into customers values (1, 'ada'), (2, 'bob');"
        "insert into orders values (1, 1, 10), (2, 1, 20), (3, 2, 30);"
        "insert into audit values (1, 'start')");
    db.run(
        db.either("create function log_it() returns trigger language plpgsql as $$ begin update audit set what = 'seen' where id = 1; "
                  "return new; end $$;"
                  "create trigger log_it after insert on orders for each row execute function log_it();",
                  "create trigger log_it after insert on orders begin update audit set what = 'seen' where id = 1; end;"));
}

// Up and down again; `table` is what was saved, as far as it matters.
void comes_back(Database& db, std::string const& script, std::string const& table, int rounds = 1) {
    CAPTURE(script);
    auto const before = witness(db);
    auto const went = up(db, source_of({{script}}));
    CHECK_EQ(went.steps.at(0).rounds, rounds);
    std::string all;
    for (auto const& one : went.steps[0].saved) all += one.what + " ";
    CAPTURE(all);
    CHECK_NE(all.find(table), std::string::npos);
    (void)down(db, source_of({{script}}));
    check_unchanged(before, witness(db));
}

}  // namespace

ON_BOTH("story: existing rows that a step updates or deletes come back") {
    shop(db);
    comes_back(db, "update customers set name = 'x' where id = 1;", "customers");
    comes_back(db, "create table other (id integer primary key);\nupdate orders set total = total + 1;", "orders");
    comes_back(db, "delete from orders where id = 3;", "orders");
    comes_back(db, "delete from orders;\ninsert into orders values (1, 1, 10), (2, 1, 20);", "");
    comes_back(db, "insert into audit values (2, 'more');\ndelete from audit where id = 1;", "audit");
}

ON_BOTH("story: rows deleted by a foreign key's cascade come back, in the table that lost them") {
    shop(db);
    comes_back(db, "delete from customers where id = 2;", "orders (deleted)");
}

ON_BOTH("story: rows changed by a trigger come back") {
    shop(db);
    comes_back(db, "insert into orders values (9, 1, 1);", "audit");
}

ON_POSTGRES("story: TRUNCATE, and rows changed inside a block or by MERGE, come back") {
    shop(db);
    comes_back(db, "truncate orders;", "orders");
    comes_back(db, "truncate customers cascade;", "orders (deleted)", 2);
    comes_back(db, "do $$ begin update customers set name = upper(name); end $$;", "customers");
    comes_back(db,
               "merge into customers c using (values (1, 'new')) v(id, name) on c.id = v.id when matched then update set name = v.name;",
               "customers");
    comes_back(db, "with gone as (delete from orders where id = 1 returning *) select * from gone;", "orders");
    comes_back(db, "insert into customers values (1, 'zoe') on conflict (id) do update set name = excluded.name;", "customers");
}

ON_SQLITE("story: rows replaced by INSERT OR REPLACE, and rows of a table without rowids, come back") {
    shop(db);
    comes_back(db, "insert or replace into customers values (1, 'zoe');", "");
    db.run("create table settings (name text primary key, value text) without rowid; insert into settings values ('a', '1')");
    comes_back(db, "update settings set value = '2';", "settings");
    comes_back(db, "replace into settings values ('a', '3');", "settings");
    comes_back(db, "delete from settings;", "settings");
}

ON_POSTGRES("story: an UPDATE that an EXCEPTION block undid took nothing") {
    shop(db);
    (void)up(
        db,
        source_of(
            {{"do $$ begin begin update customers set name = 'x'; raise exception 'no'; exception when others then null; end; end $$;"}}));
    CHECK_EQ(db.table("select name from customers order by id"), "ada\nbob");
}

ON_BOTH("story: new rows, and an UPDATE that changes nothing, take nothing and pass") {
    shop(db);
    db.run("drop trigger log_it" + db.either(" on orders", ""));
    auto const went =
        up(db,
           source_of({{"insert into customers values (3, 'cyd');\ninsert into orders values (4, 3, 5);\nupdate customers set name = name;\n"
                       "delete from customers where id = 99;\n"}}));
    CHECK(went.steps.at(0).saved.empty());
    CHECK_EQ(db.count("select count(*) from customers"), 3);
}

ON_BOTH("story: a waiver lets changed rows go, by name, and the ledger keeps it") {
    shop(db);
    auto const source = source_of({{"-- undrop: lose orders\nupdate orders set total = 0;\ndelete from orders where id = 1;\n"}});
    auto const went = up(db, source);
    CHECK_EQ(db.table("select id, total from orders order by id"), "2|0\n3|0");
    CHECK(went.steps.at(0).saved.empty());
    CHECK_EQ(went.steps[0].waived, std::vector<std::string>{db.named("orders")});
    auto const other = Database::make(db.engine());
    shop(*other);
    comes_back(*other, "-- undrop: lose orders\nupdate customers set name = 'x';", "customers");
}

ON_BOTH("story: a waived column or table is not saved, and the report and the ledger say so") {
    Participants story(db, 100);
    auto const source = source_of({{"-- undrop: lose request_participants.role\n" + story.drop_role()}});
    auto const went = up(db, source);
    CHECK(went.steps.at(0).saved.empty());
    CHECK(mentions(went.steps[0].waived, "request_participants.role"));
    auto target = Target::open(db.url()).value();
    auto const events = log(target).value();
    REQUIRE(!events.empty());
    CHECK_NE(events.back().detail.find("request_participants.role"), std::string::npos);
    (void)down(db, source);
    CHECK_EQ(db.count("select count(*) from request_participants where role = 'viewer'"), 100);

    auto const gone = up(db, source_of({{"-- undrop: lose request_participants\n" + db.either("", "drop view managers;\n") +
                                         "drop table request_participants" + db.either(" cascade;", ";")}}));
    CHECK(gone.steps.at(0).saved.empty());
    CHECK(mentions(gone.steps[0].waived, "request_participants"));
}

// The server's counters know of the rows, though their versions are dead.
ON_POSTGRES("story: what an EXCEPTION block of a down undid does not pass for a write of another's when rows come back") {
    db.run("create table t (id integer primary key, a integer, b text); insert into t values (1, 1, 'x'), (2, 2, 'y')");
    auto const before = witness(db);
    std::string const undone = "do $$ begin update t set a = 0; raise exception 'no'; exception when others then null; end $$;\n";
    auto const source = source_of({{undone + "alter table t drop column b; alter table t alter column a type bigint",
                                    undone + "alter table t alter column a type integer; alter table t add column b text"}});
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
}
