// What is unique over expressions, generated columns or some rows: a saved row of which another one has that by now stays aside, as for a
// plain unique index.
#include <algorithm>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

struct Numbers {
    std::int64_t back = 0;
    std::int64_t taken = 0;
};

// What the plan says, what the step does, and what is kept aside; `what` without its schema.
Numbers down_and_counted(Database& db, Source const& source, std::string const& what) {
    auto target = Target::open(db.url()).value();
    auto const step = plan_down(target, source).value().steps.at(0);
    auto const named = db.named(what);
    auto const said = std::find_if(step.returns.begin(), step.returns.end(), [&](auto const& back) { return back.what == named; });
    REQUIRE(said != step.returns.end());
    auto const before = witness(db);
    auto const stopped = down_error(db, source, {.on_conflict = OnConflict::stop});
    CHECK_EQ(stopped.code, Code::refused);
    CHECK_NE(stopped.message.find("taken"), std::string::npos);
    check_unchanged(before, witness(db));
    auto const is = merged(down(db, source).steps.at(0), named);
    CHECK_EQ(said->unknown, "");
    CHECK_EQ(said->key_taken.value_or(0), is.key_taken);
    CHECK_EQ(said->comes_back.value_or(-1), is.restored);
    auto const aside = snapshot_conflicts(target, is.snapshot).value();
    CHECK_EQ(std::count_if(aside.rows.begin(), aside.rows.end(), [](auto const& row) { return row.why == "key_taken"; }), is.key_taken);
    return {.back = is.restored, .taken = is.key_taken};
}

}  // namespace

ON_BOTH("story: a deleted row whose value of an expression another one has by now stays aside") {
    db.run(
        "create table t (id integer primary key, email text); create unique index ux on t (lower(email));"
        "insert into t values (1, 'A@x'), (2, 'B@x'), (3, null), (4, 'd@x')");
    auto const source = source_of({{"delete from t where id < 4"}});
    (void)up(db, source);
    db.run("insert into t values (8, null), (9, 'a@X')");
    auto const numbers = down_and_counted(db, source, "t (deleted)");
    CHECK_EQ(numbers.back, 2);
    CHECK_EQ(numbers.taken, 1);
    CHECK_EQ(db.table("select id, coalesce(email, '-') from t order by id"), "2|B@x\n3|-\n4|d@x\n8|-\n9|a@X");
}

ON_BOTH("story: an updated value whose expression over two columns another row has by now stays as it is") {
    db.run(
        "create table t (id integer primary key, a text, b text); create unique index ux on t ((a || '/' || b) desc, length(b));"
        "insert into t values (1, 'x', '1'), (2, 'y', '2'), (3, 'z', null)");
    auto const source = source_of({{"update t set a = a || '!'"}});
    (void)up(db, source);
    db.run("insert into t values (7, 'z', null), (8, 'x', '1'), (9, 'y', '1')");
    auto const numbers = down_and_counted(db, source, "t.a");
    CHECK_EQ(numbers.back, 2);
    CHECK_EQ(numbers.taken, 1);
    CHECK_EQ(db.table("select id, a from t order by id"), "1|x!\n2|y\n3|z\n7|z\n8|x\n9|y");
}

ON_BOTH("story: what is unique for some rows only is taken from those alone") {
    db.run(
        "create table t (id integer primary key, email text, gone timestamp, kind text);"
        "create unique index ux on t (email) where gone is null and kind <> 'bot';"
        "insert into t values (1, 'a', null, 'user'), (2, 'b', '2026-01-01 10:00:00', 'user'), (3, 'c', null, 'user'), "
        "(4, 'd', null, 'bot'), (5, 'e', null, 'user')");
    auto const source = source_of({{"delete from t where id < 5"}});
    (void)up(db, source);
    db.run(
        "insert into t values (6, 'd', null, 'user'), (7, 'c', '2026-01-02 10:00:00', 'user'), (8, 'b', null, 'user'), (9, 'a', null, "
        "'user')");
    auto const numbers = down_and_counted(db, source, "t (deleted)");
    CHECK_EQ(numbers.back, 3);
    CHECK_EQ(numbers.taken, 1);
    CHECK_EQ(db.table("select id, email from t order by id"), "2|b\n3|c\n4|d\n5|e\n6|d\n7|c\n8|b\n9|a");
}

ON_BOTH("story: a deleted row whose generated value another one has by now stays aside") {
    db.run(
        "create table t (id text primary key, tag text, g integer generated always as (length(tag) * 2) stored);"
        "create unique index u on t (g); insert into t (id, tag) values ('a', 'b1'), ('b', 'b'), ('d', null)");
    auto const source = source_of({{"delete from t"}});
    (void)up(db, source);
    db.run("insert into t (id, tag) values ('c', 'w1'), ('e', null)");
    auto const numbers = down_and_counted(db, source, "t (deleted)");
    CHECK_EQ(numbers.back, 2);
    CHECK_EQ(numbers.taken, 1);
    CHECK_EQ(db.table("select id, coalesce(g, 0) from t order by id"), "b|2\nc|4\nd|0\ne|0");
}

