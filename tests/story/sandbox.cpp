// Sandboxes on a server (P10, P8): made, marked, closed to others, dropped, swept, and nothing else touched.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

Source one_table() { return source_of({{"create table t (id integer); insert into t values (1)", "drop table t"}}); }

Result<Evidence> rehearse_on(std::string const& url, Rehearsal const& rehearsal = {}, Options const& options = {}) {
    auto target = Target::open(url);
    if (!target) return target.error();
    return rehearse(target.value(), one_table(), rehearsal, options);
}

// Other tests have theirs on the same server at the same time.
std::vector<std::string> sandboxes(Session& session) {
    std::vector<std::string> names;
    for (auto const& row : session.rows("select datname from pg_database where datname like 'undrop_sandbox_%'")) names.push_back(*row[0]);
    return names;
}

bool is_there(Session& session, std::string const& name) {
    auto const all = sandboxes(session);
    return std::find(all.begin(), all.end(), name) != all.end();
}

// The URL by which the server knows one test's connections, and those to its sandbox, from others.
std::string url_of(Database& db, std::string const& test) { return db.url() + "&application_name=" + test; }

// The sandbox of this test that was not there before, in which a run is going on.
std::string newest(Session& session, std::vector<std::string> const& before, std::string const& test) {
    for (auto const& name : sandboxes(session))
        if (std::find(before.begin(), before.end(), name) == before.end() &&
            session.count("select count(*) from pg_stat_activity where datname = '" + name + "' and application_name = '" + test +
                          "' and pid in (select pid from pg_locks where "
                          "locktype = 'advisory')") > 0)
            return name;
    return {};
}

// Runs `act` once, in the middle of a step in the sandbox.
Options in_the_middle(std::function<void()> act) {
    Options options;
    auto done = std::make_shared<bool>(false);
    options.on_event = [act = std::move(act), done](Event const& event) {
        if (event.kind != Event::Kind::ran || std::exchange(*done, true)) return;
        act();
    };
    return options;
}

std::string as(std::string const& url, std::string const& user) {
    auto const at = url.find("user=");
    return url.substr(0, at) + "user=" + user;
}

}  // namespace

ON_POSTGRES("a sandbox carries undrop's mark, is closed to others, and is gone afterwards") {
    auto const before = sandboxes(db);
    std::string name;
    std::string comment;
    std::string why;
    auto const options = in_the_middle([&] {
        name = newest(db, before, "marked");
        comment = db.one("select shobj_description(oid, 'pg_database') from pg_database where datname = '" + name + "'");
        try {
            (void)connect_postgres(as(with_database(db.url(), name), "undrop_reader"));
        } catch (std::exception const& refused) {
            why = refused.what();
        }
    });
    REQUIRE(rehearse_on(url_of(db, "marked"), {}, options));
    REQUIRE_FALSE(name.empty());
    CHECK(comment.starts_with("undrop sandbox: disposable"));
    CHECK(why.find("permission denied") != std::string::npos);
    CHECK_FALSE(is_there(db, name));
}

ON_POSTGRES("a sandbox is dropped also when the walk ends early") {
    auto const before = sandboxes(db);
    std::string name;
    auto options = in_the_middle([&] { name = newest(db, before, "early"); });
    options.cancelled = [&] { return !name.empty(); };
    auto const source = source_of({{"create table t (id integer)", "select 1; select 2"}});
    auto target = Target::open(url_of(db, "early")).value();
    CHECK(rehearse(target, source, {}, options).error().code == Code::interrupted);
    REQUIRE_FALSE(name.empty());
    CHECK_FALSE(is_there(db, name));
}

ON_POSTGRES("what a killed run left behind is swept by the next, and nothing that only has a similar name") {
    std::string const unmarked = "undrop_sandbox_0123456789abcdef";
    std::string const foreign = "undrop_sandbox_fedcba9876543210";
    for (auto const& name : {unmarked, foreign}) db.run("create database " + name + " template template0");
    db.run("comment on database " + foreign + " is 'the undrop sandbox: of somebody'");

    Directory const directory;
    auto const url = db.url();
    auto const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        (void)rehearse_on(
            url, {}, in_the_middle([&] {
                auto const session = connect_postgres(url);
                for (auto const& row : session->rows("select a.datname from pg_stat_activity a join pg_locks l on l.pid = a.pid "
                                                     "where l.locktype = 'advisory' and a.datname like 'undrop_sandbox_%'"))
                    directory.write("names", *row[0]);
                kill(getpid(), SIGKILL);
            }));
        _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    auto const left = output_of("cat " + directory.path() + "/names");
    REQUIRE(left.starts_with("undrop_sandbox_"));
    // The server notices that the client is gone.
    while (db.count("select count(*) from pg_stat_activity where datname = '" + left + "'") > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));

    // The one that made it ends a moment after.
    for (int i = 0; i < 500 && is_there(db, left); ++i) REQUIRE(rehearse_on(url));
    CHECK_FALSE(is_there(db, left));
    CHECK(is_there(db, unmarked));
    CHECK(is_there(db, foreign));
    for (auto const& name : {unmarked, foreign}) db.run("drop database " + name);
}

