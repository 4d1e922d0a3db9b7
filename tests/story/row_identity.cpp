// Which row is which on the way back: tables without a key, keys that a script changes or drops, keys that are equal without being the
// same.
#include <fmt/format.h>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

struct Told {
    std::string before;  // schema and rows
    std::string up;
    std::optional<std::string> down = {};
    std::string writes;                    // what the application does after the up
    std::optional<std::string> twin = {};  // the same on a database that never migrated
};

// There, the application's writes, and back: as a database that never migrated and had the same writes.
StepReport as_never_migrated(Database& db, Told const& told, Options const& options = {}) {
    auto const twin = Database::make(db.engine());
    twin->run(told.before);
    twin->run(told.twin.value_or(told.writes));
    auto const wanted = witness(*twin);

    db.run(told.before);
    auto const source = source_of({{told.up, told.down}});
    (void)up(db, source, options);
    db.run(told.writes);
    auto const back = down(db, source, options);
    check_same(wanted, witness(db));
    return back.steps.at(0);
}

constexpr char const* keyless =
    "create table t (name text, b integer, k text);"
    "insert into t values ('a', 1, 'x'), ('b', 2, 'x'), ('c', 3, 'y'), ('d', 4, 'y'), ('e', 5, null), ('f', 6, 'z');";
constexpr char const* all_changed = "update t set b = b * 100, k = upper(k)";

}  // namespace

ON_BOTH("story: of a row without a key, changed by an up and edited since, what was edited stays and the rest comes back") {
    auto const back = as_never_migrated(db, {.before = keyless,
                                             .up = all_changed,
                                             .writes = "update t set b = 7 where name = 'b'; delete from t where name = 'c';"
                                                       "insert into t values ('n', 9, 'n')"});
    CHECK_EQ(merged(back, db.named("t.b")).restored, 4);
    CHECK_EQ(merged(back, db.named("t.b")).changed_since, 1);
    CHECK_EQ(merged(back, db.named("t.b")).not_found, 1);
    CHECK_EQ(merged(back, db.named("t.k")).restored, 4);
    CHECK_EQ(merged(back, db.named("t.k")).unchanged, 1);
}

ON_BOTH("story: rows without a key are followed where no second connection is allowed, and where the script alters their table") {
    constexpr auto writes = "update t set b = 7 where name = 'b'; delete from t where name = 'c'";
    (void)as_never_migrated(db, {.before = keyless, .up = all_changed, .writes = writes}, {.second_connection = false});
    db.run("drop table t");
    (void)as_never_migrated(
        db,
        {.before = keyless, .up = "alter table t add column c integer;\nupdate t set b = b * 100, k = upper(k), c = 1", .writes = writes});
}

ON_BOTH("story: a script that updates, deletes and inserts rows without a key is taken back around later writes") {
    auto const one = db.either("delete from t where ctid = (select min(ctid::text)::tid from t where name = 'dup')",
                               "delete from t where rowid = (select min(rowid) from t where name = 'dup')");
    auto const back =
        as_never_migrated(db, {.before = std::string(keyless) + "insert into t values ('dup', 8, 'q'), ('dup', 8, 'q'), ('dup', 8, 'q')",
                               .up = "update t set b = b * 100 where name <> 'a';\ndelete from t where name in ('a', 'f');\n"
                                     "insert into t values ('new', 1, 'new'), ('new', 1, 'new')",
                               .writes = one + "; update t set b = 7 where name = 'b'; delete from t where name = 'c'"});
    CHECK_EQ(merged(back, db.named("t") + " (deleted)").restored, 2);
    CHECK_EQ(merged(back, db.named("t") + " (inserted)").removed, 2);
    CHECK_EQ(merged(back, db.named("t.b")).not_found, 2);
}

ON_BOTH("story: a row that nothing tells any more stays as it is, once, and its old values are counted as kept aside") {
    db.run(keyless);
    auto const source = source_of({{"update t set b = b * 100"}});
    (void)up(db, source);
    db.run("update t set name = 'mine', k = 'mine' where name = 'a'");
    auto const report = down(db, source);
    CHECK_EQ(merged(report.steps.at(0), db.named("t.b")).not_found, 1);
    CHECK_NE(text_of(report).find("changed or deleted since 1"), std::string::npos);
    CHECK_EQ(db.table("select name, b from t order by b, name"), "b|2\nc|3\nd|4\ne|5\nf|6\nmine|100");
}

