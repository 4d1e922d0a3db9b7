// The real program under SIGKILL, and the server killed under it, at random times spread over what a run takes, while an application
// writes: nothing is lost, and the next run completes.
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "faults/faults.hpp"
#include "faults/shop.hpp"
#include "support/process.hpp"
#include "support/server.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

using Clock = std::chrono::steady_clock;
constexpr int rounds_of_a_shop = 24;

struct Kills {
    int kills = 0;
    int before = 0;       // afterwards the database was as before the step
    int after = 0;        // as after it
    int in_progress = 0;  // between two parts of it
    int late = 0;         // the run had ended, so it was none
    int writes = 0;
    int losses = 0;
    int unfinished = 0;
    std::map<Direction, double> seconds;  // of a run that nobody disturbs, lately
};

void say(Engine engine, std::string const& what, Kills const& tally) {
    auto& all = undrop::test::tally(engine);
    all.kills += tally.kills;
    all.losses += tally.losses;
    all.not_completed += tally.unfinished;
    std::cout
        << fmt::format(
               "{}: {} kills at random moments of runs of {:.2f} s (up) and {:.2f} s (down): {} left the database as before the step, {} "
               "as "
               "after it, {} between two parts of it; beside {} writes of an application. Losses: {}. Next runs that did not complete: {}.",
               what, tally.kills, tally.seconds.at(Direction::up), tally.seconds.at(Direction::down), tally.before, tally.after,
               tally.in_progress, tally.writes, tally.losses, tally.unfinished)
        << std::endl;
}

// One shop and its rounds. `end` ends a run in some way; true: it did so before the run was through.
class Killing {
public:
    using End = std::function<bool(Process&)>;

    Killing(Shop const& shop, Kills& tally, End end)
        : shop_(shop), tally_(tally), end_(std::move(end)), writer_(shop.connect(), Shop::rows + 1) {}
    ~Killing() { tally_.writes += writer_.writes(); }
    Killing(Killing const&) = delete;
    Killing& operator=(Killing const&) = delete;

    void measure() {
        for (auto const direction : {Direction::up, Direction::down, Direction::up, Direction::down}) complete(direction);
    }

    void round() {
        auto const standing = standing_of_ledger();
        auto const direction = standing.applied ? Direction::down : Direction::up;
        auto const most = 1.05 * tally_.seconds[direction];
        auto const delay = std::uniform_real_distribution<double>(0, most)(random());
        Process run(words(direction), log());
        std::this_thread::sleep_for(std::chrono::duration<double>(delay));
        auto const ended = end_(run);
        auto const [applied, in_progress] = standing_of_ledger();
        ++(ended ? tally_.kills : tally_.late);
        if (ended) ++(in_progress ? tally_.in_progress : applied == (direction == Direction::up) ? tally_.after : tally_.before);
        if (!in_progress) look(applied, fmt::format("{} s after the start of {}", delay, name(direction)));
        // Forwards where it was taken back, backwards where it was done; either where it is in between.
        auto const done = in_progress ? random()() % 2 == 0 : applied == (direction == Direction::up);
        complete(done ? opposite(direction) : direction);
    }

private:
    struct Standing {
        bool applied = false;
        bool in_progress = false;
    };

    static std::mt19937& random() {
        static std::mt19937 numbers{std::random_device{}()};
        return numbers;
    }
    static Direction opposite(Direction direction) { return direction == Direction::up ? Direction::down : Direction::up; }
    static char const* name(Direction direction) { return direction == Direction::up ? "up" : "down"; }

    [[nodiscard]] std::string log() const { return desk_.path() + "/log"; }
    [[nodiscard]] std::vector<std::string> words(Direction direction) const {
        std::vector<std::string> all{UNDROP_TEST_PROGRAM, "--db", shop_.url(), "--dir", shop_.migrations(), "--quiet", name(direction)};
        if (direction == Direction::down) all.emplace_back("--yes");
        if (direction == Direction::down && random()() % 2 == 0) all.emplace_back("--derive");
        return all;
    }

