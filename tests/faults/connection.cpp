// Lost connections: before the n-th request reaches the server, after the server is through with it (a COMMIT in doubt is among these), and
// with a server that stays away.
#include <array>
#include <iostream>

#include "faults/faults.hpp"
#include "support/relay.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

class LostConnections : public Faults {
public:
    explicit LostConnections(Database& db) : relay_(db.url()) {}

    std::vector<std::string> kinds() const override { return {"before", "after", "gone"}; }
    void arm(std::size_t kind, int n) override {
        constexpr std::array cuts{Relay::Cut::before, Relay::Cut::after, Relay::Cut::gone};
        relay_.cut_at(n, cuts.at(kind));
    }
    bool disarm() override {
        auto const cut = relay_.has_cut();
        relay_.mend();
        return cut;
    }
    int calls() const override { return relay_.requests(); }
    std::string url() const override { return relay_.url(); }
    Options options(std::size_t kind) const override {
        Options options;
        if (kind == 2) options.wait = std::chrono::milliseconds(20);  // nobody comes back
        return options;
    }

private:
    Relay relay_;
};

// 0 places: all.
void lose(Database& db, Play const& play, int places = rounds() > 0 ? 0 : 3, std::optional<std::size_t> only = {}) {
    LostConnections faults(db);
    auto const failed = fail_every_call(db, play, faults, places, only);
    std::cout << "PostgreSQL: " << failed << " connections lost" << std::endl;
    CHECK_GT(failed, (only ? 1 : 3) * places);
}

}  // namespace

ON_POSTGRES("faults: a connection is lost at every request of a step with columns and rows, there and back") {
    lose(
        db,
        {.before = "create table team (id integer primary key, name text not null);"
                   "create table member (id integer primary key, team integer references team (id) on delete cascade, role text not null, "
                   "note text); create table remark (what text);"
                   "insert into team select n, 'team ' || n from generate_series(1, 3) n;"
                   "insert into member select n, n % 3 + 1, case when n % 4 = 0 then 'sponsor' else 'viewer' end, 'note ' || n from "
                   "generate_series(1, 24) n; insert into remark values ('x'), ('x'), ('y')",
         .scripts = {"update member set role = 'coach' where role = 'sponsor';\ndelete from team where id = 2;\ninsert into team values "
                     "(7, 'new');\ndelete from remark where what = 'x';\nalter table member drop column note;"},
         .writes =
             "insert into team values (8, 'a user''s'); insert into member values (99, 8, 'viewer'); update member set role = 'boss' where "
             "id = 8"});
}

ON_POSTGRES("faults: a connection is lost at every request of a step in parts, there and back") {
    std::string const marked = "-- undrop: no-transaction\n";
    lose(db,
         {.before = "create table t (id int primary key, c text, d text); create index i on t (c); insert into t select n, 'c' || n, 'd' "
                    "|| n from generate_series(1, 50) n",
          .scripts = {marked + "alter table t add column e text default 'e';\ndrop index concurrently i;\nalter table t drop column c;\n"
                               "create index concurrently j on t (d);",
                      marked + "drop index concurrently j;\nalter table t drop column e;\nalter table t add column c text;\ncreate index "
                               "concurrently i on t (c);"},
          .writes = "update t set e = 'user' where id = 7"});
}

ON_POSTGRES("faults: a connection is lost at every request of a step that commits in batches, there and back") {
    std::string const marked = "-- undrop: no-transaction\n";
    lose(db,
         {.before =
              "create table t (id int primary key, n int, c text); insert into t select n, n, 'c' || n from generate_series(1, 30) n;"
              "create table remark (what text); insert into remark values ('x'), ('x'), ('y');"
              "create procedure raise_all() language plpgsql as $$ declare i int; begin for i in 0..2 loop update t set n = n + 100 "
              "where id % 3 = i; commit; end loop; delete from remark where what = 'x'; commit; update t set id = -id where id < 4; end $$",
          .scripts = {marked + "alter table t add column e text default 'e';\ncall raise_all();"},
          .writes = "update t set c = 'user' where id = 20; insert into remark values ('z')"});
}

TEST_CASE("faults: a connection is lost in the middle of a case (PostgreSQL)") {
    for_cases(Engine::postgres,
              [](Database& db, Play const& play, std::optional<std::size_t> kind) { lose(db, play, rounds() > 0 ? 3 : 2, kind); });
}