ON_BOTH("story: a row that looks like a deleted one in all that the up left alone does not get its values") {
    (void)as_never_migrated(
        db, {.before = "create table t (a text, b integer, c integer); insert into t values ('x', 1, 9), ('x', 2, 3), ('y', 4, 9)",
             .up = "update t set b = 8, c = 8 where b = 1",
             .writes = "delete from t where b = 8; update t set b = 8 where b = 2",
             .twin = "delete from t where b = 1; update t set b = 8 where b = 2"});
}

ON_BOTH("story: what a down script computes for rows without a key is kept, and what it leaves alone comes back") {
    auto const back = as_never_migrated(db, {.before = keyless,
                                             .up = all_changed,
                                             .down = "update t set b = b / 100",
                                             .writes = "update t set b = 700 where name = 'b'; delete from t where name = 'c'",
                                             .twin = "update t set b = 7 where name = 'b'; delete from t where name = 'c'"});
    CHECK_EQ(merged(back, db.named("t.b")).computed, 1);
    CHECK_EQ(merged(back, db.named("t.k")).restored, 4);
}

ON_SQLITE("story: rows without a key are told by their numbers where all else was changed alike, and only there") {
    constexpr auto before = "create table t (a text, b integer, c text); insert into t values ('a', 1, 's'), ('b', 1, 's'), ('c', 1, 's')";
    auto const back = as_never_migrated(db, {.before = before,
                                             .up = "update t set a = 'x'",
                                             .writes = "delete from t where rowid = 1; update t set a = 'mine' where rowid = 3"});
    CHECK_EQ(merged(back, "t.a").restored, 1);
    CHECK_EQ(merged(back, "t.a").changed_since, 1);
    // The number of the last row, once that is gone, is the next new row's.
    db.run("drop table t");
    (void)as_never_migrated(db, {.before = before,
                                 .up = "update t set a = 'x', b = 2",
                                 .writes = "delete from t where rowid = 3; insert into t values ('new', 2, 'other')"});
}

ON_SQLITE("story: VACUUM may number rows without a key anew") {
    (void)as_never_migrated(db, {.before = keyless,
                                 .up = all_changed,
                                 .writes = "delete from t where name in ('a', 'c'); vacuum; update t set b = 7 where name = 'e'"});
}

ON_BOTH("story: a key and all the rest of a row changed by one script, and then edited, is still one row") {
    (void)as_never_migrated(db, {.before = "create table t (id integer primary key, a text, b integer); insert into t values (1, 'a', 1), "
                                           "(2, 'b', 2), (3, 'c', 3), (4, 'd', 4)",
                                 .up = "update t set id = id + 100, a = 'new', b = 0 where id < 3;\ninsert into t values (200, 'up', 0);\n"
                                       "delete from t where id = 4",
                                 .writes = "update t set b = 5 where id = 101; delete from t where id = 102",
                                 .twin = "update t set b = 5 where id = 1; delete from t where id = 2"});
}

ON_BOTH("story: the old key tells rows where the script that changed them dropped it") {
    constexpr auto before =
        "create table t (id integer not null, a text, b integer, constraint t_pkey primary key (id));"
        "insert into t values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)";
    auto const up =
        db.either("alter table t drop constraint t_pkey;\nupdate t set a = upper(a), b = b * 100",
                  "create table n (id integer not null, a text, b integer);\ninsert into n select id, upper(a), b * 100 from t;\n"
                  "drop table t;\nalter table n rename to t");
    (void)as_never_migrated(db, {.before = before, .up = up, .writes = "update t set a = 'mine' where id = 2; delete from t where id = 3"});
}

ON_POSTGRES("story: rows without a key are found again in a table that the script has written anew") {
    (void)as_never_migrated(db, {.before = keyless,
                                 .up = "alter table t add column c float default random();\nupdate t set b = b * 100",
                                 .writes = "update t set b = 7 where name = 'b'; delete from t where name = 'c'"});
}

