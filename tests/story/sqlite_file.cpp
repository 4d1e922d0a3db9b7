// One SQLite file and several who use it: another process in the middle of a transaction, threads, both kinds of journal; and what a file
// has beside its tables.
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include <fmt/format.h>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;
using namespace std::chrono_literals;

namespace {

// A process of its own (locks of a file are a process's) that runs `sql` on the file and stays as it is then until told to end by `last`.
class Holder {
public:
    Holder(std::string const& file, std::string const& sql, std::string const& last) {
        REQUIRE_EQ(pipe(ready_.data()), 0);
        REQUIRE_EQ(pipe(end_.data()), 0);
        child_ = fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) hold(file, sql, last);
        close(ready_[1]);
        close(end_[0]);
        char done = 0;
        REQUIRE_EQ(read(ready_[0], &done, 1), 1);
    }
    ~Holder() { let_go(); }
    Holder(Holder const&) = delete;
    Holder& operator=(Holder const&) = delete;

    void let_go() {
        if (child_ < 0) return;
        close(end_[1]);
        close(ready_[0]);
        int status = 0;
        waitpid(child_, &status, 0);
        child_ = -1;
        CHECK_EQ(status, 0);
    }

private:
    [[noreturn]] void hold(std::string const& file, std::string const& sql, std::string const& last) {
        close(ready_[0]);
        close(end_[1]);
        sqlite3* handle = nullptr;
        bool well = sqlite3_open(file.c_str(), &handle) == SQLITE_OK;
        well = well && sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
        char told = 1;
        well = well && write(ready_[1], &told, 1) == 1;
        well = well && read(end_[0], &told, 1) == 0;
        well = well && sqlite3_exec(handle, last.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
        _exit(well && sqlite3_close(handle) == SQLITE_OK ? 0 : 1);
    }

    std::array<int, 2> ready_{};
    std::array<int, 2> end_{};
    pid_t child_ = -1;
};

constexpr char const* people =
    "create table people (id integer primary key, name text, role text); insert into people values (1, 'a', 'x'), (2, 'b', 'y')";
constexpr std::array journals{"delete", "wal"};

std::unique_ptr<Database> made(std::string const& journal) {
    auto db = Database::make(Engine::sqlite);
    REQUIRE_EQ(db->one("pragma journal_mode = " + journal), journal);
    db->run(people);
    return db;
}

Options hasty() { return {.wait = 20ms, .lock_timeout = 20ms, .tries = 2}; }

// Refused as busy by name, nothing is changed, and the ledger knows of nothing.
void check_busy(Database& db, Witness const& before, Error const& error, std::size_t applied) {
    INFO(error.text());
    CHECK_EQ(error.code, Code::busy);
    CHECK_NE(error.message.find("another connection"), std::string::npos);
    CHECK_NE(error.text().find("Next: try again when it has finished"), std::string::npos);
    CHECK_NE(error.left, Left::changed);
    CHECK_NE(error.left, Left::unknown);
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    CHECK_EQ(status(target, {}).value().applied.size(), applied);
}

}  // namespace

TEST_CASE("sqlite file: with a rollback journal a reader of another process holds up the step, which is then taken back") {
    auto const db = made("delete");
    auto const source = source_of({{"alter table people drop column role; update people set name = 'c'"}});
    auto const first = witness(*db);
    Holder reader(db->location(), "begin; select * from people", "commit");
    check_busy(*db, first, up_error(*db, source, hasty()), 0);
    reader.let_go();
    CHECK_EQ(up(*db, source).steps.size(), 1);
    // The same with a store that is there, and going down.
    auto const after = witness(*db);
    Holder again(db->location(), "begin; select * from people", "commit");
    check_busy(*db, after, down_error(*db, source, hasty()), 1);
    again.let_go();
    (void)down(*db, source);
    check_same(first, witness(*db));
}

