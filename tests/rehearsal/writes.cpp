// The second round: an application writes between the up and the down.
#include <algorithm>

#include <fmt/format.h>

#include "rehearsal/rehearsal.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

Scripts const members{
    "create table members (id integer primary key, name text, role text not null);\n"
    "insert into members values (1, 'ann', 'manager'), (2, null, 'viewer'), (3, 'cid', 'viewer'), (4, 'dan', 'viewer')",
    "drop table members"};
std::string const add = "alter table members add column note text";

Rehearsed last(Database& db, Source const& source, bool writes = true) {
    auto const evidence = rehearsed(db, source, {.writes = writes});
    REQUIRE_FALSE(evidence.migrations.empty());
    INFO(text_of(evidence));
    return evidence.migrations.back();
}

// All is as before without an application, and this is what is wrong with one.
void check_lossy(Database& db, std::string const& down, std::string const& reason) {
    auto const source = source_of({members, {add + "; update members set note = name", "alter table members drop column note; " + down}});
    CHECK(last(db, source, false).grade == Grade::exact);
    auto const one = last(db, source);
    CHECK(one.grade == Grade::lossy);
    CHECK_FALSE(one.came_back);
    CHECK(one.step == "down");
    CHECK(one.where.file == "2_step.down.sql");
    CHECK_MESSAGE(has(one.reason, reason), one.reason);
}

}  // namespace

ON_BOTH("writes: a row that an application inserted must still be there") {
    check_lossy(db, "delete from members where id > 4", "rows inserted after the up are gone: 1 of " + db.named("members"));
}

ON_BOTH("writes: a value that an application wrote must still be there") {
    check_lossy(db, "update members set name = 'ann' where id = 1",
                "values written to name after the up are lost: 1 of " + db.named("members"));
}

ON_BOTH("writes: a row that an application deleted must stay away") {
    check_lossy(db, "insert into members select 3, 'cid', 'viewer' where not exists (select 1 from members where id = 3)",
                "rows deleted after the up are there again: 1 of " + db.named("members"));
}

ON_BOTH("writes: all else must be as before") {
    check_lossy(db, "update members set name = 'x' where exists (select 1 from members where id > 4) and id = 2",
                "values of name are others than before the up: 1 of " + db.named("members"));
}

ON_BOTH("writes: what undrop brings back beside them is exact with snapshot") {
    auto const one = last(db, source_of({members, {"alter table members drop column name", "alter table members add column name text"}}));
    CHECK_MESSAGE(one.grade == Grade::exact_with_snapshot, one.reason);
    CHECK(one.notes.empty());
}

ON_BOTH("writes: nothing of them is left for the next migration") {
    auto const evidence = rehearsed(
        db, source_of({members, {add, "alter table members drop column note"}, {"create unique index one_name on members (name)"}}));
    CHECK_MESSAGE(evidence.exact(), text_of(evidence));
    CHECK(evidence.migrations.at(2).grade == Grade::exact);
}

ON_BOTH("writes: a way back that they refuse is noted") {
    auto const one = last(db, source_of({members, {"alter table members drop column role"}}));
    CHECK(one.grade == Grade::exact_with_snapshot);
    REQUIRE(one.notes.size() == 1);
    CHECK(has(one.notes[0], "where an application has written, the down is refused: "));
    CHECK(one.refused_in_use);
}

ON_POSTGRES("writes: a trigger that fails since the up is noted, and no failure") {
    auto const one = last(db, source_of({members,
                                         {"create function told() returns trigger language plpgsql as $$begin new.name := "
                                          "upper(new.role); return new; end$$; "
                                          "create trigger told before insert on members for each row execute function told()"},
                                         {"alter table members alter column role drop not null; alter table members drop column role"}}));
    CHECK(one.grade == Grade::exact_with_snapshot);
    auto const text = "an application's insert in public.members fails after the up: ";
    CHECK(std::any_of(one.notes.begin(), one.notes.end(), [&](std::string const& note) { return note.starts_with(text); }));
}

