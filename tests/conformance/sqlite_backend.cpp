// SQLite's backend against its contract (lib/backend.hpp, lib/dialect.hpp), on files, in memory and over a caller's own handle.
#include <doctest/doctest.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <undrop/sqlite.hpp>

#include "sqlite/dialect.hpp"
#include "sqlite/open.hpp"
#include "sqlite/row_set.hpp"
#include "sqlite/soci_session.hpp"
#include "sqlite/tokens.hpp"

namespace undrop::sqlite {

namespace {

namespace fs = std::filesystem;
namespace native = sqlite_api;  // sqlite3.h as SOCI's header includes it

struct Directory {
    fs::path path;
    Directory() {
        auto name = (fs::temp_directory_path() / "undrop-sqlite-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        path = name;
    }
    ~Directory() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    [[nodiscard]] std::string file(std::string const& name = "a.db") const { return (path / name).string(); }
};

// Another user of the database, by the native library.
struct Native {
    native::sqlite3* handle = nullptr;
    explicit Native(std::string const& path) { native::sqlite3_open(path.c_str(), &handle); }
    ~Native() { native::sqlite3_close(handle); }
    Native(Native const&) = delete;
    Native& operator=(Native const&) = delete;

    std::string try_run(std::string const& sql) {
        char* message = nullptr;
        native::sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
        std::string const text = message == nullptr ? "" : message;
        native::sqlite3_free(message);
        return text;
    }
    void run(std::string const& sql) { REQUIRE_EQ(try_run(sql), ""); }
    // All cells, rows by a newline, NULL as NULL.
    std::string all(std::string const& sql) {
        std::string text;
        auto const add = [](void* to, int n, char** cells, char**) {
            auto& out = *static_cast<std::string*>(to);
            for (int i = 0; i < n; ++i) out += fmt::format("{}{}", i == 0 ? "" : "|", cells[i] == nullptr ? "NULL" : cells[i]);
            out += '\n';
            return 0;
        };
        native::sqlite3_exec(handle, sql.c_str(), add, &text, nullptr);
        if (text.ends_with('\n')) text.pop_back();
        return text;
    }
    [[nodiscard]] ::sqlite3* get() const { return static_cast<::sqlite3*>(static_cast<void*>(handle)); }
};

std::unique_ptr<Backend> open(std::string const& url) { return open_backend(url).value(); }

// A database with a backend and, beside it, a plain connection.
struct Fixture {
    Directory directory;
    std::unique_ptr<Native> other;
    std::unique_ptr<Backend> backend;

    explicit Fixture(std::string const& sql, std::string const& parameters = "") {
        other = std::make_unique<Native>(directory.file());
        other->run("create table if not exists only_to_make_the_file (a); drop table only_to_make_the_file");
        other->run(sql);
        backend = open("sqlite:" + directory.file() + parameters);
    }
    Backend* operator->() const { return backend.get(); }

