// Others commit to the tables of a step while it is being looked at: played at every message between the script's end and the saving of
// its rows, so that no moment in between is left out.
#include <algorithm>
#include <functional>
#include <stdexcept>

#include <undrop/postgres.hpp>

#include "story/story.hpp"
#include "support/traffic.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* made =
    "create table t (id integer primary key, v text); insert into t select n, 'v' || n from generate_series(1, 100) n;"
    "create table k (v text); insert into k select 'v' || n % 10 from generate_series(1, 100) n";

Source const& migration() {
    static auto const source =
        source_of({{"update t set v = 'new' where id <= 10;\ndelete from t where id = 11;\nupdate k set v = 'new' where v = 'v1';"}});
    return source;
}

// What a step saved of rows, as it told before it was taken back.
struct Told {
    std::vector<std::string> saved;
    bool reached = false;  // there was such a message
};

// The connection that reads the old rows beside the one that undrop was given.
constexpr char const* second = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'undrop'";

// Up to the point where the rows are saved. `begin` is done once the script is through, `commit` right before a statement is sent, counted
// from the one on that there is a second connection.
Told saved_while(Database& db, std::function<void()> const& begin, std::function<void()> const& commit, int statement) {
    Told told;
    bool looking = false;
    int count = 0;
    Traffic const traffic(db.url(), [&](std::string const& line) {
        if (!looking || !is_statement(line) || db.count(second) == 0 || ++count != statement) return;
        told.reached = true;
        commit();
    });
    auto target = postgres::attach(traffic.handle()).value();
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::ran) {
            begin();
            looking = true;
        }
        if (event.kind == Event::Kind::saved) {
            looking = false;
            told.saved.push_back(event.text);
            if (told.saved.size() == 3) throw std::runtime_error("enough");
        }
    };
    auto const error = migrate(target, migration(), options).error();
    CHECK_EQ(error.code, Code::interrupted);
    std::sort(told.saved.begin(), told.saved.end());
    return told;
}

}  // namespace

ON_POSTGRES("story: what others commit while old rows are read is theirs, at whatever moment they do") {
    db.run(made);
    auto const other = db.connect();
    // By the last of these the rows of the first table are read and settled.
    for (int statement = 1; statement <= 12; ++statement) {
        CAPTURE(statement);
        auto const told = saved_while(
            db,
            [&] {
                other->run("begin; update t set v = 'theirs' where id = 55; delete from t where id = 56; delete from k where v = 'v5'");
            },
            [&] { other->run("commit; update t set v = 'theirs' where id = 57; insert into t values (500, 'theirs')"); }, statement);
        CHECK_EQ(told.saved, std::vector<std::string>{"public.k (v): 10 rows", "public.t (deleted): 1 rows", "public.t (v): 10 rows"});
        REQUIRE(told.reached);
        db.run("delete from t where id >= 55; insert into t select n, 'v' || n from generate_series(55, 100) n");
        db.run("insert into k select 'v5' from generate_series(1, 10)");
    }
}

ON_POSTGRES("story: what others make, drop, rewrite and restart during a step is neither its loss nor its making") {
    db.run(made);
    db.run(
        "create table p (id integer, primary key (id)) partition by range (id); create table filled (id integer); create sequence s;"
        "insert into filled values (1); create type passing as enum ('a'); create view seen as select 1 as one");
    auto const other = db.connect();
    int played = 0;
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::ran || played++ > 0) return;
        other->run("create table p_1 partition of p for values from (0) to (10); insert into p values (1)");
        other->run("drop type passing; drop view seen; create view seen_too as select 2 as two");
        other->run("create temp table short (id integer); insert into short values (1); update short set id = 2");
        other->run("select setval('s', 900)");
        other->run("vacuum full filled");
        other->run("truncate filled; alter table filled alter id type bigint");
        other->run("create table rewritten as select 1 as id");
        other->run("alter table rewritten alter id type bigint");
    };
    auto const source = source_of({{"create table ours (id integer);\nupdate t set v = 'new' where id = 1"}});
    auto const went = up(db, source, options);
    CHECK_EQ(went.steps.at(0).rounds, 1);
    CHECK_EQ(went.steps.at(0).saved.size(), 1);
    CHECK(went.steps.at(0).went.empty());
    (void)down(db, source, {.derive = true});
    CHECK_EQ(db.count("select count(*) from p_1"), 1);
    CHECK_EQ(db.count("select count(*) from rewritten"), 1);
    CHECK_EQ(db.count("select two from seen_too"), 2);
    CHECK_EQ(db.count("select last_value from s"), 900);
    CHECK_EQ(db.table("select to_regclass('seen'), to_regclass('ours')"), "NULL|NULL");
}

ON_POSTGRES("story: a superuser's script that switches triggers off by its session's role is saved from all the same") {
    db.run(made);
    db.run("create table child (id integer primary key, t integer references t (id)); insert into child values (1, 1), (2, 2)");
    auto const before = witness(db);
    auto const url = with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"));
    auto const source =
        source_of({{"set session_replication_role = replica;\nupdate t set v = 'new' where id = 1;\n"
                    "delete from child where id = 2;\ndelete from t where id = 3;\nreset session_replication_role;"}});
    auto target = Target::open(url).value();
    auto const went = migrate(target, source);
    REQUIRE_MESSAGE(went, went.error().text());
    CHECK_EQ(went.value().steps.at(0).rounds, 1);
    CHECK_EQ(saved(went.value().steps.at(0), "public.t (v)").rows, 1);
    CHECK_EQ(saved(went.value().steps.at(0), "public.t (deleted)").rows, 1);
    CHECK_EQ(saved(went.value().steps.at(0), "public.child (deleted)").rows, 1);
    auto const back = apply(target, approve(plan_down(target, source).value()).value());
    REQUIRE_MESSAGE(back, back.error().text());
    check_same(before, witness(db));
}
