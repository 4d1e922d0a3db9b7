// What SQLite's backend sees: tables, identities, writes.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "conformance/sqlite_fixture.hpp"
#include "sqlite/row_set.hpp"

namespace undrop::sqlite {

TEST_CASE("sqlite: tables have columns, defaults and a key that really tells rows apart") {
    Fixture f(
        "create table a (id integer primary key, n text not null default 'x', g as (n || '!') stored, v as (id + 1), d default viewer, q "
        "default \"w\", "
        "c default (1 + 2), e default null);"
        "create table b (x, y, primary key (y, x)); insert into b values (1, 2);"
        "create table c (x primary key, y); insert into c values (null, 1), (null, 2);"
        "create table d (x not null, y not null, z); create unique index d1 on d (z); create unique index d2 on d (x) where z; "
        "create unique index d3 on d (lower(x)); create unique index d4 on d (y, x);"
        "create table e (x text not null collate nocase); create unique index e1 on e (x collate binary);"
        "create table f (x text primary key collate nocase, y) without rowid;"
        "create table g (x integer primary key desc, y);"
        "create table \"a\"\"b; --\" (\"\xC3\x9Cn\xC3\xAF\" int primary key);"
        "create virtual table ft using fts5 (body); create temp table tmp (a); create view vw as select 1;"
        "create table h (any_ any, i int, primary key (any_, i)) strict, without rowid; analyze");
    std::string names;
    for (auto const& table : f.tables()) names += table.name + " ";
    CHECK_EQ(names, "a b c d e f g a\"b; -- h ");
    auto const a = f.table("a");
    CHECK_EQ(joined(a.key), "id");
    CHECK_EQ(a.column("id")->stored_type, "integer");
    CHECK_EQ(a.column("n")->default_sql, "'x'");
    CHECK_EQ(a.column("n")->type, "TEXT");
    CHECK_EQ(a.column("n")->stored_type, "");
    CHECK(a.column("n")->not_null);
    CHECK(a.column("g")->generated);
    CHECK(a.column("v")->generated);
    CHECK_FALSE(a.column("n")->generated);
    CHECK_EQ(a.column("d")->default_sql, "'viewer'");
    CHECK_EQ(a.column("q")->default_sql, "'w'");
    CHECK_EQ(a.column("c")->default_sql, "1 + 2");
    CHECK_EQ(a.column("e")->default_sql, "null");
    CHECK_FALSE(a.no_locator);
    CHECK_EQ(joined(f.table("b").key), "y; x");
    CHECK_EQ(joined(f.table("c").key), "");
    CHECK_EQ(joined(f.table("d").key), "y; x");
    CHECK_EQ(joined(f.table("e").key), "");
    CHECK_EQ(joined(f.table("f").key), "x");
    CHECK(f.table("f").no_locator);
    CHECK_EQ(joined(f.table("g").key), "x");
    CHECK_EQ(f.table("g").column("x")->stored_type, "int");
    CHECK_EQ(f.table("h").column("any_")->stored_type, "");
    CHECK_EQ(f.table("h").column("i")->stored_type, "int");
}

TEST_CASE("sqlite: identities stay over renames and end with what is removed") {
    Fixture f("create table a (x, y, z); create table b (x); create table c (x)");
    f.begin();
    auto const before = f.table("a");
    f->mark("undrop").value();
    CHECK_EQ(f.table("a").id, before.id);
    f.script(
        "alter table a rename to r; alter table r rename column y to w; alter table r drop column x; alter table r add column x; "
        "drop table b; create table b (x); alter table c rename to a");
    auto const r = f.table("r");
    CHECK_EQ(r.id, before.id);
    CHECK_EQ(r.column("w")->id, before.column("y")->id);
    CHECK_EQ(r.column("z")->id, before.column("z")->id);
    CHECK_NE(r.column("x")->id, before.column("x")->id);
    CHECK_NE(f.table("a").id, before.id);
    f->rollback();
    f.begin();
    auto const fresh = f.table("b").id;
    f.script("drop table b; create table b (x)");
    CHECK_NE(f.table("b").id, fresh);
    auto const id = f.table("c").id;
    f->run("drop table c; create table c (x)").value();
    CHECK_NE(f.table("c").id, id);
    f->rollback();
}

TEST_CASE("sqlite: a rebuild written by hand is a new table under the old name") {
    Fixture f("create table t (id integer primary key, a, b); insert into t values (1, 2, 3)");
    f.mark();
    auto const id = f.table("t").id;
    f.script(
        "create table new_t (id integer primary key, a); insert into new_t select id, a from t; drop table t; alter table new_t rename to "
        "t");
    CHECK_NE(f.table("t").id, id);
    f->rollback();
}

TEST_CASE("sqlite: writes are counted by table, also REPLACE, cascades, triggers and what a rename hides") {
    Fixture f(
        "create table p (id integer primary key, a unique); create table c (p references p (id) on delete cascade); create table w (k "
        "primary key, v) without rowid;"
        "create table log (a); create trigger tr after update on p begin insert into log values (1); end; create table quiet_one (a);"
        "insert into p values (1, 'a'), (2, 'b'), (3, 'c'); insert into c values (1), (1), (2); insert into w values (1, 1); insert into "
        "log values (0)");
    f.mark();
    auto const p = f.table("p").id;
    f.script(
        "insert into p values (9, 'z'); update p set a = 'q' where id = 9; alter table p rename to people; delete from people where id = "
        "1; "
        "insert or replace into people values (77, 'b'); update w set k = 2; create temp table tmp (a); insert into tmp values (1); delete "
        "from tmp");
    auto seen = f->observed().value();
    CHECK_EQ(joined(seen.refused), "");
    REQUIRE(seen.writes.contains(p));
    CHECK_EQ(seen.writes[p].inserted, 2);
    CHECK_EQ(seen.writes[p].updated, 1);
    CHECK_EQ(seen.writes[p].deleted, 2);
    CHECK(seen.writes[p].rows_may_differ);
    CHECK_EQ(seen.writes[f.table("c").id].deleted, 3);
    CHECK_EQ(seen.writes[f.table("w").id].updated, 1);
    auto const log = seen.writes[f.table("log").id];
    CHECK_EQ(log.inserted, 1);
    CHECK_FALSE(log.rows_may_differ);
    CHECK_FALSE(seen.writes.contains(f.table("quiet_one").id));
    // Dropping a parent deletes its rows, and those that refer to them.
    f.script("insert into c values (3); drop table people");
    CHECK(f->observed().value().writes.contains(p));
    // A mark begins anew.
    f->mark("undrop").value();
    CHECK(f->observed().value().writes.empty());
    f.script("delete from log");
    CHECK_EQ(f->observed().value().writes.begin()->second.deleted, 2);
    f->rollback();
}

TEST_CASE("sqlite: what cannot be saved or taken back is told: the store, the schema table, virtual tables, attached files") {
    Fixture f(
        "create virtual table ft using fts5 (body); insert into ft values ('one'); create virtual table rt using rtree (id, x0, x1); "
        "insert into rt values (1, 2, 3); create table docs (id integer primary key, body); "
        "create virtual table ext using fts5 (body, content='docs', content_rowid='id'); create virtual table none using fts5 (body, "
        "content=''); "
        "insert into docs values (1, 'x'); insert into ext (rowid, body) values (1, 'x'); insert into none (rowid, body) values (1, 'x')");
    make_store(*f.backend);
    auto const refused = [&](std::string const& sql) {
        f.mark();
        f.script(sql);
        auto const seen = f->observed().value();
        auto all = seen.refused;
        auto const went = f->removed_unknown({}).value();
        all.insert(all.end(), went.begin(), went.end());
        f->rollback();
        return joined(all);
    };
    CHECK(has(refused("insert into ft values ('two')"), "rows of virtual table ft"));
    CHECK_EQ(refused("create virtual table more using fts5 (body); insert into more values ('x')"), "");
    CHECK(has(refused("delete from ft"), "rows of virtual table ft"));
    CHECK(has(refused("update ft set body = 'x'"), "rows of virtual table ft"));
    CHECK(has(refused("delete from rt where id = 1"), "rows of virtual table rt"));
    CHECK(has(refused("update rt set x0 = 1"), "rows of virtual table rt"));
    CHECK_EQ(refused("insert into ext (ext, rowid, body) values ('delete', 1, 'x')"), "");
    CHECK(has(refused("insert into none (none, rowid, body) values ('delete', 1, 'x')"), "rows of virtual table none"));
    CHECK(has(refused("insert into undrop_meta values ('a', 'b')"), "undrop's own table undrop_meta"));
    CHECK(has(refused("drop table undrop_event"), "undrop's own store"));
    CHECK(has(refused("alter table undrop_event add column x"), "undrop's own store"));
    CHECK(has(refused("create trigger tr after insert on undrop_event begin select 1; end"), "undrop's own store"));
    CHECK_EQ(
        refused(
            "create table t (a integer primary key autoincrement); insert into t values (5); update sqlite_sequence set seq = 9; analyze"),
        "");
    f.mark();
    f->run("insert into undrop_meta values ('a', 'b'); create table undrop_snapshot_1 (k1)").value();  // undrop itself may
    CHECK_EQ(joined(f->observed().value().refused), "");
    f->rollback();
    // A program's own handle may allow it; a script of a step's may not.
    f->run("pragma writable_schema = on").value();
    f.mark();
    CHECK_THROWS(f.script("update sqlite_schema set sql = sql || ' ' where name = 'docs'"));
    f->rollback();
}

TEST_CASE("sqlite: a virtual table that vanished or was renamed is told, one that is only an index is not") {
    Fixture f(
        "create virtual table ft using fts5 (body); create virtual table rt using rtree (id, x0, x1); create table t (a); "
        "create virtual table ix using fts5 (a, content='t'); create virtual table ix2 using fts5 (a, content='t')");
    f.mark();
    auto const before = f.catalog();
    f.script("drop table ix; alter table ix2 rename to ix3; drop table t");
    CHECK(f->removed_unknown(before).value().empty());
    f.script("alter table ft rename to ft2");
    CHECK_EQ(joined(f->removed_unknown(before).value()), "virtual table ft");
    f.script("drop table rt; create virtual table rt using rtree (id, x0, x1)");
    CHECK(has(joined(f->removed_unknown(before).value()), "virtual table rt"));
    f->rollback();
}

TEST_CASE("sqlite: rows that the script wrote are told from all others") {
    Fixture f(
        "create table t (id integer primary key, a); with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) insert "
        "into t select i, 0 from n;"
        "create table k (rowid, a); insert into k values ('x', 1), ('y', 2); create table w (k primary key, v) without rowid; insert into "
        "w values (1, 1);"
        "create table un (a); insert into un values (1)");
    f.mark();
    auto const condition = [&](std::string const& name) { return f->written_by_us(f.table(name), "x").value(); };
    auto const count = [&](std::string const& name, std::string const& where) {
        return f.one(fmt::format("select count(*) from {} as x where {}", name, where));
    };
    CHECK_EQ(count("t", condition("t")), "0");
    f->run("update t set a = 9 where id = 500").value();  // undrop's own
    f.script(
        "update t set a = 1 where id % 2 = 0 and id <> 500; insert into t values (-5, 1), (2000, 2), (2001, 3); delete from t where id = "
        "2001; "
        "update t set id = 5000 where id = 10; update k set a = 3 where rowid = 'y'; create table made as select a from t limit 7; update "
        "w set v = 2");
    CHECK_EQ(count("t", condition("t")), "501");
    CHECK_EQ(count("t", "not (" + condition("t") + ")"), "501");
    CHECK_EQ(count("t", "x.id in (-5, 2, 2000, 5000) and " + condition("t")), "4");
    CHECK_EQ(count("t", "x.id in (10, 500, 501) and " + condition("t")), "0");
    CHECK_EQ(f.one("select rowid from k as x where " + condition("k")), "y");
    CHECK_EQ(count("made", condition("made")), "7");
    CHECK_EQ(count("un", condition("un")), "0");
    CHECK_EQ(condition("w"), "");
    f->commit().value();
    CHECK_EQ(f.one("select count(*) from temp.sqlite_schema"), "0");
}

TEST_CASE("sqlite: a row set keeps numbers of either sign, dense and sparse") {
    RowSet rows;
    CHECK(rows.empty());
    rows.add(-70, 130);
    rows.add(INT64_MAX);
    rows.add(INT64_MIN);
    rows.remove(0);
    rows.remove(999);
    auto const spans = rows.spans();
    REQUIRE_EQ(spans.size(), 4);
    CHECK_EQ(spans[0], std::pair<std::int64_t, std::int64_t>{INT64_MIN, INT64_MIN});
    CHECK_EQ(spans[1], std::pair<std::int64_t, std::int64_t>{-70, -1});
    CHECK_EQ(spans[2], std::pair<std::int64_t, std::int64_t>{1, 130});
    CHECK_EQ(spans[3], std::pair<std::int64_t, std::int64_t>{INT64_MAX, INT64_MAX});
}

}  // namespace undrop::sqlite