    // An old process of the server may be at its end yet.
    [[nodiscard]] Standing standing_of_ledger() {
        while (true) {
            auto target = Target::open(shop_.url());
            auto const found = target ? status(target.value(), shop_.source()) : Result<Status>(target.error());
            if (found) return {.applied = !found.value().applied.empty(), .in_progress = found.value().in_progress.has_value()};
            REQUIRE_MESSAGE(++impatience_ < 1000, found.error().text());
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }

    void look(bool applied, std::string const& when) {
        auto const held = writer_.hold();
        auto const session = shop_.connect()();
        auto const wrong = shop_.wrong(*session, applied) + writer_.lost(*session);
        if (wrong.empty()) return;
        ++tally_.losses;
        FAIL_CHECK(when << ": " << wrong);
    }

    // The next run.
    void complete(Direction direction) {
        auto const start = Clock::now();
        Process run(words(direction), log());
        auto const status = run.wait();
        auto const seconds = std::chrono::duration<double>(Clock::now() - start).count();
        auto& average = tally_.seconds[direction];
        average = average == 0 ? seconds : 0.8 * average + 0.2 * seconds;
        auto const standing = standing_of_ledger();
        if (status != 0 || standing.in_progress || standing.applied != (direction == Direction::up)) {
            ++tally_.unfinished;
            std::ostringstream said;
            said << std::ifstream(log()).rdbuf();
            FAIL_CHECK(name(direction) << " ended with " << status << ": " << said.str());
        }
        if (!standing.in_progress) look(standing.applied, std::string("after ") + name(direction));
    }

    Shop const& shop_;
    Kills& tally_;
    End end_;
    Directory desk_;
    Writer writer_;
    int impatience_ = 0;
};

// The server notices that a client is gone, and ends what it was doing.
void wait_for_the_server(Session& session) {
    while (session.count("select count(*) from pg_stat_activity where datname = current_database() and application_name = 'undrop'") > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void kill_the_program(Engine engine, int wanted) {
    Kills tally;
    for (int shops = 0; tally.kills < wanted; ++shops) {
        auto const db = Database::make(engine);
        Shop const shop(
            engine, db->url(), [&] { return db->connect(); }, shops % 2 == 0 ? Shop::Way::one_transaction : Shop::Way::in_parts);
        Killing killing(shop, tally, [&](Process& run) {
            auto const killed = run.kill();
            if (db->postgres()) wait_for_the_server(*db);
            return killed;
        });
        killing.measure();
        for (int n = 0; n < rounds_of_a_shop && tally.kills < wanted; ++n) killing.round();
    }
    say(engine, engine == Engine::postgres ? "PostgreSQL, the program killed" : "SQLite, the program killed", tally);
    CHECK_EQ(tally.losses, 0);
    CHECK_EQ(tally.unfinished, 0);
}

void kill_the_server(int wanted) {
    Kills tally;
    Server server;
    for (int shops = 0; tally.kills < wanted; ++shops) {
        auto const connect = [&] { return connect_postgres(server.url()); };
        connect()->run("drop table if exists item; drop schema if exists undrop cascade");
        Shop const shop(Engine::postgres, server.url(), connect, shops % 2 == 0 ? Shop::Way::one_transaction : Shop::Way::in_parts);
        bool by_hand = false;
        Killing killing(shop, tally, [&](Process& run) {
            auto const under_it = !run.ended();
            by_hand = !by_hand;
            by_hand ? server.kill_postmaster() : server.stop_at_once();
            server.start();
            (void)run.wait();  // whatever it says: the ledger is asked
            return under_it;
        });
        killing.measure();
        for (int n = 0; n < rounds_of_a_shop && tally.kills < wanted; ++n) killing.round();
    }
    say(Engine::postgres, "PostgreSQL, the server killed", tally);
    CHECK_EQ(tally.losses, 0);
    CHECK_EQ(tally.unfinished, 0);
}

}  // namespace

TEST_CASE("faults: the program is killed at random moments, and nothing is lost (PostgreSQL)") {
    kill_the_program(Engine::postgres, rounds() > 0 ? rounds() : 4);
}

TEST_CASE("faults: the program is killed at random moments, and nothing is lost (SQLite)") {
    kill_the_program(Engine::sqlite, rounds() > 0 ? rounds() : 8);
}

TEST_CASE("faults: the server is killed under a run and comes back, and nothing is lost") {
    kill_the_server(rounds() > 0 ? (rounds() + 9) / 10 : 2);
}