    [[nodiscard]] std::vector<Statement> split(std::string const& sql) const { return backend->dialect().split({sql, "x.sql"}).value(); }
    void begin(std::string const& script = "") const { backend->begin({}, split(script)).value(); }
    void mark() const {
        begin();
        backend->mark("undrop").value();
    }
    Result<void> try_script(std::string const& sql) const {
        auto entered = backend->enter_script();
        for (auto const& statement : split(sql))
            if (entered) entered = backend->run_script({sql, "x.sql"}, statement);
        if (entered) entered = backend->leave_script();
        return entered;
    }
    void script(std::string const& sql) const { try_script(sql).value(); }
    [[nodiscard]] std::string one(std::string const& sql) const { return backend->rows(sql).value().at(0).at(0).value_or("NULL"); }
    [[nodiscard]] std::vector<Table> tables() const { return backend->tables("undrop").value(); }
    [[nodiscard]] Table table(std::string const& name) const {
        for (auto const& t : tables())
            if (t.name == name) return t;
        throw std::runtime_error("no table " + name);
    }
    [[nodiscard]] Catalog catalog() const { return backend->catalog("undrop").value(); }
};

std::string text_of(Result<void> const& result) { return result ? "" : result.error().text(); }
std::string joined(std::vector<std::string> const& list) {
    std::string text;
    for (auto const& item : list) text += (text.empty() ? "" : "; ") + item;
    return text;
}
bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

void make_store(Backend& backend) {
    backend.run("create table main.\"undrop_meta\" (key text not null primary key, value text not null);"
                "create table main.\"undrop_event\" (id bigint not null primary key, run bigint not null, kind text not null, version text, "
                "up_sum text, down_sum text, up_script text, down_script text)").value();
}

}  // namespace

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
    for (auto const* bad : {"sqlite:", "sqlite://host/x", "postgres:x", "sqlite:x%2", "sqlite:x%zz", "sqlite:x%00y", "sqlite:x?create=maybe", "sqlite:?create=1"})
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
        CHECK(has(checked.error().message, "in c"));
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
    f.script("insert into t values (':word [1:2] $1 ; -- no comment'); /* ; */ insert into t values (2);\n"
             "create trigger tr after insert on t begin insert into log values (new.a); select 1; end; create table log (a); insert into t values (3)");
    CHECK_EQ(f.one("select group_concat(a, '|') from t"), ":word [1:2] $1 ; -- no comment|2|3");
    CHECK_EQ(f.one("select count(*) from log"), "1");
    f->commit().value();
    CHECK_EQ(f.other->all("select count(*) from t"), "3");
}

TEST_CASE("sqlite: a script that ends the transaction is refused and nothing of it stays (A20)") {
    for (auto const* ending : {"insert or rollback into t values (1)", "insert into u values (1)"}) {
        Fixture f("create table t (a unique); insert into t values (1); create table u (a); "
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

TEST_CASE("sqlite: what cannot be part of a step is forbidden, each with a reason") {
    SqliteDialect const dialect;
    auto const why = [&](std::string const& sql) {
        auto const statements = dialect.split({sql, "x.sql"}).value();
        return statements.empty() ? std::string{"nothing"} : dialect.forbidden(statements[0]);
    };
    for (auto const* sql : {"BEGIN", "begin immediate", "/* x */ Commit", "end", "rollback", "rollback to a", "savepoint a", "release a", "attach 'x' as y",
                            "detach y", "vacuum", "VACUUM into 'x'", ".mode csv", ".read x.sql", "pragma journal_mode = wal", "PRAGMA writable_schema=1",
                            "PRAGMA main . writable_schema(on)", "pragma \"writable_schema\" = on", "pragma wal_checkpoint", "pragma auto_vacuum = full",
                            "pragma incremental_vacuum", "pragma encoding = 'UTF-16'", "pragma synchronous = off", "pragma schema_version = 7"}) {
        CAPTURE(sql);
        CHECK_NE(why(sql), "");
    }
    for (auto const* sql : {"select 1", "pragma foreign_keys = off", "pragma foreign_keys", "pragma user_version = 7", "pragma application_id=7",
                            "pragma main.user_version = 7", "pragma legacy_alter_table = on", "pragma defer_foreign_keys=1", "pragma table_info(t)",
                            "pragma foreign_key_check(t)", "pragma integrity_check", "pragma journal_mode", "create table begin_ (a)", "analyze", "reindex",
                            "create trigger t after insert on a begin select 1; end"}) {
        CAPTURE(sql);
        CHECK_EQ(why(sql), "");
    }
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
        auto const back = backend->query("select a, b, id, ':x $1 ?', $2 || $1 from t where id = $1", std::array<Cell, 2>{"7", "<"}, 5).value();
        REQUIRE_EQ(back.size(), 1);
        CHECK_EQ(back[0][0], values[2]);
        CHECK_FALSE(back[0][1].has_value());
        CHECK_EQ(back[0][2], "7");
        CHECK_EQ(back[0][3], ":x $1 ?");
        CHECK_EQ(back[0][4], "<7");
        CHECK_EQ(backend->rows("select typeof(id), typeof(a) from t").value().at(0).at(0), "integer");
        auto const many = backend->query("with recursive n(i) as (select 1 union all select i + 1 from n where i < 250) select i, i * 1.5 from n", {}, 2).value();
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

TEST_CASE("sqlite: there are no roles, and the description names file and version") {
    Fixture f("create table t (a)");
    CHECK_EQ(f->set_role("me").error().code, Code::usage);
    CHECK_EQ(f->role(), "");
    CHECK_EQ(f->description(), fmt::format("{} (SQLite {})", f.directory.file(), native::sqlite3_libversion()));
    CHECK(open("sqlite::memory:")->description().starts_with(":memory: (SQLite 3."));
}

TEST_CASE("sqlite: tables have columns, defaults and a key that really tells rows apart") {
    Fixture f("create table a (id integer primary key, n text not null default 'x', g as (n || '!') stored, v as (id + 1), d default viewer, q default \"w\", "
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
    f.script("alter table a rename to r; alter table r rename column y to w; alter table r drop column x; alter table r add column x; "
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
    f.script("create table new_t (id integer primary key, a); insert into new_t select id, a from t; drop table t; alter table new_t rename to t");
    CHECK_NE(f.table("t").id, id);
    f->rollback();
}

TEST_CASE("sqlite: writes are counted by table, also REPLACE, cascades, triggers and what a rename hides") {
    Fixture f("create table p (id integer primary key, a unique); create table c (p references p (id) on delete cascade); create table w (k primary key, v) without rowid;"
              "create table log (a); create trigger tr after update on p begin insert into log values (1); end; create table quiet_one (a);"
              "insert into p values (1, 'a'), (2, 'b'), (3, 'c'); insert into c values (1), (1), (2); insert into w values (1, 1); insert into log values (0)");
    f.mark();
    auto const p = f.table("p").id;
    f.script("insert into p values (9, 'z'); update p set a = 'q' where id = 9; alter table p rename to people; delete from people where id = 1; "
             "insert or replace into people values (77, 'b'); update w set k = 2; create temp table tmp (a); insert into tmp values (1); delete from tmp");
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
    Fixture f("create virtual table ft using fts5 (body); insert into ft values ('one'); create virtual table rt using rtree (id, x0, x1); "
              "insert into rt values (1, 2, 3); create table docs (id integer primary key, body); "
              "create virtual table ext using fts5 (body, content='docs', content_rowid='id'); create virtual table none using fts5 (body, content=''); "
              "insert into docs values (1, 'x'); insert into ext (rowid, body) values (1, 'x'); insert into none (rowid, body) values (1, 'x')");
    make_store(*f.backend);
    auto const refused = [&](std::string const& sql) {
        f.mark();
        f.script(sql);
        auto const seen = f->observed().value();
        f->rollback();
        return joined(seen.refused);
    };
    CHECK_EQ(refused("insert into ft values ('two')"), "");
    CHECK_EQ(refused("create virtual table more using fts5 (body); insert into more values ('x')"), "");
    CHECK(has(refused("delete from ft"), "the virtual table ft"));
    CHECK(has(refused("update ft set body = 'x'"), "virtual tables yet"));
    CHECK(has(refused("delete from rt where id = 1"), "the virtual table rt"));
    CHECK(has(refused("update rt set x0 = 1"), "the virtual table rt"));
    CHECK_EQ(refused("insert into ext (ext, rowid, body) values ('delete', 1, 'x')"), "");
    CHECK(has(refused("insert into none (none, rowid, body) values ('delete', 1, 'x')"), "the virtual table none"));
    CHECK(has(refused("insert into undrop_meta values ('a', 'b')"), "undrop's own table undrop_meta"));
    CHECK(has(refused("drop table undrop_event"), "undrop's own store"));
    CHECK(has(refused("alter table undrop_event add column x"), "undrop's own store"));
    CHECK(has(refused("create trigger tr after insert on undrop_event begin select 1; end"), "undrop's own store"));
    CHECK_EQ(refused("create table t (a integer primary key autoincrement); insert into t values (5); update sqlite_sequence set seq = 9; analyze"), "");
    f.mark();
    f->run("insert into undrop_meta values ('a', 'b'); create table undrop_snapshot_1 (k1)").value();  // undrop itself may
    CHECK_EQ(joined(f->observed().value().refused), "");
    f->rollback();
}

TEST_CASE("sqlite: a virtual table that vanished is told, a renamed one has not") {
    Fixture f("create virtual table ft using fts5 (body); create virtual table rt using rtree (id, x0, x1); create table t (a)");
    f.mark();
    auto const before = f.catalog();
    f.script("alter table ft rename to ft2; drop table t");
    CHECK(f->removed_unknown(before).value().empty());
    f.script("drop table rt; create virtual table rt using rtree (id, x0, x1)");
    CHECK_EQ(joined(f->removed_unknown(before).value()), "virtual table rt");
    f->rollback();
}

TEST_CASE("sqlite: rows that the script wrote are told from all others") {
    Fixture f("create table t (id integer primary key, a); with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) insert into t select i, 0 from n;"
              "create table k (rowid, a); insert into k values ('x', 1), ('y', 2); create table w (k primary key, v) without rowid; insert into w values (1, 1);"
              "create table un (a); insert into un values (1)");
    f.mark();
    auto const condition = [&](std::string const& name) { return f->written_by_us(f.table(name), "x").value(); };
    auto const count = [&](std::string const& name, std::string const& where) {
        return f.one(fmt::format("select count(*) from {} as x where {}", name, where));
    };
    CHECK_EQ(count("t", condition("t")), "0");
    f->run("update t set a = 9 where id = 500").value();  // undrop's own
    f.script("update t set a = 1 where id % 2 = 0 and id <> 500; insert into t values (-5, 1), (2000, 2), (2001, 3); delete from t where id = 2001; "
             "update t set id = 5000 where id = 10; update k set a = 3 where rowid = 'y'; create table made as select a from t limit 7; update w set v = 2");
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

TEST_CASE("sqlite: names and literals survive any text") {
    SqliteDialect const dialect;
    auto const backend = open("sqlite::memory:");
    for (std::string const name : {"a\"b; --", "\xC3\x9Cn\xC3\xAF" "code", "select", "a'b", "a b", "[x]", "`"}) {
        backend->run(fmt::format("create table {0} ({1}); insert into {0} values ({2}); drop table {0}", dialect.relation("", name), dialect.quote(name),
                                 dialect.literal(name))).value();
        CHECK_EQ(backend->rows("select " + dialect.literal(name)).value().at(0).at(0), name);
    }
    std::string const nul("a\0b\0", 4);
    CHECK_EQ(backend->rows("select hex(" + dialect.literal(nul) + ")").value().at(0).at(0), "61006200");
    CHECK_EQ(dialect.store("undrop", "event"), "main.\"undrop_event\"");
    CHECK_EQ(dialect.own_rows({.id = {}, .schema = {}, .name = "t", .columns = {}, .key = {}}), "main.\"t\"");
}

TEST_CASE("sqlite: same, image and digest tell apart what is not the same bytes, and only that") {
    SqliteDialect const dialect;
    auto const backend = open("sqlite::memory:");
    std::vector<std::string> const values{"null", "1", "1.0", "'1'", "x'31'", "'a'", "'A'", "''", "x''", "'a' || char(0) || 'b'", "'a' || char(0) || 'c'", "'a,b'",
                                          "9223372036854775807", "9.223372036854775807e18", "0.1", "0.30000000000000004", "0.3", "'NULL'"};
    backend->run("create table t (n, a collate nocase, b collate nocase, i integer)").value();
    for (auto const& a : values) {
        for (auto const& b : values) {
            CAPTURE(a);
            CAPTURE(b);
            bool const equal = a == b;
            backend->run(fmt::format("delete from t; insert into t (a, b) values ({}, {})", a, b)).value();
            auto const sql = fmt::format("select {}, {} = {}, {} = {} from t", dialect.same({}, "a", "b"), dialect.image({"a"}), dialect.image({"b"}),
                                         dialect.digest(dialect.image({"a"})), dialect.digest(dialect.image({"b"})));
            auto const row = backend->rows(sql).value().at(0);
            CHECK_EQ(row[0], equal ? "1" : "0");
            CHECK_EQ(row[1], equal ? "1" : "0");
            CHECK_EQ(row[2], equal ? "1" : "0");
            auto const two = fmt::format("select {} = {} from t", dialect.image({"a", "b"}), dialect.image({"b", "a"}));
            CHECK_EQ(backend->rows(two).value().at(0).at(0), equal ? "1" : "0");
        }
    }
    CHECK_EQ(backend->rows("select " + dialect.image({})).value().at(0).at(0), "");
    CHECK_EQ(backend->rows("select " + dialect.digest("'abc'")).value().at(0).at(0), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_EQ(backend->rows("select undrop_sha256(null)").value().at(0).at(0), Cell{});
}

TEST_CASE("sqlite: a saved value comes back as it was, and saved keys are joined by an index") {
    Fixture f("create table t (id integer primary key, r real, n numeric, i int, x text collate nocase, b blob);"
              "insert into t values (1, 1, '1', '007', 7, '7'), (2, 1.5, 'abc', 'abc', x'00', 7.0), (3, null, 1e300, 2.5, 'a' || char(0), x'')");
    auto const t = f.table("t");
    auto const& dialect = f->dialect();
    f->run(fmt::format("create table undrop_snapshot_1 (k1 {}, r, n, i, x, b, primary key (k1));"
                       "insert into undrop_snapshot_1 select {}, {}, n, i, {}, b from t",
                       t.column("id")->stored_type, dialect.save(*t.column("id"), "id"), dialect.save(*t.column("r"), "r"), dialect.save(*t.column("x"), "x"))).value();
    std::string condition = "s.k1 = " + dialect.save(*t.column("id"), "t.id");
    for (auto const* name : {"r", "n", "i", "x", "b"}) condition += " and " + dialect.same(*t.column(name), std::string("t.") + name, dialect.load(*t.column(name), std::string("s.") + name));
    CHECK_EQ(f.one("select count(*) from t join undrop_snapshot_1 s on " + condition), "3");
    f->run("create table back as select * from t where 0; insert into back select * from undrop_snapshot_1").value();
    auto const plan = f->rows("explain query plan select 1 from undrop_snapshot_1 as s where not exists (select 1 from t where s.k1 = " +
                              dialect.save(*t.column("id"), "t.id") + ")").value();
    CHECK(has(*plan.back().back(), "SEARCH t USING INTEGER PRIMARY KEY"));
    CHECK_EQ(f.one("select count(*) from t join undrop_snapshot_1 s on s.k1 = t.id where " + dialect.same(*t.column("x"), "t.x", "upper(s.x)")), "1");
}

TEST_CASE("sqlite: row_locator is a name that no column has") {
    SqliteDialect const dialect;
    Table table;
    CHECK_EQ(dialect.row_locator(table), "rowid");
    table.columns.emplace_back().name = "RowId";
    CHECK_EQ(dialect.row_locator(table), "_rowid_");
    table.columns.emplace_back().name = "_rowid_";
    table.columns.emplace_back().name = "oid";
    CHECK_EQ(dialect.row_locator(table), "");
    table.columns.clear();
    table.no_locator = true;
    CHECK_EQ(dialect.row_locator(table), "");
}

TEST_CASE("sqlite: a script's text tells what it will drop, change and write over") {
    SqliteDialect const dialect;
    auto const foreseen = [&](std::string const& sql) {
        std::string text;
        for (auto const& touch : dialect.foresee(dialect.split({sql, "x"}).value()).touches)
            text += fmt::format("{}:{}{}{};", static_cast<int>(touch.kind), touch.schema.empty() ? "" : touch.schema + ".", touch.table,
                                touch.column.empty() ? "" : "." + touch.column);
        return text;
    };
    CHECK_EQ(foreseen("drop table t; DROP TABLE IF EXISTS main.\"a b\"; drop table [x]; drop table `y`; drop view v; drop table temp.z"), "0:t;0:a b;0:x;0:y;");
    CHECK_EQ(foreseen("alter table t drop column c; alter table /* x */ t -- y\n drop \"d e\"; alter table t rename to u; alter table t add column x"),
             "1:t.c;1:t.d e;2:t;2:t;");
    CHECK_EQ(foreseen("update t set a = 1; update or ignore t set a = 1; delete from main.t; replace into t values (1); insert or replace into t values (1)"),
             "3:t;3:t;3:t;3:t;3:t;");
    CHECK_EQ(foreseen("insert into t values (1); insert into t select 1 where true on conflict do nothing; insert into t values (1) on conflict (a) do update set a = 1"), "3:t;");
    CHECK_EQ(foreseen("with x as (select 1 from update_ where replace(1, 2, 3)) delete from t where a in (select * from x)"), "3:t;");
    CHECK_EQ(foreseen("create table if not exists t (a); create table u as select 1; create index i on t (a); create temp table v (a)"), "4:t;4:u;");
    CHECK_EQ(foreseen("create trigger tr after insert on t begin delete from t; end; select 1; pragma foreign_keys = off; with a as (select 1) select * from a"), "");
}

TEST_CASE("sqlite: the catalog holds the stored texts, and they make the same schema again") {
    std::string const schema =
        "create table t (\n  id integer primary key autoincrement, -- the id\n  a text not null default 'x' check (a <> ';') unique\n);\n"
        "create table \"a\"\"b; --\" (x references t (id), y as (x + 1)) ;\n"
        "create table wr (a primary key, b) without rowid, strict_ -- no";
    Fixture f("create table t (\n  id integer primary key autoincrement, -- the id\n  a text not null default 'x' check (a <> ';') unique\n);"
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
    CHECK_EQ(ids, "index i; pragma application_id; pragma user_version; table a\"b; --; table t; table wr; trigger tr; trigger tv; view v; view v2; ");
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
    std::sort(objects.begin(), objects.end(), [](Object const& a, Object const& b) { return std::tie(a.section, a.rank, a.order) < std::tie(b.section, b.rank, b.order); });

    auto const texts = "select type, name, sql from sqlite_schema where sql is not null and name not like 'ft%' and name not like 'undrop%' order by type, name";
    auto const before = f.other->all(texts);
    f.begin();
    for (auto object = objects.rbegin(); object != objects.rend(); ++object)
        if (!object->remove.empty()) f->run(object->remove).value();
    CHECK_EQ(f.catalog().size(), 2);
    for (auto const& object : objects) f->run(object.make).value();
    CHECK(std::ranges::equal(f.catalog(), catalog, [](auto const& a, auto const& b) { return a.first == b.first && a.second.same(b.second); }));
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
    Fixture f("create table t (role, roles); create view v as select \"Role\" from t; create view w as select roles /* role */ from t; "
              "create trigger tr after insert on t begin select new.role; end; create index i on t (role)");
    CHECK_EQ(joined(f->mentions("role").value()), "view v; trigger tr");
    CHECK(f->mentions("nothing").value().empty());
}

TEST_CASE("sqlite: a store is told from none, and from what squats in its place (A15, C13)") {
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
    f->run("create table undrop_snapshot_12 (k1); create table undrop_footprint_3 (k); create table undrop_copy_1 (k); create table undrop_snapshot_x (a);"
           "create table second_meta (key, value); create table second_event (id, run, kind, up_sum, down_script); create table second_snapshot_1 (a)").value();
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
    for (auto const* other : {"(1, 'b'), (2, 'a')", "(1, 'a'), (2, 'b'), (2, 'b')", "(1.0, 'a'), (2, 'b')", "('1', 'a'), (2, 'b')", "(1, x'61'), (2, 'b')",
                              "(1, 'a' || char(0)), (2, 'b')", "(1, null), (2, 'b')"})
        CHECK_NE(hash(other), first);
}

TEST_CASE("sqlite: positions of AUTOINCREMENT are read, put back, and never moved back") {
    Fixture f("create table t (id integer primary key autoincrement); insert into t values (41); delete from t; create table u (id integer primary key autoincrement)");
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
    Fixture f("create table p (id integer primary key); create table c (p references p (id) on delete cascade); create table log (a);"
              "create trigger tr after insert on c begin insert into log values (1); end; insert into p values (1), (2); insert into c values (1); delete from log");
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
    Wish(Fixture const& f, std::string const& name, std::string const& make) : id{"table", "", name}, now(f.catalog().at(id)), wanted(now) { wanted.make = make; }
};

}  // namespace

TEST_CASE("sqlite: a rebuilt table has the wanted text to the byte, its rows, row numbers and identity, and fires nothing") {
    Fixture f("create table kinds (k text primary key);"
              "create table t (a text, kind text default 'x', parent integer references t2 (id)); create table t2 (id integer primary key);"
              "create table child (x references \"t\" (a)); create unique index ta on t (a);"
              "create view v as select a from \"t\"; create table log (a);"
              "create trigger on_t after insert on t begin insert into log select count(*) from child; end;"
              "create trigger on_child after insert on child begin update t set a = a; end;"
              "create trigger on_delete before delete on t begin insert into log values ('deleted'); end;"
              "insert into t (rowid, a, kind) values (10, 'one', 7), (20, 'two', x'00'), (30, null, 1.5); insert into child values ('one'); delete from log");
    auto const others = "select type, name, sql from sqlite_schema where tbl_name <> 't' order by type, name";
    auto const before = f.other->all(others);
    f.mark();
    auto const old = f.table("t");
    Wish const wish(f, "t", "CREATE TABLE t (\n    kind text, -- kept\n    extra text not null default ('n' || 1),\n    a text unique,\n    g as (a || '!')\n);");
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
    Fixture f("create table a (id integer primary key autoincrement, x); insert into a values (5, 1), (9, 2); delete from a where id = 9;"
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
    Fixture f("create table t (id integer primary key, role text not null default 'viewer' check (role in ('viewer', 'manager'))); insert into t (id) values (1), (2)");
    auto const recorded = f.catalog().at({"table", "", "t"});
    auto const table = f.table("t");
    f->run("create table undrop_snapshot_1 (k1 integer primary key, v1); insert into undrop_snapshot_1 values (1, 'manager'), (2, 'viewer')").value();
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

TEST_CASE("sqlite: a rebuild that rows do not fit is refused, naming the column") {
    Fixture f("create table t (a); insert into t values (null), (1); create table p (id integer primary key); create table c (p references p (id)); "
              "insert into p values (1); insert into c values (1); create view v as select 1");
    f.mark();
    auto const attempt = [&](std::string const& name, std::string const& make) {
        Wish const wish(f, name, make);
        auto const done = f->reshape(wish.id, wish.now, wish.wanted);
        f->rollback();
        f.mark();
        return done ? std::string{} : std::string(name_of(done.error().code)) + " " + done.error().message;
    };
    CHECK(has(attempt("t", "CREATE TABLE t (a, b not null);"), "refused the column b of t"));
    CHECK(has(attempt("t", "CREATE TABLE t (a not null);"), "refused there are rows in t"));
    CHECK(has(attempt("t", "CREATE TABLE t (a check (a > 5));"), "CHECK constraint failed"));
    CHECK(has(attempt("t", "CREATE TABLE t (a, b, check check);"), "syntax error"));
    CHECK(has(attempt("t", "CREATE TABLE other (a);"), "t"));
    CHECK(has(attempt("p", "CREATE TABLE p (id integer primary key, x references c (nope));"), ""));
    CHECK_EQ(f.one("pragma foreign_keys"), "1");
    CHECK_EQ(f->reshape({"view", "", "v"}, {}, {}).error().code, Code::refused);
    f.script("pragma defer_foreign_keys = on; insert into c values (5)");
    CHECK(has(attempt("t", "CREATE TABLE t (a, b);"), "rows refer to rows"));
    f->rollback();
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
        own.run("pragma busy_timeout = 1234; pragma legacy_alter_table = on; create table t (a text not null collate by_length, b); create unique index i on t (a);"
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
    own.run("create table t (a); insert into t values (1); attach '" + directory.file("b.db") + "' as side; create table side.s (a); insert into side.s values (1);"
            "create table log (a); create temp trigger tt after insert on main.t begin insert into log values (new.a); end; create temp table log2 (a)");
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
            maker.run(std::string(setting) + "; create table gone (a); create table t (a, b); create table u (c); insert into t values ('\xC3\x9C', 1), ('x', 2)");
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
        Script const script{"drop table gone; update t set b = 3 where a = '\xC3\x9C'; alter table t rename to t2; alter table u rename to u2", "x.sql"};
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
