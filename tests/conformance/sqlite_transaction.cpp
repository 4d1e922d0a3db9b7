// A step's transaction on SQLite, and the SQL in it.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

#include "conformance/sqlite_fixture.hpp"

namespace undrop::sqlite {

TEST_CASE("sqlite: begin waits for another writer, says so once, and gives up in time") {
    Fixture f("create table t (a)");
    f.other->run("begin immediate");
    int told = 0;
    Options options;
    options.wait = std::chrono::milliseconds(150);
    options.on_event = [&](Event const& event) { told += event.kind == Event::Kind::waiting ? 1 : 0; };
    auto const started = std::chrono::steady_clock::now();
    auto const busy = f->begin(options, {});
    auto const took = std::chrono::steady_clock::now() - started;
    REQUIRE_FALSE(busy);
    CHECK_EQ(busy.error().code, Code::busy);
    CHECK_EQ(told, 1);
    CHECK(took >= std::chrono::milliseconds(90));
    CHECK(took < std::chrono::seconds(3));
    options.wait = std::chrono::seconds(60);
    options.cancelled = [] { return true; };
    CHECK_EQ(f->begin(options, {}).error().code, Code::interrupted);
    options.cancelled = nullptr;
    options.on_event = [&](Event const&) { f.other->run("commit"); };
    CHECK(f->begin(options, {}).has_value());
    options.on_event = [](Event const&) { throw std::runtime_error("from the program"); };
    CHECK_EQ(f->begin(options, {}).error().code, Code::usage);  // one is open
    f->rollback();
    f.other->run("begin immediate");
    CHECK_EQ(f->begin(options, {}).error().code, Code::interrupted);
    f.other->run("rollback");
}

TEST_CASE("sqlite: a commit that readers hold up is busy within the lock timeout, and nothing is done") {
    Fixture f("create table t (a)");
    Options options;
    options.lock_timeout = std::chrono::milliseconds(50);
    f->begin(options, {}).value();
    f->run("insert into t values (1)").value();
    f.other->run("begin; select * from t");
    auto const done = f->commit();
    REQUIRE_FALSE(done);
    CHECK_EQ(done.error().code, Code::busy);
    f->rollback();
    f.other->run("commit");
    CHECK_EQ(f.one("select count(*) from t"), "0");
    CHECK_EQ(f.one("pragma busy_timeout"), "5000");
}

TEST_CASE("sqlite: old violations are legal, new ones are not, and deferring does not hide them") {
    Fixture f("create table p (id integer primary key); create table c (p references p (id)); insert into c values (5), (6)");
    f.begin("pragma foreign_keys=off");
    CHECK(f->check_constraints().has_value());
    f.script("delete from c where p = 5; insert into c values (7)");
    CHECK(f->check_constraints().has_value());
    f.script("insert into c values (8)");
    CHECK_FALSE(f->check_constraints());
    f->rollback();

    f.begin();
    f.script("pragma defer_foreign_keys = on; insert into c values (8)");
    CHECK_EQ(f->check_constraints().error().code, Code::refused);
    f->rollback();
    std::string const forgetful = "pragma defer_foreign_keys = on; insert into c values (8); pragma defer_foreign_keys = off";
    f.begin(forgetful);
    f.script(forgetful);
    CHECK_EQ(f->check_constraints().error().code, Code::refused);
    f->rollback();
}

TEST_CASE("sqlite: an error points at the author's line and column, in characters") {
    Fixture f("create table t (a unique)");
    f.begin();
    auto const error = f.try_script("insert into t values (1);\r\n\r\n  update t\r\n     set a = '\xC3\x9C' || nope;").error();
    CHECK_EQ(error.where.file, "x.sql");
    CHECK_EQ(error.where.line, 4);
    CHECK_EQ(error.where.column, 21);
    auto const later = f.try_script("create table u (\n  a int,\n  b b b b references\n)").error();
    CHECK_EQ(later.where.line, 4);
    auto const constraint = f.try_script("select 1;\n insert into t values (1)").error();
    CHECK_EQ(constraint.where.line, 2);
    CHECK_EQ(constraint.where.column, 2);
    CHECK_EQ(constraint.native, "SQLITE_CONSTRAINT: UNIQUE constraint failed: t.a");
    CHECK_EQ(constraint.code, Code::failed);
}

TEST_CASE("sqlite: all statements of a script run, as they are written") {
    Fixture f("create table t (a)");
    f.begin();
    f.script(
        "insert into t values (':word [1:2] $1 ; -- no comment'); /* ; */ insert into t values (2);\n"
        "create trigger tr after insert on t begin insert into log values (new.a); select 1; end; create table log (a); insert into t "
        "values (3)");
    CHECK_EQ(f.one("select group_concat(a, '|') from t"), ":word [1:2] $1 ; -- no comment|2|3");
    CHECK_EQ(f.one("select count(*) from log"), "1");
    f->commit().value();
    CHECK_EQ(f.other->all("select count(*) from t"), "3");
}

TEST_CASE("sqlite: a script that ends the transaction is refused and nothing of it stays") {
    for (auto const* ending : {"insert or rollback into t values (1)", "insert into u values (1)"}) {
        Fixture f(
            "create table t (a unique); insert into t values (1); create table u (a); "
            "create trigger tr before insert on u begin select raise(rollback, 'no'); end");
        f.mark();
        f.script("insert into t values (2)");
        CHECK_FALSE(f.try_script(ending));
        CHECK_EQ(f->still_ours().error().code, Code::refused);
        CHECK_EQ(f.try_script("insert into t values (3)").error().code, Code::refused);
        f->rollback();
        CHECK_EQ(f.one("select group_concat(a) from t"), "1");
    }
}

// As it does where there is no memory, or the disk fails: what followed would commit by itself (P6).
TEST_CASE("sqlite: where the database has ended the transaction by itself, nothing more is done") {
    Fixture f("create table t (a)");
    f.begin();
    f->run("insert into t values (1)").value();
    (void)f->rows("rollback").value();
    CHECK(has(f->run("insert into t values (2)").error().message, "took the transaction back"));
    CHECK_FALSE(f->rows("select 1"));
    CHECK_FALSE(f->query("insert into t values ($1)", std::vector<Cell>{"3"}, 0));
    CHECK_FALSE(f->commit());
    f->rollback();
    CHECK_EQ(f.one("select count(*) from t"), "0");
}

TEST_CASE("sqlite: a script's settings are put back when it is through") {
    Fixture f("create table t (a)");
    f.begin();
    f.script("pragma legacy_alter_table = on; pragma recursive_triggers = on; pragma ignore_check_constraints = on");
    CHECK_EQ(f.one("pragma legacy_alter_table"), "0");
    CHECK_EQ(f.one("pragma recursive_triggers"), "0");
    CHECK_EQ(f.one("pragma ignore_check_constraints"), "0");
    f->rollback();
}

TEST_CASE("sqlite: begin_reading sees one state and lets nothing be written") {
    Fixture f("create table t (a); insert into t values (1); pragma journal_mode = wal");
    f->begin_reading().value();
    f.other->run("insert into t values (2)");
    CHECK_EQ(f.one("select count(*) from t"), "1");
    CHECK_FALSE(f->run("insert into t values (3)"));
    f->rollback();
    CHECK_EQ(f.one("select count(*) from t"), "2");
    f.begin();
    CHECK_EQ(f->run("insert into t values (3), (4)").value(), 2);
    CHECK_EQ(f->run("create table u (a)").value(), 0);
    CHECK_EQ(f->run("delete from t; update t set a = 1").value(), 0);
    f->rollback();
}

TEST_CASE("sqlite: query binds $1, $2 by number, through SOCI, with NULL, ':word' and long texts") {
    for (auto const* url : {"file", ":memory:"}) {
        Directory const directory;
        auto const backend = open(std::string(url) == "file" ? "sqlite:" + directory.file() + "?create=1" : "sqlite::memory:");
        backend->run("create table t (id bigint primary key, a text, b real, c blob)").value();
        std::array<Cell, 3> const values{"7", std::nullopt, std::string(100'000, 'x') + "\xC3\x9C :word '"};
        CHECK(backend->query("insert into t (id, b, a) values ($1, $2, $3)", values, 0).has_value());
        auto const back =
            backend->query("select a, b, id, ':x $1 ?', $2 || $1 from t where id = $1", std::array<Cell, 2>{"7", "<"}, 5).value();
        REQUIRE_EQ(back.size(), 1);
        CHECK_EQ(back[0][0], values[2]);
        CHECK_FALSE(back[0][1].has_value());
        CHECK_EQ(back[0][2], "7");
        CHECK_EQ(back[0][3], ":x $1 ?");
        CHECK_EQ(back[0][4], "<7");
        CHECK_EQ(backend->rows("select typeof(id), typeof(a) from t").value().at(0).at(0), "integer");
        auto const many =
            backend->query("with recursive n(i) as (select 1 union all select i + 1 from n where i < 250) select i, i * 1.5 from n", {}, 2)
                .value();
        REQUIRE_EQ(many.size(), 250);
        CHECK_EQ(many[249][0], "250");
        CHECK_EQ(backend->query("insert into t (id) values (8) returning id", {}, 1).value().at(0).at(0), "8");
        auto const missing = backend->query("select 1 from nowhere", {}, 1);
        REQUIRE_FALSE(missing);
        CHECK(backend->means_no_store(missing.error()));
        auto const twice = backend->query("insert into t (id) values ($1)", std::array<Cell, 1>{"7"}, 0);
        CHECK_EQ(twice.error().native, "SQLITE_CONSTRAINT: UNIQUE constraint failed: t.id");
        CHECK_FALSE(backend->means_no_store(twice.error()));
        backend->begin({}, {}).value();
        CHECK(backend->query("insert into t (id) values ($1)", std::array<Cell, 1>{"9"}, 0).has_value());
        backend->commit().value();
        CHECK_EQ(backend->rows("select count(*), max(c), x'00FF' from t").value().at(0).at(2), "X'00FF'");
    }
}

}  // namespace undrop::sqlite