ON_BOTH("story: an updated value whose generated one another row has by now stays as it is, and swapped ones go back") {
    db.run(
        "create table t (id text primary key, tag text, n integer, g integer generated always as (length(tag) * 2) stored,"
        "unique (g, n)); insert into t (id, tag, n) values ('a', 'x', 1), ('b', 'yy', 1), ('c', 'zzz', 1)");
    auto const source =
        source_of({{"update t set tag = 'long one' where id = 'a'; update t set tag = 'x' where id = 'b';"
                    "update t set tag = 'yy' where id = 'a'; update t set tag = 'wwww' where id = 'c'"}});
    (void)up(db, source);
    db.run("insert into t (id, tag, n) values ('d', 'qqq', 1), ('e', 'q', 2)");
    auto const numbers = down_and_counted(db, source, "t.tag");
    CHECK_EQ(numbers.back, 2);
    CHECK_EQ(numbers.taken, 1);
    CHECK_EQ(db.table("select id, tag from t order by id"), "a|x\nb|yy\nc|wwww\nd|qqq\ne|q");
}

ON_BOTH("story: rows without a key whose value of an expression is taken stay aside") {
    db.run(
        "create table t (email text, n integer); create unique index ux on t (lower(email));"
        "insert into t values ('A', 1), ('B', 2), (null, 3), (null, 3)");
    auto const source = source_of({{"delete from t"}});
    (void)up(db, source);
    db.run("insert into t values ('a', 9), (null, 9)");
    auto const is = merged(down(db, source).steps.at(0), db.named("t (deleted)"));
    CHECK_EQ(is.key_taken, 1);
    CHECK_EQ(is.restored, 3);
    CHECK_EQ(db.table("select coalesce(email, '-'), n from t order by n, 1"), "B|2\n-|3\n-|3\n-|9\na|9");
}

ON_BOTH("story: a row that has the key of one and the value of another by an index keeps both from coming back") {
    db.run(
        "create table t (id integer primary key, email text); create unique index ux on t (lower(email));"
        "insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
    auto const source = source_of({{"delete from t"}});
    (void)up(db, source);
    db.run("insert into t values (1, 'B')");
    auto const numbers = down_and_counted(db, source, "t (deleted)");
    CHECK_EQ(numbers.back, 1);
    CHECK_EQ(numbers.taken, 2);
    CHECK_EQ(db.table("select id, email from t order by id"), "1|B\n3|c");
}

ON_BOTH("story: rows that an index keeps from coming back in a way that nothing told are refused by their number") {
    db.run(
        "create table t (id integer primary key, email text); create unique index ux on t (lower(email));"
        "insert into t values (1, 'a'), (2, 'b')");
    auto const source = source_of({{"delete from t;\ndrop index ux"}});
    (void)up(db, source);
    db.run("insert into t values (3, 'B')");
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_NE(error.message.find("of " + db.named("t") + " does not fit unique index ux"), std::string::npos);
    check_unchanged(before, witness(db));
}

ON_POSTGRES("story: an index over a function of the users' own tells what is taken") {
    db.run(
        "create schema own; create function own.norm(text) returns text immutable language sql as 'select lower(trim($1))';"
        "create table t (id integer primary key, email varchar(20)); create unique index ux on t (own.norm(email));"
        "insert into t values (1, ' \u00c4 '), (2, 'b')");
    auto const source = source_of({{"delete from t"}});
    (void)up(db, source);
    db.run("insert into t values (9, '\u00c4')");
    auto const numbers = down_and_counted(db, source, "t (deleted)");
    CHECK_EQ(numbers.back, 1);
    CHECK_EQ(numbers.taken, 1);
}

ON_POSTGRES("story: rows that an exclusion keeps out, or a NULL that is there already, stay aside") {
    db.run(
        "create table t (id integer primary key, room int4range, during int4range, exclude using gist (room with =, during with &&));"
        "create table n (id integer primary key, v integer, w integer, unique nulls not distinct (v, w));"
        "insert into t values (1, '[1,1]', '[1,5)'), (2, '[1,1]', '[7,9)'), (3, '[1,1]', null);"
        "insert into n values (1, null, 1), (2, 2, 2), (3, null, 3)");
    auto const source = source_of({{"delete from t; delete from n"}});
    (void)up(db, source);
    db.run("insert into t values (7, '[1,1]', '[4,6)'), (8, '[2,2]', '[7,9)'); insert into n values (9, null, 1)");
    CHECK_EQ(down_and_counted(db, source, "t (deleted)").taken, 1);
    CHECK_EQ(db.table("select id from t order by id"), "2\n3\n7\n8");
    CHECK_EQ(db.table("select id from n order by id"), "2\n3\n9");
}

ON_SQLITE("story: an index with another collation than its column's, or text in its definition, tells what is taken") {
    db.run(
        "create table t (id integer primary key, v text, \"a b\" text collate nocase, h text as (upper([a b])));"
        "create unique index ux on t (v collate nocase);"
        "create unique index uy on t (`h`, -- of, both\n (id % 2) desc) where \"a b\" = 'X' and v <> ')';"
        "insert into t values (1, 'a', 'w'), (2, 'b', 'x'), (3, 'c', 'z')");
    auto const source = source_of({{"delete from t"}});
    (void)up(db, source);
    db.run("insert into t values (8, 'd', 'X'), (9, 'A', 'y')");
    auto const numbers = down_and_counted(db, source, "t (deleted)");
    CHECK_EQ(numbers.back, 1);
    CHECK_EQ(numbers.taken, 2);
    CHECK_EQ(db.table("select id from t order by id"), "3\n8\n9");
}