TEST_CASE("sqlite file: with a write-ahead log a reader of another process holds up nothing, and reads on in its own state") {
    auto const db = made("wal");
    auto const before = witness(*db);
    auto const source = source_of({{"alter table people drop column role; update people set name = 'c'"}});
    Holder reader(db->location(), "begin; select * from people",
                  "create temp table proof (n check (n = 2)); insert into proof select count(*) from people where role in ('x', 'y') and "
                  "name in ('a', 'b'); commit");
    CHECK_EQ(up(*db, source, hasty()).steps.size(), 1);
    CHECK_EQ(down(*db, source, hasty()).steps.size(), 1);
    reader.let_go();
    check_same(before, witness(*db));
    CHECK_EQ(db->one("pragma journal_mode"), "wal");
}

TEST_CASE("sqlite file: a writer of another process keeps a run out, with either journal, and the next one completes") {
    for (auto const* journal : journals) {
        CAPTURE(std::string(journal));
        auto const db = made(journal);
        auto const source = source_of({{"alter table people drop column role"}});
        auto const before = witness(*db);
        for (auto const* begin : {"begin immediate", "begin exclusive"}) {
            // With a rollback journal an exclusive lock keeps even readers out, and the witness is one.
            bool const alone = std::string(begin) == "begin exclusive" && std::string(journal) == "delete";
            if (alone) continue;
            Holder writer(db->location(), std::string(begin) + "; update people set name = 'z'", "rollback");
            auto const error = up_error(*db, source, hasty());
            CHECK_NE(error.message.find(db->location() + " was locked by another connection for 20 ms"), std::string::npos);
            check_busy(*db, before, error, 0);
            auto target = Target::open(db->url()).value();
            auto served = hasty();
            served.busy = Busy::serve;
            CHECK(migrate(target, source, served).value().elsewhere);
        }
        CHECK_EQ(up(*db, source).steps.size(), 1);
        Holder writer(db->location(), "begin immediate; update people set name = 'z'", "commit");
        CHECK_EQ(down_error(*db, source, hasty()).code, Code::busy);
        writer.let_go();
        (void)down(*db, source);
        CHECK_EQ(db->table("select name, role from people"), "z|x\nz|y");
    }
}

TEST_CASE("sqlite file: who keeps even readers out is waited for as long as the options say, and no longer") {
    auto const db = made("delete");
    auto const before = witness(*db);
    auto const source = source_of({{"alter table people drop column role"}});
    auto target = Target::open(db->url()).value();
    {
        Holder const alone(db->location(), "begin exclusive; update people set name = 'z'", "rollback");
        auto const began = std::chrono::steady_clock::now();
        auto const went = migrate(target, source, hasty());
        REQUIRE_FALSE(went.has_value());
        CHECK_EQ(went.error().code, Code::busy);
        CHECK_NE(went.error().message.find("another connection holds the lock on the database"), std::string::npos);
        CHECK_LT(std::chrono::steady_clock::now() - began, 4s);  // Options::lock_timeout is 5 s by itself
        auto served = hasty();
        served.busy = Busy::serve;
        CHECK(migrate(target, source, served).value().elsewhere);
    }
    check_unchanged(before, witness(*db));
    CHECK_EQ(migrate(target, source, hasty()).value().steps.size(), 1);
    (void)down(*db, source);
    check_same(before, witness(*db));
}

