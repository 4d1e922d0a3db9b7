// What a sandbox cannot be made of: said before anything is made, with what to do.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "story/sandboxes.hpp"
#include "support/server.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

SandboxWish of(DataMode mode, std::string const& elsewhere = {}) { return {.data = {.mode = mode, .rows = 5}, .elsewhere = elsewhere}; }

// Another PATH, for as long as it lives.
class Path {
public:
    explicit Path(std::string const& path) : before_(std::getenv("PATH")) { setenv("PATH", path.c_str(), 1); }
    ~Path() { setenv("PATH", before_.c_str(), 1); }
    Path(Path const&) = delete;
    Path& operator=(Path const&) = delete;
    [[nodiscard]] std::string const& before() const { return before_; }

private:
    std::string before_;
};

void make_tables(Database& db) {
    db.run(
        "create table a (id integer generated always as identity primary key, v text not null check (v <> ''), unique (v)); create table b "
        "(id "
        "serial primary key, a integer references a); create index on b (a); create view pairs as select a.v from a join b on b.a = a.id; "
        "insert "
        "into a (v) values ('x'), ('y'); insert into b (a) values (1), (2), (null)");
}

}  // namespace

ON_POSTGRES("without pg_dump the schema comes from undrop's own catalog, and that is noted") {
    make_tables(db);
    (void)up(db, source_of({{"create table mine (id integer)", "drop table mine"}}));
    Path const none("/nowhere");
    Looked box(db.url(), of(DataMode::sample));
    REQUIRE(box.sandbox().notes.size() == 1);
    CHECK(box.sandbox().notes.front().find("no pg_dump") != std::string::npos);
    CHECK(box.table("select * from pairs order by 1") == "x\ny");
    CHECK(box.table("insert into a (v) values ('z') returning id") == "3");
    CHECK(box.count("select count(*) from undrop.event where kind = 'applied'") == 1);
    CHECK(box.count("select count(*) from pg_constraint where connamespace = 'public'::regnamespace") ==
          db.count("select count(*) from pg_constraint where connamespace = 'public'::regnamespace"));
}

ON_POSTGRES("without pg_dump a sample of what has partitions is refused, and made rows are not") {
    db.run(
        "create table p (k integer primary key) partition by range (k); create table p1 partition of p for values from (0) to (10); insert "
        "into p values (1)");
    Path const none("/nowhere");
    Looked sample(db.url(), of(DataMode::sample));
    CHECK(sample.error().code == Code::refused);
    CHECK(sample.error().message.find("public.p") != std::string::npos);
    Looked made(db.url(), of(DataMode::synthetic));
    CHECK(made.count("select count(*) from p") > 0);
}

ON_POSTGRES("a target newer than pg_dump: the catalog for a part of it, and a whole copy is refused with both versions") {
    make_tables(db);
    Directory const tools;
    tools.write("pg_dump", "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n");
    chmod((tools.path() + "/pg_dump").c_str(), 0755);
    Path const old(tools.path() + ":" + std::getenv("PATH"));
    {
        Looked box(db.url(), of(DataMode::schema));
        REQUIRE(box.sandbox().notes.size() == 1);
        CHECK(box.sandbox().notes.front().find("pg_dump 9 is older") != std::string::npos);
        CHECK(box.count("select count(*) from pairs") == 0);
    }
    Looked box(db.url(), of(DataMode::full));
    CHECK(box.error().code == Code::refused);
    CHECK(box.error().left == Left::untouched);
    CHECK(box.error().message.find("pg_dump on the PATH is of version 9") != std::string::npos);
    CHECK(box.error().next.advice.find("postgresql-client-") != std::string::npos);
}

ON_POSTGRES("roles and extensions that the sandbox's server lacks are named before anything is made") {
    Server const other;
    db.run("create table t (id integer); grant select on t to undrop_reader");
    Looked roles(db.url(), of(DataMode::schema, other.url()));
    CHECK(roles.error().code == Code::refused);
    CHECK(roles.error().message.find("undrop_reader") != std::string::npos);
    CHECK(roles.error().next.advice.find("CREATE ROLE \"undrop_reader\" NOLOGIN") != std::string::npos);
    CHECK(roles.error().next.advice.find("--sandbox local") != std::string::npos);

    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    superuser->run("insert into pg_extension select 99999, 'not_installed', 10, 11, false, '1', null, null");
    Looked extensions(db.url(), of(DataMode::schema, other.url()));
    CHECK(extensions.error().code == Code::refused);
    CHECK(extensions.error().message.find("extension not_installed") != std::string::npos);
    superuser->run("delete from pg_extension where oid = 99999");
    CHECK(connect_postgres(other.url())->count("select count(*) from pg_database where datname like 'undrop_sandbox_%'") == 0);
}

