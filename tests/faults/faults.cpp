#include "faults/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <thread>

#include "cases/case.hpp"
#include "try.hpp"

namespace undrop::test {
namespace {

// Everything that a rollback must leave alone, to the row's place: for "nothing has changed", and much quicker than a dump.
constexpr char const* postgres_content = R"(
select md5(coalesce(string_agg(query_to_xml(format('select t::text from only %I.%I as t', n.nspname, c.relname), true, false, '')::text, ''
                               order by n.nspname, c.relname), ''))
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname not in ('undrop', 'information_schema') and n.nspname !~ '^pg_'
union all select md5(string_agg(format('%s %s %s', t, o, x), ' ' order by t, o, x)) from (
          select 1 as t, c.oid as o, c.xmin::text as x from pg_class c where c.oid >= 16384 and c.relnamespace not in (select s.oid from
                         pg_namespace s where s.nspname in ('undrop', 'pg_toast')) and c.relkind <> 'S'
union all select 2, a.attrelid, format('%s %s %s', a.attnum, a.attname, a.xmin) from pg_attribute a join pg_class c on c.oid = a.attrelid
           where c.oid >= 16384 and c.relnamespace not in (select s.oid from pg_namespace s where s.nspname in ('undrop', 'pg_toast'))
union all select 3, oid, xmin::text from pg_proc where oid >= 16384
union all select 4, t.oid, t.xmin::text from pg_type t where t.oid >= 16384 and t.typnamespace not in (select s.oid from pg_namespace s
           where s.nspname in ('undrop', 'pg_toast'))
union all select 5, oid, xmin::text from pg_trigger
union all select 6, oid, format('%s %s', enumlabel, xmin) from pg_enum
union all select 7, c.oid, c.xmin::text from pg_constraint c where c.oid >= 16384 and c.connamespace not in (select s.oid from
          pg_namespace s where s.nspname = 'undrop')
union all select 8, objoid, format('%s %s', objsubid, xmin) from pg_description where objoid >= 16384
union all select 9, oid, xmin::text from pg_policy) as everything)";

constexpr int next_kind_each = 8;  // calls, for the further ways to fail
constexpr int next_run_each = 8;   // failures: then the next run is let complete

std::string content(Database& db) {
    if (db.postgres()) {
        auto const session =
            connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
        return session->table(postgres_content);
    }
    auto const session = db.connect();
    REQUIRE_EQ(session->one("pragma integrity_check"), "ok");
    std::string text = session->one("pragma user_version") + "\n";
    for (auto const& row :
         session->rows("select name, sql from sqlite_schema where name not like 'undrop\\_%' escape '\\' and tbl_name not "
                       "like 'undrop\\_%' escape '\\' order by type, name"))
        text += row[0].value_or("") + " " + row[1].value_or("") + "\n";
    for (auto const& row : session->rows(
             "select printf('\"%w\"', name) from sqlite_schema where type = 'table' and name not like 'undrop\\_%' escape '\\' and "
             "name not like 'sqlite\\_%' escape '\\' order by name"))
        text += session->table("select * from " + *row[0]) + "\n";
    return text;
}

// The server notices that a client is gone, and ends what it was doing.
void wait_for_the_server(Database& db) {
    while (db.postgres() && db.count("select count(*) from pg_stat_activity where datname = current_database() and backend_type = "
                                     "'client backend' and pid <> pg_backend_pid()") > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Result<Report> go(std::string const& url, Source const& source, Direction direction, Options const& options) {
    UNDROP_TRY(auto target, Target::open(url));
    UNDROP_TRY(auto plan, direction == Direction::up ? plan_up(target, source, {}, options) : plan_down(target, source, {}, options));
    UNDROP_TRY(auto const approved, approve(std::move(plan)));
    return apply(target, approved, options);
}

struct Standing {
    bool applied = false;
    bool in_progress = false;
};

Standing standing_of(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    auto const found = status(target, source).value();
    return {.applied = !found.applied.empty(), .in_progress = found.in_progress.has_value()};
}

// Tells the tallies when all tests are through; a loss has failed a test by then.
struct Tellers : doctest::IReporter {
    explicit Tellers(doctest::ContextOptions const&) {}
    void test_run_end(doctest::TestRunStats const&) override {
        for (auto const engine : {Engine::postgres, Engine::sqlite}) {
            auto const& sum = tally(engine);
            if (sum.kills == 0 && sum.failed_calls == 0) continue;
            std::cout << fmt::format("{}, all together: {} calls failed, {} kills. Losses: {}. Next runs that did not complete: {}.",
                                     engine == Engine::postgres ? "PostgreSQL" : "SQLite", sum.failed_calls, sum.kills, sum.losses,
                                     sum.not_completed)
                      << std::endl;
        }
    }
    void report_query(doctest::QueryData const&) override {}
    void test_run_start() override {}
    void test_case_start(doctest::TestCaseData const&) override {}
    void test_case_reenter(doctest::TestCaseData const&) override {}
    void test_case_end(doctest::CurrentTestCaseStats const&) override {}
    void test_case_exception(doctest::TestCaseException const&) override {}
    void subcase_start(doctest::SubcaseSignature const&) override {}
    void subcase_end() override {}
    void log_assert(doctest::AssertData const&) override {}
    void log_message(doctest::MessageData const&) override {}
    void test_case_skipped(doctest::TestCaseData const&) override {}
};
REGISTER_LISTENER("tellers", 1, Tellers);

// One direction of a play, over and over.
class EveryCall {
public:
    EveryCall(Database& db, Source const& source, Faults& faults, Direction direction, Witness start, Witness end)
        : db_(db),
          source_(source),
          faults_(faults),
          direction_(direction),
          start_(std::move(start)),
          end_(std::move(end)),
          in_parts_(source.migrations.front().up.text.find("undrop: no-transaction") != std::string::npos) {}

    // Leaves the database at the end of its way.
    int run(int places, std::optional<std::size_t> only) {
        auto const kinds = faults_.kinds();
        for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
            if (only && kind != *only % kinds.size()) continue;
            CAPTURE(kinds[kind]);
            if (kind == 0 || only)
                make_store(kind, places);
            else
                rewind();
            if (places == 0)
                every(kind);
            else
                some(kind, places);
        }
        return failed_;
    }

private:
    // Every call in the first way, and other calls there than back in each further one.
    void every(std::size_t kind) {
        int const stride = kind == 0 ? 1 : next_kind_each;
        int const first = 1 + (static_cast<int>(kind) + (direction_ == Direction::up ? 0 : stride / 2)) % stride;
        for (int n = first; fails_at(kind, n); n += stride) ++failed_;
    }

    // That is part of the first run alone; all others begin alike.
    void make_store(std::size_t kind, int places) {
        remember();
        auto const has_store = [&] {
            auto target = Target::open(db_.url()).value();
            return status(target, source_).value().has_ledger;
        };
        int const least = places == 0 ? 1 : std::max(1, 60 / places);
        for (int n = 1 + static_cast<int>(kind); !has_store() && fails_at(kind, n); n += std::max(least, n / 8)) ++failed_;
        if (standing_of(db_, source_).applied == (direction_ == Direction::up)) back();
        remember();
    }

    // Evenly over all calls, other ones for each kind; and each of the last ones, around COMMIT.
    void some(std::size_t kind, int places) {
        go_on(direction_, faults_.url(), [&] { faults_.arm(kind, 1'000'000'000); });
        auto const count = faults_.calls();
        (void)faults_.disarm();
        rewind();
        auto const stride = std::max(1, count / places);
        auto const dense = std::max(1, count - places / 4);
        for (int n = 1 + static_cast<int>(kind) * 5 % stride; n < dense && fails_at(kind, n); n += stride) ++failed_;
        for (int n = dense; n < dense + 5; ++n) {
            if (!fails_at(kind, n)) return;
            ++failed_;
        }
        forth();
    }

    // False: nothing failed any more, and the run has come to its end.
    bool fails_at(std::size_t kind, int n) {
        CAPTURE(n);
        faults_.arm(kind, n);
        auto const went = go(faults_.url(), source_, direction_, faults_.options(kind));
        auto const failed = faults_.disarm();
        wait_for_the_server(db_);
        CAPTURE((went ? std::string("no error") : went.error().text()));
        auto const standing = standing_of(db_, source_);
        auto const done = !standing.in_progress && standing.applied == (direction_ == Direction::up);
        if (went) REQUIRE(done);
        if (!failed) REQUIRE(went);
        if (!went) says_the_truth(went.error(), done, standing.in_progress);
        if (!failed) {
            check(end_);
            return false;
        }
        ++tally(db_.engine()).failed_calls;
        ++tries_;
        if (done || standing.in_progress) {
            if (done) check(end_);
            if (standing.in_progress) tries_ % 2 == 0 ? forth() : back();
            rewind();
        } else {
            // A step in parts that was taken back has left other objects of the same definitions.
            if (auto const here = content(db_); here != now_) {
                check(start_);
                if (!in_parts_) ++tally(db_.engine()).losses;
                REQUIRE(in_parts_);
                now_ = here;
            }
            if (tries_ % (rounds() == 0 ? 16 : next_run_each) != 0) return true;
            forth();
            rewind();
        }
        return true;
    }

    static void says_the_truth(Error const& error, bool done, bool in_progress) {
        CHECK_FALSE(error.message.empty());
        CHECK_NE(error.text().find("Next: "), std::string::npos);
        CHECK_EQ(error.code == Code::in_doubt, error.left == Left::unknown);
        if (error.left == Left::unknown) return;
        CHECK_FALSE(done);
        CHECK_EQ(error.left == Left::changed, in_progress);
    }

    [[nodiscard]] Direction opposite() const { return direction_ == Direction::up ? Direction::down : Direction::up; }

    // The next run, with nothing in its way.
    void go_on(Direction direction) {
        go_on(direction, db_.url(), [] {});
    }
    void go_on(Direction direction, std::string const& url, std::function<void()> const& first) {
        first();
        auto const went = go(url, source_, direction, {});
        auto const standing = standing_of(db_, source_);
        if (!went || standing.in_progress || standing.applied != (direction == Direction::up)) ++tally(db_.engine()).not_completed;
        REQUIRE_MESSAGE(went, (went ? std::string() : went.error().text()));
        check(direction == direction_ ? end_ : start_);
        CHECK_EQ(standing.applied, direction == Direction::up);
        CHECK_FALSE(standing.in_progress);
    }
    void check(Witness const& wanted) {
        auto const here = witness(db_);
        if (here.schema != wanted.schema || here.rows != wanted.rows) ++tally(db_.engine()).losses;
        check_same(wanted, here);
    }
    void forth() { go_on(direction_); }
    void back() { go_on(opposite()); }

    // Each try starts from the same ledger: one that grows would make each a little longer than the one before.
    void remember() {
        db_.remember();
        now_ = content(db_);
    }
    void rewind() {
        db_.rewind();
        now_ = content(db_);
    }

    Database& db_;
    Source const& source_;
    Faults& faults_;
    Direction direction_;
    Witness start_;
    Witness end_;
    bool in_parts_;
    std::string now_;
    int failed_ = 0;
    int tries_ = 0;
};

void prepare(Database& db, Play const& play) {
    for (auto const& pragma : play.pragmas) (void)db.rows(pragma);
    db.run(play.before);
}

}  // namespace

Tally& tally(Engine engine) {
    static std::array<Tally, 2> all;
    return all.at(engine == Engine::postgres ? 0 : 1);
}

int rounds() {
    auto const* value = std::getenv("UNDROP_FAULTS_ROUNDS");
    return value ? std::atoi(value) : 0;
}

void for_cases(Engine engine, std::function<void(Database&, Play const&, std::optional<std::size_t>)> const& act) {
    std::size_t number = 0;
    for (auto const& test : read_cases(UNDROP_TEST_SOURCE_DIR "/tests/cases")) {
        bool const is_for = std::find(test.engines.begin(), test.engines.end(), engine) != test.engines.end();
        if (!is_for || test.section("refused", engine)) continue;
        if (rounds() == 0 && test.name != "any/row/deleted_with_children") continue;
        CAPTURE(test.name);
        if (rounds() > 0) std::cout << test.name << std::endl;
        auto const db = Database::make(engine);
        act(*db,
            {.before = test.text("schema", engine) + "\n" + test.text("rows", engine),
             .scripts = {test.text("up", engine), test.section("down", engine)},
             .writes = test.text("writes", engine) + "\n" + test.text("edits", engine)},
            rounds() > 0 ? std::optional(number++) : std::nullopt);
    }
}

int fail_every_call(Database& db, Play const& play, Faults& faults, int places, std::optional<std::size_t> only) {
    auto const source = source_of({play.scripts});
    auto const twin = Database::make(db.engine());
    prepare(*twin, play);
    auto const before = witness(*twin);
    (void)up(*twin, source);
    auto const after = witness(*twin);
    if (!play.writes.empty()) twin->run(play.writes);
    auto const written = witness(*twin);
    (void)down(*twin, source);
    auto const back = witness(*twin);

    prepare(db, play);
    auto failed = EveryCall(db, source, faults, Direction::up, before, after).run(places, only);
    if (!play.writes.empty()) db.run(play.writes);
    failed += EveryCall(db, source, faults, Direction::down, written, back).run(places, only);
    return failed;
}

}  // namespace undrop::test