ON_POSTGRES("a rehearsal does not sweep the sandbox of another that is going on") {
    auto const outer = rehearse_on(db.url(), {}, in_the_middle([&] {
                                       auto const inner = rehearse_on(db.url());
                                       REQUIRE(inner);
                                       CHECK(inner.value().exact());
                                   }));
    REQUIRE(outer);
    CHECK(outer.value().exact());
}

ON_POSTGRES("a role that may not make databases is told what to do, and --sandbox is one way") {
    auto const url = required_variable("UNDROP_TEST_POSTGRES_TCP");
    auto const refused = rehearse_on(url);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::refused);
    CHECK(refused.error().next.advice.find("CREATEDB") != std::string::npos);
    CHECK(refused.error().next.advice.find("--sandbox") != std::string::npos);
    CHECK(refused.error().text().find("right-password") == std::string::npos);
    auto const elsewhere = rehearse_on(url, {.sandbox = db.url()});
    REQUIRE_MESSAGE(elsewhere, elsewhere.error().text());
    CHECK(elsewhere.value().exact());
}

ON_POSTGRES("who may not read the target's ledger can rehearse everything on an empty database") {
    (void)up(db, one_table());
    auto const reader = as(db.url(), "undrop_reader");
    auto const all = rehearse_on(reader, {.sandbox = db.url()});
    REQUIRE_MESSAGE(all, all.error().text());
    CHECK(all.value().exact());
    CHECK_FALSE(rehearse_on(reader, {.which = Rehearsal::Which::pending, .sandbox = db.url()}));
}

ON_POSTGRES("without pg_dump on the PATH a copy is refused with advice") {
    std::string const path = std::getenv("PATH");
    setenv("PATH", "/nowhere", 1);
    auto const refused = rehearse_on(db.url(), {.data = {.mode = DataMode::full}});
    setenv("PATH", path.c_str(), 1);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::refused);
    CHECK(refused.error().message.find("pg_dump") != std::string::npos);
}

ON_POSTGRES("a copy that the role may not make says why") {
    db.run("create schema hidden; create table hidden.t (id integer)");
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    superuser->run("alter table hidden.t owner to postgres; revoke all on hidden.t from public");
    auto const refused = rehearse_on(db.url(), {.data = {.mode = DataMode::full}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::refused);
    CHECK(refused.error().native.find("permission denied") != std::string::npos);
}

ON_POSTGRES("a sandbox has the settings that the target's database gives to its sessions") {
    db.run("do $$ begin execute format('alter database %I set search_path to \"my own\", public', current_database()); end $$");
    db.run("create schema \"my own\"");
    auto const source = source_of(
        {{"create schema if not exists \"my own\"", "drop schema \"my own\""}, {"create table t (id integer)", "drop table \"my own\".t"}});
    auto target = Target::open(db.url()).value();
    auto const evidence = rehearse(target, source);
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    CHECK(evidence.value().exact());
}

ON_SQLITE("a rehearsal of a SQLite file with rows leaves no file behind") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a')");
    auto target = Target::open(db.url()).value();
    auto const source = source_of({{"alter table t drop column v"}});
    auto const evidence = rehearse(target, source, {.data = {.mode = DataMode::full}});
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    CHECK(evidence.value().exact());
    auto const directory = db.location().substr(0, db.location().rfind('/'));
    CHECK(output_of("ls " + shell_quoted(directory)) == "test.db\n");
    CHECK(rehearse(target, source, {.sandbox = "sqlite:x.db"}).error().code == Code::usage);
}

ON_SQLITE("a database in memory is rehearsed with its rows, too") {
    auto target = Target::open("sqlite::memory:").value();
    REQUIRE(migrate(target, one_table()));
    auto const evidence =
        rehearse(target, source_of({{"create table t (id integer); insert into t values (1)", "drop table t"}, {"drop table t"}}),
                 {.data = {.mode = DataMode::full}});
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    CHECK(evidence.value().exact());
    CHECK(evidence.value().migrations.size() == 1);
}

ON_POSTGRES("a sandbox whose maker was killed before it could mark it is dropped by the next one; one that only has the name is not") {
    auto const made = std::string("undrop_sandbox_0000000100000000");
    auto const others = std::string("undrop_sandbox_0000000100000001");
    auto const there = [&](std::string const& name) { return db.count("select count(*) from pg_database where datname = '" + name + "'"); };
    db.run("create database " + made + " connection limit 1948003");
    db.run("create database " + others + " connection limit 17");
    auto target = Target::open(db.url()).value();
    REQUIRE(rehearse(target, source_of({{"create table t (id integer primary key)"}})));
    CHECK(there(made) == 0);
    CHECK(there(others) == 1);
    db.run("drop database " + others);
}

ON_POSTGRES("a superuser rehearses, and goes up, on the store of the database's owner, who takes it back") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a'), (2, 'b')");
    auto const first = Scripts{"alter table t add column n integer default 5"};
    (void)up(db, source_of({first}));
    auto const source = source_of({first, {"alter table t drop column v"}});
    {
        auto superuser =
            Target::open(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"))).value();
        auto const evidence = rehearse(superuser, source, {.data = {.mode = DataMode::full}});
        REQUIRE_MESSAGE(evidence, evidence.error().text());
        CHECK(evidence.value().good());
        REQUIRE(migrate(superuser, source));
    }
    (void)down(db, source);
    CHECK(db.table("select id, v, n from t order by id") == "1|a|5\n2|b|5");
}