ON_POSTGRES("a sandbox elsewhere reads times and names as the target does") {
    db.run(
        "do $$ begin execute format('alter database %I set timezone to ''Asia/Kathmandu''', current_database()); execute format('alter "
        "database "
        "%I set search_path to app, public', current_database()); end $$; create schema app");
    Looked box(db.url(), {.elsewhere = local_server});
    CHECK(box.table("show timezone") == "Asia/Kathmandu");
    CHECK(box.table("show search_path") == "app, public");
}

ON_POSTGRES("how far a whole copy is, is told while it runs") {
    db.run("create table big as select n, repeat('x', 500) as v from generate_series(1, 200000) n; analyze big");
    std::int64_t most = 0;
    auto wish = of(DataMode::full);
    wish.on_rows = [&](Filling const& filling) {
        CHECK(filling.table == "big");
        CHECK(filling.all >= filling.done);
        most = std::max(most, filling.done);
    };
    Looked box(db.url(), wish);
    CHECK(box.count("select count(*) from big") == 200000);
    CHECK(most > 0);
}

ON_SQLITE("without room for a copy the run says so, and the target is untouched") {
    db.run(
        "create table t (id integer primary key, v blob); with recursive n(n) as (select 1 union all select n + 1 from n where n < 20) "
        "insert "
        "into t select n, zeroblob(1000000) from n");
    Directory const notes;
    auto const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit const small{5'000'000, 5'000'000};
        setrlimit(RLIMIT_FSIZE, &small);
        for (auto const mode : {DataMode::full, DataMode::sample}) {
            auto target = Target::open(db.url());
            auto const refused =
                rehearse(target.value(), source_of({{"create table later (id integer)", "drop table later"}}), {.data = {.mode = mode}});
            notes.write(name_of(mode), refused ? "none" : refused.error().text());
        }
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    for (std::string const mode : {"full", "sample"}) {
        auto const error = output_of("cat " + notes.path() + "/" + mode);
        CHECK_MESSAGE(error.find("SQLITE_TMPDIR") != std::string::npos, error);
    }
    CHECK(db.count("select count(*) from t") == 20);
}

// A file that may not grow is a disk without room.
TEST_CASE("a server without room ends the rehearsal with its words, and keeps nothing of it (PostgreSQL)") {
    Server server;
    auto const label = std::string(60, 'x');
    connect_postgres(server.url())
        ->run("create type wide as enum ('" + label + "'); create table t (id integer primary key, w wide); insert into t select g, '" +
              label + "' from generate_series(1, 100000) g");
    auto const pending = source_of({{"alter table t add column later integer", "alter table t drop column later"}});
    auto const rehearsed = [&](RehearsalData data) {
        auto target = Target::open(server.url());
        return rehearse(target.value(), pending, {.data = data, .writes = false});
    };
    // 3.6 MB of rows, which a snapshot holds as 9 MB: no room for what a rehearsal keeps, and none for twice as many made rows.
    server.stop_at_once();
    server.start(6000);
    for (auto const& data : {RehearsalData{.mode = DataMode::full}, RehearsalData{.mode = DataMode::synthetic, .rows = 200'000}}) {
        CAPTURE(name_of(data.mode));
        auto const ended = rehearsed(data);
        REQUIRE_FALSE(ended);
        CHECK_MESSAGE(ended.error().text().find("could not extend file") != std::string::npos, ended.error().text());
        auto const db = connect_postgres(server.url());
        CHECK(db->one("select count(*) from pg_database where datname like 'undrop_sandbox%'") == "0");
        CHECK(db->one("select count(*) from t where w is not null") == "100000");
    }
    server.stop_at_once();
    server.start();
    auto const evidence = rehearsed({.mode = DataMode::full});
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    CHECK(evidence.value().exact());
}

ON_POSTGRES("a sandbox's server that is named by a database with tables is refused, and nothing is made there") {
    Server const other;
    connect_postgres(other.url())->run("create table somebodys (id integer)");
    Looked box(db.url(), of(DataMode::migrations, other.url()));
    CHECK(box.error().code == Code::refused);
    CHECK(box.error().left == Left::untouched);
    CHECK(box.error().message.find("holds tables, as somebodys") != std::string::npos);
    CHECK(connect_postgres(other.url())->count("select count(*) from pg_database where datname like 'undrop_sandbox_%'") == 0);
    connect_postgres(other.url())->run("drop table somebodys");
    Looked fine(db.url(), of(DataMode::migrations, other.url()));
    CHECK(fine.count("select 1") == 1);
}
