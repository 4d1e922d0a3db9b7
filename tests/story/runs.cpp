// Runs and plans of several steps: what is taken back as one stays one, and a plan that was stored sees what came since.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* two_columns =
    "create table t (id integer primary key, a text, b text); insert into t values (1, 'a1', 'b1'), (2, 'a2', 'b2')";

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

ON_BOTH("runs: an atomic way back that fails leaves the release one, with its label and its run") {
    db.run(two_columns);
    auto const before = witness(db);
    auto const steps = [](std::optional<std::string> const& down) {
        return source_of({{"alter table t drop column a", down}, {"update t set b = upper(b)"}, {"alter table t drop column b"}});
    };
    auto const failing = steps("alter table t add column a text; select nothing_like_this from t;");
    auto const run = up(db, failing, {.label = "r1"}).run;
    auto const applied = witness(db);
    auto const error = down_error(db, failing, {.atomic = true}, {.label = "r1"});
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_MESSAGE(has(error.message, "3 step, 2 step, which this run had taken back, were applied again"), error.message);
    check_same(applied, witness(db));
    auto target = Target::open(db.url()).value();
    auto const now = status(target, failing).value();
    REQUIRE_EQ(now.applied.size(), 3);
    for (auto const& migration : now.applied) {
        CHECK_EQ(migration.label, "r1");
        CHECK_EQ(migration.run, run);
    }
    auto const right = steps("alter table t add column a text;");
    CHECK(plan_down(target, right, {.run = run}).value().go());
    CHECK_EQ(down(db, right, {}, {.label = "r1"}).steps.size(), 3);
    check_same(before, witness(db));
    CHECK_EQ(db.table("select id, a, b from t order by id"), "1|a1|b1\n2|a2|b2");
}

ON_BOTH("runs: what later migrations changed was changed by nobody's hand") {
    db.run(two_columns);
    auto const source = source_of({{"alter table t drop column a"}, {"alter table t drop column b"}});
    auto const later = source_of({{"alter table t drop column a"}});
    (void)up(db, later, {.label = "r1"});
    (void)up(db, source);
    auto const error = down_error(db, source, {}, {.label = "r1"});
    CHECK_EQ(error.code, Code::refused);
    CHECK(has(error.message, "was applied after 1"));
    CHECK_FALSE(has(error.message, "by hand"));
}

ON_SQLITE("runs: a stored plan of several steps sees what others changed for any of them") {
    db.run("create table t (id integer primary key, a text, n integer); insert into t values (1, 'a1', 1), (2, 'a2', 2)");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t drop column n"}, {"update t set a = upper(a)"}});
    (void)up(db, source);
    auto target = Target::open(db.url()).value();
    auto const stored = to_json(plan_down(target, source, {.to = "0"}).value());
    db.run("alter table t rename column a to zz");
    auto const drifted = witness(db);
    auto const refused = apply(target, approve(plan_from_json(stored).value()).value());
    REQUIRE_FALSE(refused);
    CHECK_EQ(refused.error().code, Code::refused);
    CHECK_EQ(refused.error().left, Left::untouched);
    CHECK(has(refused.error().message, "changed by hand"));
    check_unchanged(drifted, witness(db));
    // Once it is put right, or was known when the plan was made, the plan is carried out.
    db.run("alter table t rename column zz to a");
    REQUIRE(apply(target, approve(plan_from_json(stored).value()).value()));
    check_same(before, witness(db));
    (void)up(db, source);
    db.run("alter table t add column zz integer default 5");
    auto const accepted = to_json(plan_down(target, source, {.to = "0"}, {.accept_drift = true}).value());
    auto const done = apply(target, approve(plan_from_json(accepted).value()).value());
    REQUIRE_MESSAGE(done, done.error().text());
    CHECK_EQ(db.table("select id, a, n from t order by id"), "1|a1|1\n2|a2|2");
}
