// Many at once, and nothing to do.
#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdio>
#include <memory>
#include <sstream>

#include <undrop/postgres.hpp>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr int processes = 16;

// Starts the program behind a gate: reading from the pipe ends when its last writer has closed it, for all at the same time.
pid_t start(std::string const& url, std::string const& directory, std::array<int, 2> const& gate, int output) {
    auto const child = fork();
    if (child != 0) return child;
    close(gate[1]);
    char nothing = 0;
    if (read(gate[0], &nothing, 1) != 0) _exit(126);
    dup2(output, STDOUT_FILENO);
    execl(UNDROP_TEST_MIGRATOR, UNDROP_TEST_MIGRATOR, url.c_str(), directory.c_str(), static_cast<char*>(nullptr));
    _exit(127);
}

// Exit statuses all 0; gives what they printed, added up.
int all_at_once(std::string const& url, std::string const& directory) {
    std::array<int, 2> gate{};
    std::array<int, 2> output{};
    REQUIRE_EQ(pipe(gate.data()), 0);
    REQUIRE_EQ(pipe(output.data()), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < processes; ++i) children.push_back(start(url, directory, gate, output[1]));
    close(gate[0]);
    close(gate[1]);
    close(output[1]);
    std::string printed;
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = read(output[0], buffer.data(), buffer.size())) > 0;)
        printed.append(buffer.data(), static_cast<std::size_t>(n));
    close(output[0]);
    for (auto const child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), 0);
    }
    std::istringstream in(printed);
    int sum = 0;
    int answers = 0;
    for (int steps = 0; in >> steps; ++answers) sum += steps;
    CHECK_EQ(answers, processes);
    return sum;
}

}  // namespace

namespace {

void sixteen_at_once(Database& db) {
    db.run(
        "create table log (id integer primary key, step integer not null); create table t (id integer primary key, v text not null default "
        "'x', w text)");
    db.run("insert into t (id) select n from " + numbers(db, 1, 500));
    Directory const files;
    for (int i = 1; i <= 5; ++i)
        files.write(fmt::format("{}_step.up.sql", i),
                    fmt::format("insert into log select coalesce(max(id), 0) + 1, {0} from log;\ncreate table made_{0} (id integer "
                                "primary key);\n{1}",
                                i, i == 3 ? "alter table t drop column v;\n" : ""));
    CHECK_EQ(all_at_once(db.url(), files.path()), 5);
    CHECK_EQ(db.table("select id, step from log order by id"), "1|1\n2|2\n3|3\n4|4\n5|5");
    auto target = Target::open(db.url()).value();
    auto const source = Source::directory(files.path()).value();
    CHECK(status(target, source).value().clean());
    CHECK_EQ(log(target).value().size(), 5);
    CHECK_EQ(all_at_once(db.url(), files.path()), 0);
    CHECK_EQ(log(target).value().size(), 5);
    auto const back = apply(target, approve(plan_down(target, source, {.to = "2"}).value()).value()).value();
    CHECK_EQ(merged(back.steps.back(), db.named("t.v")).restored, 500);
}

}  // namespace

ON_BOTH("story: 16 processes start at once, and each of five migrations runs exactly once") { sixteen_at_once(db); }

ON_SQLITE("story: 16 processes start at once on a file with a write-ahead log, and each of five migrations runs exactly once") {
    REQUIRE_EQ(db.one("pragma journal_mode = wal"), "wal");
    sixteen_at_once(db);
    CHECK_EQ(db.one("pragma journal_mode"), "wal");
}

ON_POSTGRES("story: nothing pending is one statement, one round trip and no lock") {
    auto const source = source_of({{"create table a (id integer primary key);"}, {"create table b (id integer primary key);"}});
    (void)up(db, source);
    std::unique_ptr<PGconn, decltype(&PQfinish)> const connection(PQconnectdb(db.url().c_str()), &PQfinish);
    REQUIRE_EQ(PQstatus(connection.get()), CONNECTION_OK);
    auto target = postgres::attach(connection.get()).value();
    std::unique_ptr<std::FILE, decltype(&std::fclose)> const trace(std::tmpfile(), &std::fclose);
    PQtrace(connection.get(), trace.get());
    PQsetTraceFlags(connection.get(), PQTRACE_SUPPRESS_TIMESTAMPS);
    auto const report = migrate(target, source).value();
    PQuntrace(connection.get());
    CHECK_EQ(report.steps.size(), 0);
    CHECK_EQ(report.run, 0);

    std::rewind(trace.get());
    std::string text;
    std::array<char, 4096> buffer{};
    for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), trace.get())) > 0;) text.append(buffer.data(), n);
    int statements = 0;
    int round_trips = 0;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("F\t") && (line.find("\tQuery\t") != std::string::npos || line.find("\tExecute\t") != std::string::npos))
            ++statements;
        if (line.starts_with("B\t") && line.find("\tReadyForQuery\t") != std::string::npos) ++round_trips;
    }
    CAPTURE(text);
    CHECK_EQ(statements, 1);
    CHECK_EQ(round_trips, 1);
    CHECK_EQ(text.find("advisory"), std::string::npos);
    CHECK_EQ(db.count("select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname "
                      "= current_database())"),
             0);
}

ON_BOTH("story: nothing pending writes nothing") {
    auto const source = source_of({{"create table a (id integer primary key);"}});
    (void)up(db, source);
    auto target = Target::open(db.url()).value();
    auto const events = log(target).value().size();
    CHECK_EQ(migrate(target, source).value().run, 0);
    CHECK_EQ(log(target).value().size(), events);
    auto const fresh = Database::make(db.engine());
    auto other = Target::open(fresh->url()).value();
    auto const before = witness(*fresh);
    CHECK_EQ(migrate(other, source_of({})).value().run, 0);
    CHECK_FALSE(status(other, source).value().has_ledger);
    CHECK(plan_up(other, source).has_value());
    CHECK(log(other).value().empty());
    check_unchanged(before, witness(*fresh));
    CHECK_EQ(
        fresh->count(fresh->either("select count(*) from pg_namespace where nspname = 'undrop'", "select count(*) from sqlite_schema")), 0);
}

namespace {

// A session tells of its scans when it ends.
std::int64_t searches(Database& db) {
    std::string const others =
        "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'";
    for (int tries = 0; db.count(others) > 1 && tries < 500; ++tries) usleep(10'000);
    return db.count("select seq_scan from pg_stat_sys_tables where relname = 'pg_attribute'");
}

}  // namespace

ON_POSTGRES("many: a small migration and its way back search the columns of all tables for nothing of their own") {
    db.run("create table t (id integer primary key, a text)");
    auto const first = source_of({{"create table u (id integer primary key)"}});
    (void)up(db, first);
    auto const before = searches(db);
    auto const source = source_of({{"create table u (id integer primary key)"}, {"alter table t add column n integer"}});
    (void)up(db, source);
    (void)down(db, source);
    CHECK_EQ(searches(db), before);
}