ON_BOTH("writes: a down script that was passed over while nobody had written is judged once an application wrote what keeps it from that") {
    auto const source = source_of({members, {add, "alter table members drop column note; delete from members where id = 2"}});
    auto const alone = last(db, source, false);
    CHECK(alone.grade == Grade::exact);
    CHECK(mentions(rehearsed(db, source, {.writes = false}).notes, "no application wrote between up and down"));
    CHECK(mentions(alone.notes, "the down script leaves otherwise than it was before the up"));
    auto const one = last(db, source);
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "rows of before the up are gone: 1 of " + db.named("members")), one.reason);
    CHECK(has(one.derived, "exact, where nobody has written"));
}

ON_BOTH("writes: so is one beside a table that the up made, which an application fills") {
    auto const one = last(db, source_of({members,
                                         {"create table visits (id integer primary key, member integer not null references members)",
                                          "drop table visits; update members set role = 'viewer'"}}));
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "values of role are others than before the up: 1 of " + db.named("members")), one.reason);
}

ON_BOTH("writes: what a down script computes from a column that the up added is its own affair") {
    auto const one = last(db, source_of({members,
                                         {add,
                                          "update members set name = note where note is not null; alter table members drop "
                                          "column note"}}));
    CHECK_MESSAGE(one.grade <= Grade::exact_with_snapshot, one.reason);
}

ON_BOTH("writes: a table that the up made is filled where the down script writes rows of others by it") {
    auto const one =
        last(db, source_of({members,
                            {add + "; create table banned (member integer primary key references members on delete cascade, why text)",
                             "delete from members where id in (select member from banned); drop table banned; "
                             "alter table members drop column note"}}));
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "up are gone: 1 of " + db.named("members")), one.reason);
}

ON_BOTH("writes: what the up copied of their rows elsewhere is taken out again, too") {
    auto const evidence = rehearsed(
        db,
        source_of({members,
                   {"create table roles (member integer primary key, role text); insert into roles select id, role from members; "
                    "alter table members drop column role",
                    "alter table members add column role text; update members set role = (select r.role from roles as r where r.member = "
                    "members.id); drop table roles"},
                   {"create table checked (member integer primary key references members); insert into checked select member from "
                    "roles",
                    "drop table checked"}}));
    CHECK_MESSAGE(evidence.migrations.back().grade == Grade::exact, text_of(evidence));
}

ON_BOTH("writes: a down script that computes values back does so for new rows, too") {
    auto const one = last(db, source_of({{"create table goods (id integer primary key, price integer not null); "
                                          "insert into goods values (1, 3), (2, 5), (3, 7)",
                                          "drop table goods"},
                                         {"update goods set price = price * 100", "update goods set price = price / 100"}}));
    CHECK_MESSAGE(one.grade <= Grade::exact_with_snapshot, one.reason);
}

ON_POSTGRES("writes: an application's triggers find names as they do in use") {
    auto const one = last(
        db,
        source_of({{members.up + "; create table audit (id integer generated always as identity, what text); create function told() "
                                 "returns trigger language plpgsql as $$begin insert into audit (what) values (tg_op); return null; end$$; "
                                 "create trigger told after insert or update or delete on members for each row execute function told()",
                    "drop table members; drop table audit; drop function told"},
                   {add, "delete from members where note is not null; alter table members drop column note"}}));
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "rows of before the up are gone: 1 of public.members"), one.reason);
}

ON_BOTH("writes: a table without a key is named, since nobody wrote to it") {
    auto const one = last(db, source_of({{"create table log (line text); insert into log values ('a')", "drop table log"},
                                         {"alter table log add column at integer", "alter table log drop column at"}}));
    CHECK(one.grade == Grade::exact);
    CHECK(mentions(one.notes, "no application wrote to " + db.named("log") + ": without a key"));
}

ON_BOTH("writes: what is written to a column under its new name must be there under the old one") {
    auto const source = source_of({members,
                                   {"alter table members rename column name to full_name",
                                    "alter table members rename column full_name to name; update members set name = 'ann' where name not "
                                    "in ('ann', 'cid', 'dan') and id <= 4"}});
    auto const one = last(db, source);
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "values written to full_name after the up are lost: 1 of " + db.named("members")), one.reason);
    auto const plain = last(
        db, source_of(
                {members, {"alter table members rename column name to full_name", "alter table members rename column full_name to name"}}));
    CHECK_MESSAGE(plain.grade == Grade::exact, plain.reason);
}

