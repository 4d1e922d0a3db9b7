// The exit statuses of a step that was interrupted between two of its parts, and of one that nobody knows the end of.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <undrop/undrop.hpp>

#include "cli/program.hpp"
#include "support/database.hpp"
#include "support/relay.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

// Another program migrates, and is killed once its statement outside of a transaction is through, before that is written down.
void migrate_and_die(std::string const& url, Source const& source) {
    auto const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        Options options;
        options.on_event = [](Event const& event) {
            if (event.kind == Event::Kind::outside) kill(getpid(), SIGKILL);
        };
        auto target = Target::open(url);
        if (target) (void)migrate(target.value(), source, options);
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
}

}  // namespace

TEST_CASE("status --check is 3 while a step is in progress, names it, and is 0 once up has gone on with it or down has taken it back") {
    for (auto const engine : {Engine::postgres, Engine::sqlite}) {
        auto const db = Database::make(engine);
        Desk const desk;
        auto const run = [&](std::vector<std::string> words) {
            words.insert(words.begin(), {"--db", db->url()});
            return desk.run(words);
        };
        desk.migration("1_t", "create table t (id integer primary key, v text);\ninsert into t values (1, 'a');");
        REQUIRE(run({"up"}).status == 0);
        REQUIRE(run({"status", "--check"}).status == 0);
        auto const slow = db->either("create index concurrently t_v on t (v);", "vacuum;");
        desk.migration("2_parts",
                       "-- undrop: no-transaction\nalter table t add column w text;\n" + slow + "\nalter table t drop column v;");
        auto const source = Source::directory((desk.path / "migrations").string()).value();
        for (auto const* next : {"down", "up"}) {
            CAPTURE(std::string(next));
            migrate_and_die(db->url(), source);
            auto const status = run({"status", "--check"});
            CHECK(status.status == 3);
            CHECK(has(status.out, "In progress: up 2 parts, "));
            CHECK(run({"status"}).status == 0);
            auto const json = run({"--json", "status", "--check"});
            CHECK(json.status == 3);
            CHECK(json.json()["in_progress"]["version"] == "2");
            auto const done = run({next});
            CHECK_MESSAGE(done.status == 0, done.err);
            CHECK(db->count("select count(*) from t") == 1);
            auto const pending = run({"status", "--check"});
            CHECK_FALSE(has(pending.out, "in progress"));
            CHECK(pending.status == (std::string(next) == "up" ? 0 : 3));  // taken back it is pending
        }
        CHECK(run({"down"}).status == 0);
        CHECK(db->one("select v from t") == "a");
    }
}

TEST_CASE("up whose connection goes in COMMIT and does not come back ends with 4, and the same again completes") {
    auto const db = Database::make(Engine::postgres);
    Desk const desk;
    desk.migration("1_t", "create table t (id integer primary key, v text);\ninsert into t values (1, 'a');");
    auto const run = [&](std::string const& url, std::vector<std::string> words) {
        words.insert(words.begin(), {"--db", url, "--wait", "10ms"});
        return desk.run(words);
    };
    REQUIRE(run(db->url(), {"up"}).status == 0);
    desk.migration("2_drop", "alter table t drop column v;");
    Relay relay(db->url());
    // The step's is the last; whom the server is away from before leaves nothing.
    Outcome lost;
    for (int n = 1; lost.status != 4; ++n) {
        relay.cut_at_commit(n, Relay::Cut::gone);
        lost = run(relay.url(), {"up"});
        relay.mend();
        CAPTURE(lost.err);
        REQUIRE((lost.status == 1 || lost.status == 4));
    }
    CAPTURE(lost.err);
    CHECK(has(lost.err, "during COMMIT"));
    CHECK(has(lost.err, "Next: undrop status"));
    auto const status = run(db->url(), {"status"});
    CHECK(status.status == 0);
    CHECK(has(status.out, "2        drop"));
    CHECK(run(db->url(), {"up"}).status == 0);
    CHECK(run(db->url(), {"status", "--check"}).status == 0);
    CHECK(run(db->url(), {"down"}).status == 0);
    CHECK(db->one("select v from t") == "a");
}
