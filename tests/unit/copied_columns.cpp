// What a script that fills a table anew takes over, by its text.
#include "copied_columns.hpp"

#include <doctest/doctest.h>

using namespace undrop;

namespace {

// The columns of t (id, name, note) that have the old row's values; "?": not known.
std::string same(std::vector<std::string> const& statements) {
    Table table;
    table.name = "t";
    table.key = {"id"};
    for (auto const* name : {"id", "name", "note"}) {
        Column column;
        column.name = name;
        table.columns.push_back(column);
    }
    std::vector<Statement> script;
    for (auto const& text : statements) script.push_back({.text = text});
    auto const copied = copied_columns(script, table);
    if (!copied) return "?";
    std::string names;
    for (auto const& name : copied->same) names += (names.empty() ? "" : " ") + name;
    return names;
}

// By way of t2.
std::string filled(std::vector<std::string> const& inserts) {
    std::vector<std::string> all{"create table t2 (id int primary key, name text, note text, check (id > 0))"};
    all.insert(all.end(), inserts.begin(), inserts.end());
    all.insert(all.end(), {"drop table t", "alter table t2 rename to t"});
    return same(all);
}

}  // namespace

TEST_CASE("copied columns: one INSERT ... SELECT") {
    CHECK_EQ(filled({"insert into t2 select id, upper(name), note from t"}), "id note");
    CHECK_EQ(filled({"insert into t2 (note, id) select note, t.id::bigint from public.t order by 1"}), "id note");
    CHECK_EQ(filled({"insert into t2 select cast(o.id as bigint), o.name as title, coalesce(o.note, '') from t as o where o.id > 1"}),
             "id name");
    CHECK_EQ(filled({"insert into t2 select 5 - id as id, name, note from t"}), "name note");
    CHECK_EQ(filled({"insert into \"t2\" (\"id\", \"name\") select \"id\", \"note\" from \"t\""}), "id");
    CHECK_EQ(filled({"insert into t2 select * from t"}), "?");
    CHECK_EQ(filled({"insert into t2 select id, name, note from elsewhere"}), "?");
    CHECK_EQ(filled({"insert into t2 select * from f(1)"}), "?");
    CHECK_EQ(filled({"insert into t2 values (1, 'a', 'b')"}), "?");
}

TEST_CASE("copied columns: several statements") {
    CHECK_EQ(filled({"insert into t2 select 5 - id, name, note from t where id < 3", "insert into t2 select 5 - id, name, note from t"}),
             "name note");
    CHECK_EQ(filled({"insert into t2 select id, name, note from t", "insert into t2 values (0, 'x', 'y')"}), "id name note");
    CHECK_EQ(filled({"insert into t2 select id, name, note from t where id < 3 union all select id + 10, name, note from t"}), "?");
    CHECK_EQ(filled({"insert into t2 select id, name, note from t", "update t2 set name = 'x', note = note where id = 1"}), "id");
    CHECK_EQ(filled({"insert into t2 with o as (select 5 - id as id, name, note from t) select id, name, note from o"}), "name note");
    CHECK_EQ(filled({"with o as (select 5 - id as id, name, note from t) insert into t2 select id, name, note from o"}), "name note");
    CHECK_EQ(filled({"with recursive o as (select id from t), p (a) as (select 1) insert into t2 select id, id, id from o"}), "?");
    CHECK_EQ(filled({"create temp table b as select id, upper(name) as name, note from t", "insert into t2 select * from b"}), "id note");
    CHECK_EQ(filled({"create temp table b as select * from t", "update b set id = -id", "insert into t2 select id, name, note from b"}),
             "name note");
}

TEST_CASE("copied columns: joins") {
    CHECK_EQ(filled({"insert into t2 select k.id, t.name, t.note from t join k on k.of_t = t.id"}), "name note");
    CHECK_EQ(filled({"insert into t2 select k.id, k.name, note from k left join t on t.id = k.id"}), "id note");
    CHECK_EQ(filled({"insert into t2 select id, name, k.note from t join k using (id) on conflict do nothing"}), "id name");
    CHECK_EQ(filled({"insert into t2 select x.id, x.name, x.note from (select id, name, note from t) x, k where k.id = x.id"}),
             "id name note");
    CHECK_EQ(filled({"insert into t2 select u.id, u.name, u.note from t tablesample system (50)"}), "?");
}

TEST_CASE("copied columns: the table itself, filled again") {
    CHECK_EQ(same({"create temp table b as select * from t", "delete from t", "insert into t select 5 - id, name, note from b"}),
             "name note");
    CHECK_EQ(same({"create temp table b as select * from t", "truncate table t", "insert into t select id, name, '' from b"}), "id name");
    CHECK_EQ(
        same({"create temp table b as select * from t", "delete from t where id = 1", "insert into t select 5 - id, name, note from b"}),
        "?");
    CHECK_EQ(same({"alter table t rename to old_t", "create table t (like old_t)", "insert into t select 9 - id, name, note from old_t"}),
             "name note");
    CHECK_EQ(same({"create table t2 as select 5 - id as id, name, note from t", "drop table t", "alter table t2 rename to t"}),
             "name note");
    CHECK_EQ(same({"insert into t select id + 10, name, note from t"}), "?");
}
