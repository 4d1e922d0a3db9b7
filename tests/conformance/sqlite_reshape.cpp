// Bringing back on SQLite: rebuilds, quiet tables, positions.
#include <doctest/doctest.h>

#include <string>

#include "conformance/sqlite_fixture.hpp"
#include "sqlite/loosen.hpp"

namespace undrop::sqlite {

TEST_CASE("sqlite: positions of AUTOINCREMENT are read, put back, and never moved back") {
    Fixture f(
        "create table t (id integer primary key autoincrement); insert into t values (41); delete from t; create table u (id integer "
        "primary key autoincrement)");
    f.begin();
    CHECK_EQ(f->positions().value().at("main.t"), "41");
    f->set_position("main.t", "50").value();
    f->set_position("main.t", "10").value();
    f->set_position("main.u", "7").value();
    CHECK_EQ(f->positions().value().at("main.t"), "50");
    CHECK_EQ(f->positions().value().at("main.u"), "7");
    CHECK_FALSE(f->set_position("main.t", "many"));
    f->rollback();
    CHECK_EQ(f->positions().value().at("main.t"), "41");
    CHECK(open("sqlite::memory:")->positions().value().empty());
}

TEST_CASE("sqlite: a quiet table fires no trigger and no action, and what came of it is checked") {
    Fixture f(
        "create table p (id integer primary key); create table c (p references p (id) on delete cascade); create table log (a);"
        "create trigger tr after insert on c begin insert into log values (1); end; insert into p values (1), (2); insert into c values "
        "(1); delete from log");
    f.mark();
    auto const p = f.table("p");
    auto const c = f.table("c");
    f->quiet(c).value();
    f->quiet(p).value();
    f->run("insert into c values (2); delete from p where id = 1").value();
    CHECK_EQ(f.one("select count(*) from c"), "2");
    f->loud(p).value();
    CHECK_EQ(f.one("pragma foreign_keys"), "0");
    f->loud(c).value();
    CHECK_EQ(f.one("pragma foreign_keys"), "1");
    CHECK_EQ(f.one("select count(*) from log"), "0");
    CHECK_EQ(f->check_constraints().error().code, Code::refused);
    f->quiet(p).value();
    f->run("insert into p values (1)").value();
    f->loud(p).value();
    CHECK(f->check_constraints().has_value());
    f->run("insert into c values (2)").value();
    CHECK_EQ(f.one("select count(*) from log"), "1");
    f->rollback();

    // A violation that waits for the end of the transaction is healed by rows that come back.
    f.begin();
    f.script("pragma defer_foreign_keys = on; insert into c values (9)");
    f->quiet(p).value();
    f->run("insert into p values (9)").value();
    f->loud(p).value();
    CHECK(f->check_constraints().has_value());
    f->commit().value();
    CHECK_EQ(f.other->all("select count(*) from p"), "3");
}

namespace {

// The definition of `name` as the catalog has it, and one to be wanted.
struct Wish {
    ObjectId id;
    Object now;
    Object wanted;
    Wish(Fixture const& f, std::string const& name, std::string const& make) : id{"table", "", name}, now(f.catalog().at(id)), wanted(now) {
        wanted.make = make;
    }
};

}  // namespace

TEST_CASE("sqlite: a rebuilt table has the wanted text to the byte, its rows, row numbers and identity, and fires nothing") {
    Fixture f(
        "create table kinds (k text primary key);"
        "create table t (a text, kind text default 'x', parent integer references t2 (id)); create table t2 (id integer primary key);"
        "create table child (x references \"t\" (a)); create unique index ta on t (a);"
        "create view v as select a from \"t\"; create table log (a);"
        "create trigger on_t after insert on t begin insert into log select count(*) from child; end;"
        "create trigger on_child after insert on child begin update t set a = a; end;"
        "create trigger on_delete before delete on t begin insert into log values ('deleted'); end;"
        "insert into t (rowid, a, kind) values (10, 'one', 7), (20, 'two', x'00'), (30, null, 1.5); insert into child values ('one'); "
        "delete from log");
    auto const others = "select type, name, sql from sqlite_schema where tbl_name <> 't' order by type, name";
    auto const before = f.other->all(others);
    f.mark();
    auto const old = f.table("t");
    Wish const wish(f, "t",
                    "CREATE TABLE t (\n    kind text, -- kept\n    extra text not null default ('n' || 1),\n    a text unique,\n    g as "
                    "(a || '!')\n);");
    auto const done = f->reshape(wish.id, wish.now, wish.wanted);
    CHECK_EQ(text_of(done), "");
    CHECK_EQ(f.catalog().at(wish.id).make, wish.wanted.make);
    CHECK_EQ(f.one("select group_concat(rowid || ':' || coalesce(a, '-') || ':' || typeof(kind) || ':' || extra) from t"),
             "10:one:text:n1,20:two:blob:n1,30:-:text:n1");
    CHECK_EQ(f.one("select count(*) from log"), "0");
    CHECK(f->observed().value().writes.empty());
    auto const now = f.table("t");
    CHECK_EQ(now.id, old.id);
    CHECK_EQ(now.column("a")->id, old.column("a")->id);
    CHECK_EQ(old.column_by_id(now.column("extra")->id), nullptr);
    CHECK_EQ(f.one("pragma foreign_keys"), "1");
    CHECK_EQ(f.one("pragma legacy_alter_table"), "0");
    CHECK(f->check_constraints().has_value());
    f->commit().value();
    CHECK_EQ(f.other->all(others), before);
    CHECK_EQ(f.other->all("pragma integrity_check"), "ok");
    CHECK_EQ(f.other->all("select name from sqlite_schema where name like '%old%'"), "");
}

TEST_CASE("sqlite: a rebuild keeps AUTOINCREMENT, key tables of every kind, and a renamed column is another one") {
    Fixture f(
        "create table a (id integer primary key autoincrement, x); insert into a values (5, 1), (9, 2); delete from a where id = 9;"
        "create table w (k text primary key, v) without rowid; insert into w values ('k', 1); create table e (x); "
        "create table r (x integer primary key, y); insert into r values (4, 5)");
    f.mark();
    Wish const a(f, "a", "CREATE TABLE a (id integer primary key autoincrement, y, x);");
    f->reshape(a.id, a.now, a.wanted).value();
    CHECK_EQ(f->positions().value().at("main.a"), "9");
    CHECK_EQ(f.one("select id || ':' || x from a"), "5:1");
    Wish const w(f, "w", "CREATE TABLE w (k text, v, primary key (k));");
    f->reshape(w.id, w.now, w.wanted).value();
    CHECK_EQ(f.one("select k || v from w"), "k1");
    Wish const back(f, "w", "CREATE TABLE w (k text primary key, v) without rowid;");
    f->reshape(back.id, back.now, back.wanted).value();
    Wish const e(f, "e", "CREATE TABLE e (y not null);");
    f->reshape(e.id, e.now, e.wanted).value();
    auto const y = f.table("r").column("y")->id;
    Wish const r(f, "r", "CREATE TABLE r (x integer, z);");
    f->reshape(r.id, r.now, r.wanted).value();
    CHECK_EQ(f.one("select rowid || ':' || x || ':' || coalesce(z, '-') from r"), "4:4:-");
    CHECK_NE(f.table("r").column("z")->id, y);
    f->rollback();
}

TEST_CASE("sqlite: values come back into a bare column first, then the table gets its recorded form") {
    Fixture f(
        "create table t (id integer primary key, role text not null default 'viewer' check (role in ('viewer', 'manager'))); insert into t "
        "(id) values (1), (2)");
    auto const recorded = f.catalog().at({"table", "", "t"});
    auto const table = f.table("t");
    f->run(
         "create table undrop_snapshot_1 (k1 integer primary key, v1); insert into undrop_snapshot_1 values (1, 'manager'), (2, 'viewer')")
        .value();
    f.mark();
    f.script("alter table t drop column role");
    f->run(f->dialect().add_bare_column(f.table("t"), *table.column("role"))).value();
    f->run("update t set role = (select v1 from undrop_snapshot_1 where k1 = t.id)").value();
    auto const id = f.table("t").column("role")->id;
    f->reshape({"table", "", "t"}, f.catalog().at({"table", "", "t"}), recorded).value();
    CHECK_EQ(f.catalog().at({"table", "", "t"}).make, recorded.make);
    CHECK_EQ(f.one("select group_concat(role) from t"), "manager,viewer");
    CHECK_EQ(f.table("t").column("role")->id, id);
    f->rollback();
}

TEST_CASE("sqlite: a definition without its constraints is the same one else") {
    std::string const text =
        "CREATE TABLE t (a INT NOT NULL PRIMARY KEY, \"check\" VARCHAR(9) CONSTRAINT n NOT NULL ON CONFLICT FAIL DEFAULT 'NOT NULL', "
        "b UNIQUE CHECK (b <> ')' AND (1)) COLLATE nocase REFERENCES t (a) ON DELETE SET NULL, /* UNIQUE */ c AS (b IS NOT NULL), "
        "CONSTRAINT \"one, two\" UNIQUE (a, b) ON CONFLICT IGNORE, CHECK (a > 1)) WITHOUT ROWID, STRICT;";
    CHECK_EQ(loosened(text, Loose::values),
             "CREATE TABLE t (a INT  PRIMARY KEY, \"check\" VARCHAR(9) CONSTRAINT n  DEFAULT 'NOT NULL', "
             "b UNIQUE CHECK (1) COLLATE nocase REFERENCES t (a) ON DELETE SET NULL, /* UNIQUE */ c AS (b IS NOT NULL), "
             "CONSTRAINT \"one, two\" UNIQUE (a, b) ON CONFLICT IGNORE, CHECK (1)) WITHOUT ROWID;");
    CHECK_EQ(loosened(text, Loose::keys),
             "CREATE TABLE t (a INT  , \"check\" VARCHAR(9) CONSTRAINT n  DEFAULT 'NOT NULL', "
             "b  CHECK (1) COLLATE nocase REFERENCES t (a) ON DELETE SET NULL, /* UNIQUE */ c AS (b IS NOT NULL), "
             "CONSTRAINT \"one, two\" CHECK (1), CHECK (1));");
    CHECK_EQ(loosened("create table t (id integer primary key desc on conflict fail autoincrement, x);", Loose::keys),
             "create table t (id integer , x);");
    for (auto const loose : {Loose::values, Loose::keys}) {
        Fixture f("select 1");
        f.begin();
        CHECK(f->run(loosened(text, loose)).has_value());
        f->rollback();
    }
}

TEST_CASE("sqlite: a rebuild that rows do not fit is refused, naming the column") {
    Fixture f(
        "create table t (a); insert into t values (null), (1); create table p (id integer primary key); create table c (p references p "
        "(id)); "
        "insert into p values (1); insert into c values (1); create view v as select 1");
    f.mark();
    auto const attempt = [&](std::string const& name, std::string const& make) {
        Wish const wish(f, name, make);
        auto done = f->reshape(wish.id, wish.now, wish.wanted);
        if (done) done = f->reshape(wish.id, wish.now, wish.wanted);  // once the rows are back
        f->rollback();
        f.mark();
        return done ? std::string{} : std::string(name_of(done.error().code)) + " " + done.error().message;
    };
    CHECK(has(attempt("t", "CREATE TABLE t (a, b not null);"), "refused the column b of t"));
    CHECK(has(attempt("t", "CREATE TABLE t (a not null);"), "refused 1 rows of t hold values that its old definition does not take"));
    CHECK(has(attempt("t", "CREATE TABLE t (a not null);"), "(NOT NULL constraint failed: t.a)"));
    auto const check = attempt("t", "CREATE TABLE t (a check (a > 5));");
    CHECK(has(check, "refused 1 rows of t hold values that its old definition does not take"));
    CHECK_FALSE(has(check, "a > 5"));  // P8: what it says may be a value
    CHECK(has(attempt("t", "CREATE TABLE t (a, b, check check);"), "syntax error"));
    CHECK(has(attempt("t", "CREATE TABLE other (a);"), "t"));
    CHECK(has(attempt("p", "CREATE TABLE p (id integer primary key, x references c (nope));"), ""));
    CHECK_EQ(f.one("pragma foreign_keys"), "1");
    CHECK_EQ(f->reshape({"view", "", "v"}, {}, {}).error().code, Code::refused);
    f.script("pragma defer_foreign_keys = on; insert into c values (5)");
    CHECK(has(attempt("t", "CREATE TABLE t (a, b);"), "rows refer to rows"));
    f->rollback();
}

}  // namespace undrop::sqlite
