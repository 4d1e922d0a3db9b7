// Opening, attaching and describing SQLite databases.
#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include <undrop/sqlite.hpp>

#include "conformance/sqlite_fixture.hpp"
#include "sqlite/soci_session.hpp"

namespace undrop::sqlite {

TEST_CASE("sqlite: a URL tells path, parameters and nothing else") {
    CHECK_EQ(parse_url("sqlite:a/b.db").value().path, "a/b.db");
    CHECK_EQ(parse_url("sqlite:/a/b.db").value().path, "/a/b.db");
    CHECK_EQ(parse_url("sqlite:///a/b.db").value().path, "/a/b.db");
    CHECK_EQ(parse_url("SQLite:x%20y%3f%25.db").value().path, "x y?%.db");
    CHECK_EQ(parse_url("sqlite::memory:").value().path, ":memory:");
    CHECK(parse_url("sqlite:x").value().foreign_keys);
    CHECK_FALSE(parse_url("sqlite:x").value().create);
    auto const all = parse_url("sqlite:x?create=1&foreign_keys=off&schema=other").value();
    CHECK(all.create);
    CHECK_FALSE(all.foreign_keys);
    for (auto const* bad : {"sqlite:", "sqlite://host/x", "postgres:x", "sqlite:x%2", "sqlite:x%zz", "sqlite:x%00y",
                            "sqlite:x?create=maybe", "sqlite:?create=1"})
        CHECK_EQ(parse_url(bad).error().code, Code::usage);
}

TEST_CASE("sqlite: a missing file is refused, left missing, and made when asked to") {
    Directory const directory;
    auto const missing = open_backend("sqlite:" + directory.file());
    REQUIRE_FALSE(missing);
    CHECK_EQ(missing.error().code, Code::refused);
    CHECK_EQ(missing.error().left, Left::untouched);
    CHECK(has(missing.error().next.advice, "up --create"));
    CHECK_FALSE(fs::exists(directory.file()));
    auto const made = open("sqlite:" + directory.file() + "?create=1");
    made->begin({}, {}).value();
    made->run("create table t (a)").value();
    made->commit().value();
    CHECK(fs::exists(directory.file()));
    CHECK(has(open_backend("sqlite:" + directory.file("no/where.db") + "?create=1").error().message, "where.db"));
}

TEST_CASE("sqlite: what is no database is refused and left as it is") {
    Directory const directory;
    std::string const text = "create table this is a text file that somebody took for a database\n";
    std::ofstream(directory.file("a.txt")) << text;
    std::ofstream(directory.file("short")) << "SQLite";
    std::ofstream(directory.file("empty"));
    for (auto const* name : {"a.txt", "short"}) {
        auto const opened = open_backend("sqlite:" + directory.file(name));
        REQUIRE_FALSE(opened);
        CHECK_EQ(opened.error().code, Code::refused);
        CHECK(has(opened.error().message, "is not a SQLite database"));
    }
    CHECK_EQ(fs::file_size(directory.file("a.txt")), text.size());
    CHECK(open_backend("sqlite:" + directory.file("empty")).has_value());
    CHECK_EQ(open_backend("sqlite:" + directory.path.string()).error().code, Code::refused);
    std::ofstream(directory.file("damaged")) << std::string("SQLite format 3\0", 16) << std::string(200, 'x');
    CHECK_EQ(open_backend("sqlite:" + directory.file("damaged")).error().code, Code::refused);
}

TEST_CASE("sqlite: a read-only file opens for looking and is refused at begin, by name") {
    Fixture f("create table t (a); insert into t values (1)");
    auto const path = f.directory.file();
    f.backend.reset();
    fs::permissions(f.directory.path, fs::perms(0755));
    auto const as_nobody = [](auto work) {  // rights do not hold root back
        bool const root = geteuid() == 0;
        if (root) REQUIRE_EQ(seteuid(65534), 0);
        work();
        if (root) REQUIRE_EQ(seteuid(0), 0);
        return 0;
    };
    auto const check = [&](std::string const& why) {
        auto const backend = open("sqlite:" + path);
        CHECK_EQ(backend->rows("select a from t").value().at(0).at(0), "1");
        auto const begun = backend->begin({}, {});
        REQUIRE_FALSE(begun);
        CHECK_EQ(begun.error().code, Code::refused);
        CHECK(has(begun.error().message, path));
        INFO(begun.error().text());
        CHECK(has(begun.error().message, why));
    };
    fs::permissions(path, fs::perms(0444));
    as_nobody([&] { check("read-only"); });
    fs::permissions(path, fs::perms(0666));  // the file may be written, its directory not: no journal
    fs::permissions(f.directory.path, fs::perms(0555));
    as_nobody([&] { check("no journal can be made in its directory"); });
    fs::permissions(f.directory.path, fs::perms(0755));
}

TEST_CASE("sqlite: foreign keys are on unless the URL says otherwise, and a script's pragma means the time before") {
    std::string const schema = "create table p (id integer primary key); create table c (p references p (id)); insert into p values (1)";
    {
        Fixture f(schema);
        CHECK_EQ(f.one("pragma foreign_keys"), "1");
        std::string const script = "-- rebuild\nPRAGMA foreign_keys = OFF;\ninsert into c values (77);\nPRAGMA foreign_keys=ON;";
        f.begin(script);
        f->mark("undrop").value();
        f.script(script);
        CHECK_EQ(f.one("pragma foreign_keys"), "0");
        auto const checked = f->check_constraints();
        REQUIRE_FALSE(checked);
        CHECK_EQ(checked.error().code, Code::refused);
        CHECK(has(checked.error().message, "of c refer"));
        f->rollback();
        CHECK_EQ(f.one("pragma foreign_keys"), "1");
    }
    {
        Fixture f(schema, "?foreign_keys=off");
        CHECK_EQ(f.one("pragma foreign_keys"), "0");
        std::string const script = "PRAGMA main.foreign_keys(on); insert into c values (77)";
        f.begin(script);
        CHECK(has(text_of(f.try_script(script)), "FOREIGN KEY constraint failed"));
        f->rollback();
        CHECK_EQ(f.one("pragma foreign_keys"), "0");
    }
}

TEST_CASE("sqlite: there are no roles, and the description names file and version") {
    Fixture f("create table t (a)");
    CHECK_EQ(f->set_role("me").error().code, Code::usage);
    CHECK_EQ(f->role(), "");
    CHECK_EQ(f->description(), fmt::format("{} (SQLite {})", f.directory.file(), native::sqlite3_libversion()));
    CHECK(open("sqlite::memory:")->description().starts_with(":memory: (SQLite 3."));
}

TEST_CASE("sqlite: a caller's handle works with its own function and collation, and gets everything back as it was") {
    for (bool const in_memory : {true, false}) {
        Directory const directory;
        Native own(in_memory ? ":memory:" : directory.file());
        native::sqlite3_create_function_v2(
            own.handle, "twice", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
            [](native::sqlite3_context* context, int, native::sqlite3_value** values) {
                native::sqlite3_result_int64(context, 2 * native::sqlite3_value_int64(values[0]));
            },
            nullptr, nullptr, nullptr);
        native::sqlite3_create_collation_v2(
            own.handle, "by_length", SQLITE_UTF8, nullptr, [](void*, int a, void const*, int b, void const*) { return a - b; }, nullptr);
        own.run(
            "pragma busy_timeout = 1234; pragma legacy_alter_table = on; create table t (a text not null collate by_length, b); create "
            "unique index i on t (a);"
            "insert into t values ('a', 1), ('bb', 2)");
        {
            auto backend = attach_backend(own.get()).value();
            CHECK(has(backend->description(), in_memory ? ":memory:" : directory.file()));
            Script const script{"update t set b = twice(b); create index j on t (twice(b)); pragma foreign_keys = on", "x.sql"};
            auto const statements = backend->dialect().split(script).value();
            // The handle's own settings hold where the script has none of its own; here it has.
            backend->begin({}, statements).value();
            CHECK_EQ(own.all("pragma foreign_keys"), "1");
            backend->mark("undrop").value();
            backend->enter_script().value();
            for (auto const& statement : statements) CHECK(backend->run_script(script, statement).has_value());
            backend->leave_script().value();
            auto const tables = backend->tables("undrop").value();
            CHECK_EQ(joined(tables.at(0).key), "a");
            CHECK_EQ(backend->observed().value().writes.at(tables.at(0).id).updated, 2);
            auto const same = backend->dialect().same(tables.at(0).columns.at(0), "a", "'x'");
            CHECK_EQ(own.all("select count(*) from t where " + same), "0");
            CHECK_EQ(own.all("select count(*) from t where a = 'x'"), "1");
            backend->commit().value();
            CHECK_EQ(own.all("pragma busy_timeout"), "1234");
            CHECK_EQ(own.all("pragma foreign_keys"), "0");
            CHECK_EQ(own.all("pragma legacy_alter_table"), "1");
            CHECK_EQ(own.all("select group_concat(b) from t"), "2,4");
            own.run("begin");
            CHECK_EQ(backend->begin({}, {}).error().code, Code::usage);
            backend->rollback();  // not ours
            CHECK_EQ(native::sqlite3_get_autocommit(own.handle), 0);
            CHECK_EQ(attach_backend(own.get()).error().code, Code::usage);
            own.run("commit");
            backend->begin({}, {}).value();
        }
        CHECK_EQ(native::sqlite3_get_autocommit(own.handle), 1);  // a backend that goes takes its step back
        CHECK(has(own.try_run("select undrop_sha256('a')"), "no such function"));
        own.run("insert into t values ('ccc', 3)");
    }
    CHECK_EQ(attach_backend(nullptr).error().code, Code::usage);
}

TEST_CASE("sqlite: a handle with a temporary trigger and an attached file keeps them, and writes there are told") {
    Directory const directory;
    Native own(directory.file());
    own.run("create table t (a); insert into t values (1); attach '" + directory.file("b.db") +
            "' as side; create table side.s (a); insert into side.s values (1);"
            "create table log (a); create temp trigger tt after insert on main.t begin insert into log values (new.a); end; create temp "
            "table log2 (a)");
    auto const backend = attach_backend(own.get()).value();
    backend->begin({}, {}).value();
    backend->mark("undrop").value();
    ObjectId const id{"table", "", "t"};
    auto wanted = backend->catalog("undrop").value().at(id);
    wanted.make = "CREATE TABLE t (a, b);";
    auto const done = backend->reshape(id, {}, wanted);
    CHECK_EQ(text_of(done), "");
    Script const script{"insert into t values (5, 6); delete from side.s", "x.sql"};
    auto const statements = backend->dialect().split(script).value();
    for (auto const& statement : statements) CHECK(backend->run_script(script, statement).has_value());
    CHECK_EQ(own.all("select a from log"), "5");
    CHECK(has(joined(backend->observed().value().refused), "the attached database side"));
    backend->rollback();
}

TEST_CASE("sqlite: the handle inside a SOCI session is found, and only there") {
    soci::session session(soci::sqlite3, ":memory:");
    session << "create table t (a)";
    auto const backend = attach_backend(handle_of(session)).value();
    CHECK_EQ(backend->tables("undrop").value().size(), 1);
    CHECK(undrop::sqlite::attach(handle_of(session)).has_value());
}

TEST_CASE("sqlite: a file in WAL mode, one with UTF-16 text and one with auto_vacuum work alike") {
    for (auto const* setting : {"pragma journal_mode = wal", "pragma encoding = 'UTF-16'", "pragma auto_vacuum = full; vacuum"}) {
        CAPTURE(setting);
        Directory const directory;
        {
            Native maker(directory.file());
            maker.run(std::string(setting) +
                      "; create table gone (a); create table t (a, b); create table u (c); insert into t values ('\xC3\x9C', 1), ('x', 2)");
        }
        auto const backend = open("sqlite:" + directory.file());
        backend->begin({}, {}).value();
        backend->mark("undrop").value();
        auto const find = [&](std::string const& name) {
            auto const tables = backend->tables("undrop").value();
            for (auto const& table : tables)
                if (table.name == name) return table.id;
            return std::string{};
        };
        auto const t = find("t");
        auto const u = find("u");
        Script const script{
            "drop table gone; update t set b = 3 where a = '\xC3\x9C'; alter table t rename to t2; alter table u rename to u2", "x.sql"};
        auto const statements = backend->dialect().split(script).value();
        for (auto const& statement : statements) backend->run_script(script, statement).value();
        CHECK_EQ(find("t2"), t);
        CHECK_EQ(find("u2"), u);
        CHECK_EQ(backend->observed().value().writes.at(t).updated, 1);
        CHECK_EQ(backend->query("select a from t2 where a = $1", std::array<Cell, 1>{"\xC3\x9C"}, 1).value().at(0).at(0), "\xC3\x9C");
        CHECK_EQ(backend->rows("select " + backend->dialect().digest("'\xC3\x9C'")).value().at(0).at(0)->size(), 64);
        backend->commit().value();
    }
}

}  // namespace undrop::sqlite