TEST_CASE("sqlite file: eight threads of one program, each with a target of its own, run each migration once") {
    for (auto const* journal : journals) {
        CAPTURE(std::string(journal));
        auto const db = made(journal);
        db->run("create table log (id integer primary key, step integer not null)");
        std::vector<Scripts> scripts;
        for (int i = 1; i <= 5; ++i)
            scripts.push_back(
                {fmt::format("insert into log select coalesce(max(id), 0) + 1, {0} from log; create table made_{0} (id "
                             "integer primary key); {1}",
                             i, i == 3 ? "alter table people drop column role" : "select 1")});
        auto const source = source_of(scripts);
        std::array<std::string, 8> said;
        std::array<std::size_t, 8> steps{};
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < said.size(); ++i)
            threads.emplace_back([&, i] {
                auto target = Target::open(db->url());
                auto const went = target ? migrate(target.value(), source) : Result<Report>(target.error());
                if (!went) said[i] = went.error().text();
                if (went) steps[i] = went.value().steps.size();
            });
        for (auto& thread : threads) thread.join();
        std::size_t sum = 0;
        for (std::size_t i = 0; i < said.size(); ++i) {
            CHECK_EQ(said[i], "");
            sum += steps[i];
        }
        CHECK_EQ(sum, 5);
        CHECK_EQ(db->table("select id, step from log order by id"), "1|1\n2|2\n3|3\n4|4\n5|5");
        CHECK_EQ(db->one("pragma journal_mode"), journal);
        CHECK_EQ(merged(down(*db, source, {}, {.to = "2"}).steps.back(), "people.role").restored, 2);
    }
}

TEST_CASE("sqlite file: its own numbers and its journal stay over up, a rehearsal, and a way back that rebuilds a table") {
    for (auto const* journal : journals) {
        CAPTURE(std::string(journal));
        auto const db = made(journal);
        db->run("pragma user_version = 42; pragma application_id = 4711");
        db->run(
            "create table t (id integer primary key, a text unique, b integer not null check (b > 0)); insert into t values (1, 'x', 5)");
        auto const numbers = [&] {
            return db->one("pragma user_version") + " " + db->one("pragma application_id") + " " + db->one("pragma journal_mode");
        };
        auto const wanted = "42 4711 " + std::string(journal);
        auto const before = witness(*db);
        auto const rebuilt =
            "create table n (id integer primary key, b integer); insert into n select id, b from t; drop table t; alter table n rename to "
            "t";
        auto const source = source_of({{rebuilt}, {"alter table people drop column role"}});
        auto target = Target::open(db->url()).value();
        auto const evidence = rehearse(target, source, {.data = {.mode = DataMode::full}}, {}).value();
        CHECK(evidence.exact());
        CHECK_EQ(numbers(), wanted);
        check_unchanged(before, witness(*db));
        CHECK_EQ(up(*db, source).steps.size(), 2);
        CHECK_EQ(numbers(), wanted);
        CHECK_EQ(down(*db, source, {}, {.to = "0"}).steps.size(), 2);
        CHECK_EQ(numbers(), wanted);
        check_same(before, witness(*db));
        CHECK_EQ(up_error(*db, source_of({{rebuilt + std::string("; select nope")}})).left, Left::rolled_back);
        CHECK_EQ(numbers(), wanted);
    }
}

ON_SQLITE("sqlite file: PRAGMA foreign_keys of a down script is hoisted, recorded with it, and what it leaves is checked") {
    db.run(
        "create table p (id integer primary key); create table c (id integer primary key, p integer references p); "
        "insert into p values (1); insert into c values (1, 1)");
    std::string const off = "pragma foreign_keys = off;\n";
    auto const rebuilt =
        "create table n (id integer primary key, p integer references p); insert into n select id, p from c; drop table c; "
        "alter table n rename to c";
    auto const source = source_of({{"alter table p add column note text", off + rebuilt + ";\nalter table p drop column note"}});
    (void)up(db, source);
    auto const report = down(db, source);
    CHECK(mentions(report.steps.at(0).notes, "foreign keys are not enforced in this step, as its script says"));
    CHECK_NE(db.one("select detail from undrop_event where kind = 'reverted'").find("not enforced in this step"), std::string::npos);
    auto const orphaning = source_of({{"alter table p add column note text", off + "delete from p;\nalter table p drop column note"}});
    (void)up(db, orphaning);
    db.run("update p set note = 'written since'");
    auto const before = witness(db);
    auto const error = down_error(db, orphaning);
    CHECK_NE(error.message.find("foreign keys do not hold: 1 row(s) of c refer to rows of p that are not there"), std::string::npos);
    check_unchanged(before, witness(db));
}