ON_BOTH("writes: so is what is written to a table under its new name") {
    auto const one = last(
        db,
        source_of(
            {members, {"alter table members rename to people", "alter table people rename to members; delete from members where id > 4"}}));
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "rows inserted after the up are gone: 1 of " + db.named("members")), one.reason);
}

ON_BOTH("writes: a key that is only meant is filled, too") {
    auto const one = last(db, source_of({members,
                                         {"create table banned (id integer primary key, member integer, why text)",
                                          "delete from members where id in (select member from banned); drop table banned"}}));
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "up are gone: 1 of " + db.named("members")), one.reason);
}

ON_BOTH("writes: a migration that only adds a trigger has its table written to") {
    auto const refusing = db.either(
        "create function refusing() returns trigger language plpgsql as $$begin raise exception 'no more'; end$$; "
        "create trigger told before insert on members for each row execute function refusing()",
        "create trigger told before insert on members begin select raise(abort, 'no more'); end");
    auto const gone = db.either("drop trigger told on members; drop function refusing", "drop trigger told");
    auto const one = last(db, source_of({members, {refusing, gone}}));
    CHECK(one.grade == Grade::exact);
    CHECK(mentions(one.notes, "an application's insert in " + db.named("members") + " fails after the up: "));
}

ON_BOTH("writes: each column is written, also one that has the same value in all rows") {
    Scripts const goods{
        "create table goods (id integer primary key, state text not null, note text, code text); insert into goods values "
        "(1, 'new', 'a', null), (2, 'open', null, null), (3, 'done', 'c', null)",
        "drop table goods"};
    auto const backup = last(
        db, source_of({goods,
                       {"create table kept as select * from goods; update goods set state = 'z' where id = 1",
                        "update goods set state = (select k.state from kept as k where k.id = goods.id), note = (select k.note from kept "
                        "as k where k.id = goods.id) where id in (select id from kept); drop table kept"}}));
    CHECK(backup.grade == Grade::lossy);
    CHECK_MESSAGE(has(backup.reason, "values written to note after the up are lost: 1 of " + db.named("goods")), backup.reason);
    auto const empty = last(
        db,
        source_of({goods, {"alter table goods add column kind text", "update goods set code = null; alter table goods drop column kind"}}));
    CHECK(empty.grade == Grade::lossy);
    CHECK_MESSAGE(has(empty.reason, "values written to code after the up are lost: 1 of " + db.named("goods")), empty.reason);
}

ON_BOTH("writes: a table that only the down script writes is written to, too") {
    auto const one = last(
        db,
        source_of({members,
                   {"create table other (id integer primary key, v text); insert into other values (1, 'k'), (2, 'l')", "drop table other"},
                   {add, "alter table members drop column note; delete from other where v not in ('k', 'l')"}}));
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "rows inserted after the up are gone: 1 of " + db.named("other")), one.reason);
}

ON_BOTH("writes: what the down script compares with is written") {
    for (auto const* literal : {"'guest'", "'it''s'"}) {
        auto const one =
            last(db, source_of({members,
                                {"alter table members add column kind text not null default 'member'",
                                 fmt::format("delete from members where kind = {}; alter table members drop column kind", literal)}}));
        CHECK(one.grade == Grade::lossy);
        CHECK_MESSAGE(has(one.reason, "up are gone: 1 of " + db.named("members")), one.reason);
    }
    auto const number = last(db, source_of({members,
                                            {"alter table members add column guest integer",
                                             "delete from members where guest = 7; alter table members drop column guest"}}));
    CHECK_MESSAGE(has(number.reason, "up are gone: 1 of " + db.named("members")), number.reason);
}

ON_POSTGRES("writes: a label that is called otherwise is the same value") {
    auto const one = last(db, source_of({{"create type mood as enum ('sad', 'ok'); create table t (id integer primary key, m mood); insert "
                                          "into t values (1, 'sad'), (2, 'ok'), (3, null)",
                                          "drop table t; drop type mood"},
                                         {"alter type mood rename value 'ok' to 'fine'", "alter type mood rename value 'fine' to 'ok'"}}));
    CHECK_MESSAGE(one.grade == Grade::exact, one.reason);
}
