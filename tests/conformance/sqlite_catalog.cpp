// SQLite's catalog and store.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "conformance/sqlite_fixture.hpp"
#include "sqlite/tokens.hpp"

namespace undrop::sqlite {

TEST_CASE("sqlite: the catalog holds the stored texts, and they make the same schema again") {
    Fixture f(
        "create table t (\n  id integer primary key autoincrement, -- the id\n  a text not null default 'x' check (a <> ';') unique\n);"
        "create table \"a\"\"b; --\" (x references t (id), y as (x + 1)) ;"
        "create table wr (a integer primary key, b text) without rowid, strict -- end\n;"
        "create index i on t (a collate nocase desc) where a > 'b' -- why\n;"
        "create view v as select a from t -- why\n; create view v2 as select * from v;"
        "create trigger tr after insert on t begin update t set a = a || ';' where id = new.id; end;"
        "create trigger tv instead of insert on v begin select 1; end;"
        "create virtual table ft using fts5 (a); create temp table tmp (a); pragma user_version = 7");
    make_store(*f.backend);
    auto const catalog = f.catalog();
    std::string ids;
    for (auto const& [id, object] : catalog) ids += id.text() + "; ";
    CHECK_EQ(ids,
             "index i; pragma application_id; pragma user_version; table a\"b; --; table t; table wr; trigger tr; trigger tv; view v; view "
             "v2; virtual_table ft; ");
    auto const& t = catalog.at({"table", "", "t"});
    CHECK_EQ(t.make, f.one("select sql || ';' from sqlite_schema where name = 't'"));
    CHECK(t.holds_rows);
    CHECK_EQ(t.alter, "");
    CHECK_EQ(t.section, Section::before_data);
    CHECK_EQ(catalog.at({"index", "", "i"}).needs.at(0).text(), "table t");
    CHECK_EQ(catalog.at({"trigger", "", "tv"}).needs.at(0).text(), "view v");
    CHECK_EQ(catalog.at({"pragma", "", "user_version"}).make, "PRAGMA main.user_version = 7;");
    CHECK_EQ(catalog.at({"pragma", "", "user_version"}).alter, "PRAGMA main.user_version = 7;");
    std::vector<Object> objects;
    for (auto const& [id, object] : catalog) objects.push_back(object);
    std::sort(objects.begin(), objects.end(),
              [](Object const& a, Object const& b) { return std::tie(a.section, a.rank, a.order) < std::tie(b.section, b.rank, b.order); });

    auto const texts =
        "select type, name, sql from sqlite_schema where sql is not null and name not like 'ft%' and name not like 'undrop%' order by "
        "type, name";
    auto const before = f.other->all(texts);
    f.begin();
    for (auto object = objects.rbegin(); object != objects.rend(); ++object)
        if (!object->remove.empty()) f->run(object->remove).value();
    CHECK_EQ(f.catalog().size(), 2);
    for (auto const& object : objects) f->run(object.make).value();
    CHECK(std::ranges::equal(f.catalog(), catalog,
                             [](auto const& a, auto const& b) { return a.first == b.first && a.second.same(b.second); }));
    f->commit().value();
    CHECK_EQ(f.other->all(texts), before);
}

TEST_CASE("sqlite: a definition that ends in a comment still ends in a semicolon") {
    CHECK_EQ(statement_of("create view v as select 1"), "create view v as select 1;");
    CHECK_EQ(statement_of("create view v as select 1 -- x"), "create view v as select 1 -- x\n;");
    CHECK_EQ(statement_of("create view v as select 1 -- x\n "), "create view v as select 1 -- x\n ;");
    CHECK_EQ(statement_of("create view v as select '--'"), "create view v as select '--';");
    CHECK_EQ(statement_of("create view v as select 1 /* -- */"), "create view v as select 1 /* -- */\n;");
}

TEST_CASE("sqlite: views and triggers that mention a name are found, comments and other names are not") {
    Fixture f(
        "create table t (role, roles); create view v as select \"Role\" from t; create view w as select roles /* role */ from t; "
        "create trigger tr after insert on t begin select new.role; end; create index i on t (role)");
    CHECK_EQ(joined(f->mentions("role").value()), "view v; trigger tr");
    CHECK(f->mentions("nothing").value().empty());
}

TEST_CASE("sqlite: a store is told from none, and from what squats in its place") {
    auto const state = [](std::string const& sql, bool with_store) {
        Fixture f("create table t (a)");
        if (with_store) make_store(*f.backend);
        f->run(sql).value();
        return f->store_state("undrop").value();
    };
    CHECK_FALSE(state("select 1", false).exists);
    CHECK_EQ(state("create table undropped (a); create table undrop_x (a); create table undropXmeta (a)", false).foreign, "");
    auto const ours = state("create table undrop_snapshot_1 (k1 integer, v1, primary key (k1)); create table undrop_notes (a)", true);
    CHECK(ours.exists);
    CHECK_EQ(ours.foreign, "");
    CHECK(has(state("create table undrop_snapshot_1 (a)", false).foreign, "undrop_snapshot_1"));
    CHECK(has(state("create table UNDROP_Event (a)", false).foreign, "UNDROP_Event"));
    CHECK(has(state("create view undrop_meta as select 1 as key, 2 as value", false).foreign, "no ordinary table"));
    CHECK(has(state("create table undrop_meta (a)", false).foreign, "columns"));
    CHECK(has(state("create virtual table undrop_script using fts5 (body)", true).foreign, "no ordinary table"));
    CHECK(has(state("create trigger evil before insert on undrop_event begin select 1; end", true).foreign, "evil"));
    CHECK(has(state("create index evil on undrop_event (abs(id))", true).foreign, "evil"));
}

TEST_CASE("sqlite: only the store's own tables are hidden, of every ledger; others of such names are the user's") {
    Fixture f("create table t (a); create table undrop_notes (a); create table other_meta (a); create table other_event (b)");
    make_store(*f.backend);
    f->run(
         "create table undrop_snapshot_12 (k1); create table undrop_footprint_3 (k); create table undrop_work_1 (k); create table "
         "undrop_snapshot_x (a);"
         "create table second_meta (key, value); create table second_event (id, run, kind, up_sum, down_script); create table "
         "second_snapshot_1 (a)")
        .value();
    std::string names;
    for (auto const& table : f.tables()) names += table.name + " ";
    CHECK_EQ(names, "t undrop_notes other_meta other_event undrop_snapshot_x ");
    CHECK_FALSE(f.catalog().contains({"table", "", "undrop_meta"}));
    CHECK(f.catalog().contains({"table", "", "undrop_notes"}));
}

TEST_CASE("sqlite: a store table's hash depends on values and types, not on their order; bytes are counted") {
    auto const backend = open("sqlite::memory:");
    CHECK(backend->create_store("undrop").has_value());
    auto const hash = [&](std::string const& values) {
        backend->run("drop table if exists undrop_snapshot_1; create table undrop_snapshot_1 (k1, v1)").value();
        CHECK(backend->seal("main.\"undrop_snapshot_1\"", nullptr).has_value());
        backend->run("insert into undrop_snapshot_1 values " + values).value();
        CHECK(backend->bytes_of("main.\"undrop_snapshot_1\"").value() > 0);
        return backend->hash_of("main.\"undrop_snapshot_1\"", {"k1", "v1"}).value();
    };
    auto const first = hash("(1, 'a'), (2, 'b')");
    CHECK(first.starts_with("sha256-sum:"));
    CHECK_EQ(first.size(), std::string("sha256-sum:").size() + 16);
    CHECK_EQ(hash("(2, 'b'), (1, 'a')"), first);
    for (auto const* other : {"(1, 'b'), (2, 'a')", "(1, 'a'), (2, 'b'), (2, 'b')", "(1.0, 'a'), (2, 'b')", "('1', 'a'), (2, 'b')",
                              "(1, x'61'), (2, 'b')", "(1, 'a' || char(0)), (2, 'b')", "(1, null), (2, 'b')"})
        CHECK_NE(hash(other), first);
}

}  // namespace undrop::sqlite
