// Steps that would change or delete existing rows are refused by the look until such rows can be saved: nothing changes.
#include <algorithm>

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

void refused(Database& db, std::string const& script, std::string const& table) {
    CAPTURE(script);
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{script}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_NE(error.message.find(table), std::string::npos);
    CHECK_EQ(error.where.file, "1_step.up.sql");
    CHECK_NE(error.next.advice.find("undrop: lose"), std::string::npos);
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    auto const now = status(target, source_of({})).value();
    CHECK(std::none_of(now.applied.begin(), now.applied.end(), [](AppliedMigration const& a) { return a.version == "1"; }));
}

}  // namespace

ON_BOTH("story: a step that updates or deletes existing rows is refused, and nothing changes") {
    shop(db);
    refused(db, "update customers set name = 'x' where id = 1;", "customers");
    refused(db, "create table other (id integer primary key);\nupdate orders set total = total + 1;", "orders");
    refused(db, "delete from orders where id = 3;", "orders");
    refused(db, "delete from orders;\ninsert into orders values (1, 1, 10), (2, 1, 20);", "");
    refused(db, "insert into audit values (2, 'more');\ndelete from audit where id = 1;", "audit");
}

ON_BOTH("story: rows deleted by a foreign key's cascade are seen, in the table that lost them") {
    shop(db);
    refused(db, "delete from customers where id = 2;", "");
    CHECK_EQ(db.count("select count(*) from orders"), 3);
}

ON_BOTH("story: rows changed by a trigger are seen") {
    shop(db);
    refused(db, "insert into orders values (9, 1, 1);", "audit");
}

ON_POSTGRES("story: TRUNCATE, and rows changed inside a block or by MERGE, are seen") {
    shop(db);
    refused(db, "truncate orders;", "orders");
    refused(db, "truncate customers cascade;", "");
    refused(db, "do $$ begin update customers set name = upper(name); end $$;", "customers");
    refused(db, "merge into customers c using (values (1, 'new')) v(id, name) on c.id = v.id when matched then update set name = v.name;",
            "customers");
    refused(db, "with gone as (delete from orders where id = 1 returning *) select * from gone;", "orders");
    refused(db, "insert into customers values (1, 'zoe') on conflict (id) do update set name = excluded.name;", "customers");
}

ON_SQLITE("story: rows replaced by INSERT OR REPLACE, and rows of a table without rowids, are seen") {
    shop(db);
    refused(db, "insert or replace into customers values (1, 'zoe');", "");
    db.run("create table settings (name text primary key, value text) without rowid; insert into settings values ('a', '1')");
    refused(db, "update settings set value = '2';", "settings");
    refused(db, "replace into settings values ('a', '3');", "settings");
    refused(db, "delete from settings;", "settings");
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
    refused(*other, "-- undrop: lose orders\nupdate customers set name = 'x';", "customers");
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
