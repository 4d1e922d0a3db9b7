// SQLite's file and memory fail at the n-th operation.
#include <array>
#include <filesystem>
#include <iostream>

#include "faults/faults.hpp"
#include "support/faulty_sqlite.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

using faulty_sqlite::Kind;

[[maybe_unused]] bool const installed = (faulty_sqlite::install(), true);

class FaultyFile : public Faults {
public:
    FaultyFile(Database& db, std::vector<Kind> kinds) : url_(db.url()), kinds_(std::move(kinds)) {}

    std::vector<std::string> kinds() const override {
        constexpr std::array names{"io", "disk gone", "disk full", "busy", "done and failed", "no memory", "memory gone"};
        std::vector<std::string> mine;
        for (auto const kind : kinds_) mine.emplace_back(names.at(static_cast<std::size_t>(kind)));
        return mine;
    }
    void arm(std::size_t kind, int n) override { faulty_sqlite::arm(kinds_.at(kind), n); }
    bool disarm() override { return faulty_sqlite::disarm(); }
    int calls() const override { return faulty_sqlite::calls(); }
    std::string url() const override { return url_; }
    Options options(std::size_t) const override { return {.lock_timeout = std::chrono::milliseconds(20), .tries = 2}; }

private:
    std::string url_;
    std::vector<Kind> kinds_;
};

Play const rows_and_columns{
    .before =
        "create table team (id integer primary key, name text not null);"
        "create table member (id integer primary key, team integer references team (id) on delete cascade, role text not null, note "
        "text); create table remark (what text);"
        "with recursive c(n) as (select 1 union all select n + 1 from c where n < 3) insert into team select n, 'team ' || n from c;"
        "with recursive c(n) as (select 1 union all select n + 1 from c where n < 24) insert into member select n, n % 3 + 1, case "
        "when n % 4 = 0 then 'sponsor' else 'viewer' end, 'note ' || n from c; insert into remark values ('x'), ('x'), ('y')",
    .scripts = {"update member set role = 'coach' where role = 'sponsor';\ndelete from team where id = 2;\ninsert into team values (7, "
                "'new');\ndelete from remark where what = 'x';\nalter table member drop column note;"},
    .writes =
        "insert into team values (8, 'a user''s'); insert into member values (99, 8, 'viewer'); update member set role = 'boss' where id = "
        "8"};

Play with_journal(Play play, std::string const& mode) {
    play.pragmas = {"pragma journal_mode = " + mode};
    return play;
}

std::vector<Kind> const of_files{Kind::io, Kind::disk_gone, Kind::disk_full, Kind::busy, Kind::done_and_failed};

void fail(Database& db, Play const& play, std::vector<Kind> const& kinds, int places, std::optional<std::size_t> only = {}) {
    FaultyFile faults(db, kinds);
    auto const failed = fail_every_call(db, play, faults, places, only);
    std::cout << "SQLite: " << failed << " operations failed" << std::endl;
    CHECK_GT(failed, (only ? 1 : 3) * places);
}

}  // namespace

ON_SQLITE("faults: every operation on a file fails once, with a rollback journal, there and back (SQLite)") {
    fail(db, with_journal(rows_and_columns, "delete"), of_files, rounds() > 0 ? 0 : 5);
}

ON_SQLITE("faults: every operation on a file fails once, with a write-ahead log, there and back (SQLite)") {
    fail(db, with_journal(rows_and_columns, "wal"), of_files, rounds() > 0 ? 0 : 5);
}

ON_SQLITE("faults: there is no memory at some allocation of a step, there and back (SQLite)") {
    fail(db, rows_and_columns, {Kind::no_memory, Kind::memory_gone}, rounds() > 0 ? 200 : 3);
}

ON_SQLITE("faults: every operation on a file fails once in a step in parts, there and back (SQLite)") {
    std::string const marked = "-- undrop: no-transaction\n";
    fail(db,
         {.before = "create table t (id integer primary key, c text, d text); insert into t values (1, 'a', 'b'), (2, 'c', 'd')",
          .scripts = {marked + "alter table t add column e text;\nvacuum;\nalter table t drop column c;\nvacuum;"},
          .writes = "update t set e = 'user'"},
         {Kind::io, Kind::disk_gone, Kind::disk_full, Kind::done_and_failed}, rounds() > 0 ? 0 : 1);
}

TEST_CASE("faults: an operation on a file fails in the middle of a case (SQLite)") {
    for_cases(Engine::sqlite, [](Database& db, Play const& play, std::optional<std::size_t> kind) {
        fail(db, play, of_files, rounds() > 0 ? 12 : 3, kind);
    });
}

// Another process that closes the file as the last one would take the log away from under the program's own connection.
ON_SQLITE("faults: opening a target leaves the locks of the program's other connections alone (SQLite)") {
    CHECK_EQ(db.one("pragma journal_mode = wal"), "wal");
    db.run("create table t (id integer)");
    CHECK_EQ(db.count("select count(*) from t"), 0);
    CHECK(Target::open(db.url()).has_value());
    auto const another = "sqlite3 -batch " + shell_quoted(db.location()) + " 'select count(*) from t'";
    CHECK_EQ(output_of(another), "0\n");
    CHECK(std::filesystem::exists(db.location() + "-wal"));
    db.run("insert into t values (1)");
    CHECK_EQ(output_of(another), "1\n");
}