ON_BOTH("story: of rows without a key that an up deleted, one whose unique value is taken by now stays in the snapshot") {
    auto const back = as_never_migrated(
        db, {.before = "create table t (email text unique, b integer); insert into t values ('a', 1), ('b', 2), (null, 3), (null, 3)",
             .up = "delete from t",
             .writes = "insert into t values ('a', 10)",
             .twin = "delete from t where email = 'a'; insert into t values ('a', 10)"});
    CHECK_EQ(merged(back, db.named("t") + " (deleted)").key_taken, 1);
    CHECK_EQ(merged(back, db.named("t") + " (deleted)").restored, 3);
}

ON_BOTH("story: keys that the database takes for equal are the same key, and a taken one is a taken one") {
    std::string const text = db.either("text collate ci", "text collate nocase");
    if (db.engine() == Engine::postgres) db.run("create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
    db.run("create table t (name " + text + " not null primary key, a text, u " + text + " unique)");
    db.run("insert into t values ('one', 'a', 'u1'), ('two', 'b', 'u2'), ('three', 'c', 'u3'), ('four', 'd', 'u4'), ('five', 'e', 'u5')");
    auto const source =
        source_of({{"update t set a = 'up' where name in ('one', 'two');\ndelete from t where name in ('three', 'four');\n"
                    "update t set u = 'new' where name = 'five'"}});
    (void)up(db, source);
    db.run("update t set name = 'ONE' where name = 'one'");
    db.run("insert into t values ('THREE', 'mine', 'v'), ('six', 'mine', 'U4'), ('seven', 'mine', 'U5')");
    auto const back = down(db, source).steps.at(0);
    CHECK_EQ(merged(back, db.named("t.a")).restored, 2);
    CHECK_EQ(merged(back, db.named("t.u")).key_taken, 1);
    CHECK_EQ(merged(back, db.named("t") + " (deleted)").key_taken, 2);
    CHECK_EQ(db.table("select lower(name), a, u from t order by 1"),
             "five|e|new\none|a|u1\nseven|mine|U5\nsix|mine|U4\nthree|mine|v\ntwo|b|u2");
}

ON_POSTGRES("story: keys of a type of an extension that are equal without being the same") {
    db.run("create extension citext");
    db.run("create table t (name citext primary key, a text); insert into t values ('one', 'a'), ('two', 'b'), ('three', 'c')");
    auto const source = source_of({{"update t set a = 'up' where name <> 'three';\ndelete from t where name = 'three'"}});
    (void)up(db, source);
    db.run("update t set name = 'ONE' where name = 'one'; insert into t values ('THREE', 'mine')");
    auto const back = down(db, source).steps.at(0);
    CHECK_EQ(merged(back, "public.t.a").restored, 2);
    CHECK_EQ(merged(back, "public.t (deleted)").key_taken, 1);
    CHECK_EQ(db.table("select name, a from t order by 1"), "ONE|a\nTHREE|mine\ntwo|b");
}

ON_SQLITE("story: a table without a key whose columns hide the rows' own numbers is refused by name before anything is lost") {
    db.run("create table t (rowid text, oid text, _rowid_ text, b integer); insert into t values ('a', 'x', 'x', 1), ('a', 'x', 'x', 1)");
    auto const before = witness(db);
    for (auto const* script :
         {"update t set b = 2", "delete from t", "insert into t values ('n', 'n', 'n', 0)", "alter table t drop column b"}) {
        auto const error = up_error(db, source_of({{script}}));
        CHECK_EQ(error.code, Code::refused);
        CHECK_NE(error.message.find("rows of t could not be put back"), std::string::npos);
        CHECK_NE(error.next.advice.find("-- undrop: lose t"), std::string::npos);
        check_unchanged(before, witness(db));
    }
    (void)up(db, source_of({{"drop table t"}}));
    (void)down(db, source_of({{"drop table t"}}));
    check_unchanged(before, witness(db));
}

ON_BOTH("story: rows that a way back kept are named when the next up would insert them again") {
    db.run(
        "create table plan (id integer primary key, name text); create table customer (id integer primary key, plan integer references "
        "plan (id))");
    auto const source = source_of({{"insert into plan values (1, 'free'), (2, 'team'), (3, 'gold')"}});
    (void)up(db, source);
    db.run("update plan set name = 'mine' where id = 2; insert into customer values (1, 3)");
    (void)down(db, source);
    auto const before = witness(db);
    auto const error = up_error(db, source);
    CHECK_NE(error.message.find("2 rows of " + db.named("plan")), std::string::npos);
    CHECK_EQ(error.next.command, "up");
    CHECK_NE(error.next.advice.find("ON CONFLICT DO NOTHING"), std::string::npos);
    check_unchanged(before, witness(db));
    (void)up(db, source_of({{"insert into plan values (1, 'free'), (2, 'team'), (3, 'gold') on conflict do nothing"}}));
    CHECK_EQ(db.table("select id, name from plan order by id"), "1|free\n2|mine\n3|gold");
}

ON_BOTH("story: rows of many columns are told and compared as those of few") {
    constexpr int columns = 600;
    std::string definition;
    for (int n = 1; n <= columns; ++n) definition += fmt::format(", c{} text default 'v{}'", n, n);
    (void)as_never_migrated(db,
                            {.before = fmt::format("create table keyless (name text{0}); create table keyed (name text primary key{0});"
                                                   "insert into keyless (name) values ('a'), ('b'), ('c'), ('d');"
                                                   "insert into keyed (name) values ('a'), ('b'), ('c'), ('d')",
                                                   definition),
                             .up = "update keyless set c1 = 'up', c600 = 'up' where name < 'c';\ndelete from keyless where name = 'd';\n"
                                   "update keyed set c1 = 'up', c600 = 'up' where name < 'c';\ndelete from keyed where name = 'd';\n"
                                   "alter table keyed drop column c300",
                             .writes = "update keyless set c2 = 'user' where name = 'c'; update keyed set c2 = 'user' where name = 'b'"});
}

// Drawn with the column, so that the table is written anew, and other ones each time.
ON_POSTGRES("story: a number that gives way to drawn uuids comes back to its row, whatever users made of that") {
    auto const source =
        source_of({{"alter table p add column key uuid not null default uuid_in(md5(clock_timestamp()::text || random())::cstring);"
                    "alter table c add column key uuid; update c set key = p.key from p where p.id = c.p;"
                    "alter table p drop column id cascade; alter table p add primary key (key);"
                    "alter table c drop column p, add foreign key (key) references p on delete cascade"}});
    db.run(
        "create table p (id integer generated always as identity primary key, v text);"
        "create table c (id integer primary key, p integer references p on delete cascade, t text);"
        "insert into p (v) values ('a'), ('b'), ('c'), ('d'); insert into c values (1, 1, 'of a'), (2, 2, 'of b'), (3, 4, 'of d')");
    auto const rows = "select id, v from p order by id";
    auto const children = "select p, t from c order by id";
    for (int time = 0; time < 2; ++time) {
        (void)up(db, source);
        (void)down(db, source);
        CHECK_EQ(db.table(rows), "1|a\n2|b\n3|c\n4|d");
        CHECK_EQ(db.table(children), "1|of a\n2|of b\n4|of d");
    }
    (void)up(db, source);
    db.run(
        "update p set v = 'other' from c where c.key = p.key and c.t = 'of d'; update p set v = 'A' where v = 'a';"
        "delete from p where v = 'c'; insert into p (v) values ('new')");
    (void)down(db, source);
    CHECK_EQ(db.table(rows), "1|A\n2|b\n4|other\n5|new");
    CHECK_EQ(db.table(children), "1|of a\n2|of b\n4|of d");
    (void)up(db, source);
    db.run("update p set v = 'newer' where v = 'new'; update p set v = 'B' where v = 'b'");
    (void)down(db, source);
    CHECK_EQ(db.table(rows), "1|A\n2|B\n4|other\n5|newer");
    CHECK_EQ(db.table(children), "1|of a\n2|of b\n4|of d");
}
