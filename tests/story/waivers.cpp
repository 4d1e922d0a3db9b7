// What an author lets go by name, and what an author calls irreversible: neither is believed without a look.
#include <algorithm>
#include <sstream>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* people =
    "create table people (id integer primary key, nick text, role text);"
    "insert into people values (1, 'a', 'admin'), (2, 'b', 'viewer');"
    "create table notes (about text, body text); insert into notes values ('x', 'y'), ('x', 'y')";

Plan planned_up(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    return plan_up(target, source).value();
}

Plan planned_down(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    return plan_down(target, source).value();
}

// Of a kind that undrop does not know. A superuser makes them, and gives them away.
void make_languages(Database& db, std::vector<std::string> const& names) {
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    for (auto const& name : names)
        superuser->run("create language " + name + " handler plpgsql_call_handler; alter language " + name + " owner to undrop_owner");
}

Finding const* found(Plan const& plan, std::string const& code) {
    auto const at = std::find_if(plan.findings.begin(), plan.findings.end(), [&](Finding const& f) { return f.code == code; });
    return at == plan.findings.end() ? nullptr : &*at;
}

template <class T>
std::string printed(T const& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

}  // namespace

ON_POSTGRES("waivers: the definition of what undrop cannot make is changed by its name alone") {
    make_languages(db, {"d"});
    auto const alter = std::string("alter language d rename to e");
    auto const error = up_error(db, source_of({{alter}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_NE(error.message.find("definition of language d"), std::string::npos);
    (void)up(db, source_of({{"-- undrop: lose definition of language d\n" + alter}}));
    CHECK_EQ(db.count("select count(*) from pg_language where lanname = 'e'"), 1);
}

ON_BOTH("waivers: one that names nothing is refused in the plan, with its line and the name that was meant") {
    db.run(people);
    auto const before = witness(db);
    auto const source = source_of({{"-- why\n-- undrop: lose people.nik\nalter table people drop column nick"}});
    auto const plan = planned_up(db, source);
    CHECK_FALSE(plan.go());
    auto const* finding = found(plan, "waiver");
    REQUIRE(finding);
    CHECK_NE(finding->text.find("people.nik` matches nothing"), std::string::npos);
    CHECK_EQ(finding->where.line, 2);
    CHECK_NE(finding->next.advice.find("lose people.nick`"), std::string::npos);
    CHECK_EQ(up_error(db, source).left, Left::untouched);
    check_unchanged(before, witness(db));
}

ON_BOTH("waivers: what an earlier migration makes may be waived in a later one; where it does not, that step is refused") {
    db.run(people);
    (void)up(db, source_of({{"create table t (id integer primary key, c text); insert into t values (1, 'x')"},
                            {"-- undrop: lose t.c\nalter table t drop column c"}}));
    auto const wrong = source_of({{"create table t (id integer primary key, c text); insert into t values (1, 'x')"},
                                  {"-- undrop: lose t.c\nalter table t drop column c"},
                                  {"create table u (id integer primary key, c text)"},
                                  {"-- undrop: lose u.cc\nalter table u drop column c"}});
    auto const error = up_error(db, wrong);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::changed);  // by the third
    CHECK_NE(error.message.find("lose u.cc` matches nothing"), std::string::npos);
    CHECK_EQ(db.count("select count(*) from u where c is null"), 0);  // the third is applied, and nothing of the fourth
}

ON_BOTH("waivers: one of what a statement drops if it is there is none of nothing, and is told where it was not there") {
    db.run(people);
    auto const other = up_error(db, source_of({{"-- undrop: lose goner\ndrop table if exists gone"}}));
    CHECK_NE(other.message.find("lose goner` matches nothing"), std::string::npos);
    auto const source =
        source_of({{"-- undrop: lose notes, " + db.named("gone") + "\ndrop table if exists gone;\ndrop table if exists notes"}});
    CHECK(planned_up(db, source).go());
    auto const step = up(db, source).steps.at(0);
    CHECK(step.saved.empty());
    CHECK_EQ(step.waived, std::vector<std::string>{db.named("notes")});
    CHECK(mentions(step.notes, "`-- undrop: lose " + db.named("gone") + "` let nothing go"));
}

ON_BOTH("waivers: one that lets nothing go, since other things went, is told") {
    db.run(people);
    auto const step = up(db, source_of({{"-- undrop: lose people.role\nalter table people drop column nick"}})).steps.at(0);
    CHECK(mentions(step.notes, "`-- undrop: lose people.role` let nothing go"));
    CHECK(step.waived.empty());
    CHECK_EQ(saved(step, db.named("people.nick")).rows, 2);
}

ON_BOTH("waivers: values of a column that are let go are in the plan, the report and the ledger") {
    db.run(people);
    auto const source = source_of({{"-- undrop: lose people.role, notes\nupdate people set role = 'x', nick = 'n';\ndrop table notes"}});
    auto const plan = planned_up(db, source);
    CHECK_NE(printed(plan).find("NOT saved: waived"), std::string::npos);
    auto const step = up(db, source).steps.at(0);
    CHECK(mentions(step.waived, db.named("people.role")));
    CHECK(mentions(step.waived, db.named("notes")));
    CHECK_FALSE(mentions(step.waived, db.named("people.nick")));
    auto target = Target::open(db.url()).value();
    CHECK_NE(log(target).value().back().detail.find("people.role"), std::string::npos);
    (void)down(db, source);
    CHECK_EQ(db.table("select id, nick, role from people order by id"), "1|a|x\n2|b|x");
    CHECK_EQ(db.count("select count(*) from notes"), 0);
}

ON_BOTH("waivers: rows and values that are let go are told before by the plan, and after by status and the plan down") {
    db.run(people);
    auto const source = source_of({{"-- undrop: lose people\ndelete from people where id = 1"},
                                   {"-- undrop: lose notes.body\nupdate notes set body = 'z', about = 'w'"}});
    auto const plan = planned_up(db, source);
    auto const let_go = [](PlannedStep const& step, std::string const& what) {
        return std::any_of(step.losses.begin(), step.losses.end(),
                           [&](PlannedLoss const& loss) { return loss.waived && loss.what.starts_with(what + " ("); });
    };
    CHECK(let_go(plan.steps.at(0), db.named("people")));
    CHECK_FALSE(mentions(plan.steps.at(0).notes, "saved as it runs"));
    CHECK(let_go(plan.steps.at(1), db.named("notes.body")));
    CHECK(mentions(plan.steps.at(1).notes, "saved as it runs"));  // the other column
    (void)up(db, source);
    auto target = Target::open(db.url()).value();
    CHECK_NE(printed(status(target, source).value()).find("1 let go unsaved, as `-- undrop: lose` said: " + db.named("people")),
             std::string::npos);
    CHECK(mentions(planned_down(db, source).steps.at(0).notes, db.named("notes.body")));
    (void)down(db, source);
    CHECK_EQ(db.table("select about, body from notes"), "x|z\nx|z");
    CHECK_EQ(printed(status(target, source).value()).find("2 let go unsaved"), std::string::npos);
}

ON_SQLITE("waivers: the file's own name may stand before a table's, and no schema may") {
    db.run(people);
    auto const wrong = up_error(db, source_of({{"-- undrop: lose public.people.role\nalter table people drop column role"}}));
    CHECK_NE(wrong.message.find("lose public.people.role` matches nothing"), std::string::npos);
    auto const step = up(db, source_of({{"-- undrop: lose main.people.role\nalter table people drop column role"}})).steps.at(0);
    CHECK(step.saved.empty());
    CHECK_EQ(step.waived, std::vector<std::string>{"people.role"});
    CHECK_FALSE(mentions(step.notes, "let nothing go"));
}

ON_BOTH("waivers: names in quotes are the names that are meant") {
    db.run(
        "create table \"My people\" (id integer primary key, \"the role\" text, nick text); insert into \"My people\" values (1, 'r', "
        "'n')");
    auto const step =
        up(db, source_of({{"-- undrop: lose \"My people\".\"the role\"\nalter table \"My people\" drop column \"the role\""}})).steps.at(0);
    CHECK(step.saved.empty());
    CHECK_EQ(step.waived.size(), 1);
}

ON_POSTGRES("waivers: an object is let go by its kind and its name, and one that does not go takes the step back") {
    make_languages(db, {"span", "other"});
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{"-- undrop: lose language other\ndrop language span"}}));
    CHECK_NE(error.message.find("language span"), std::string::npos);
    auto const idle = up_error(db, source_of({{"-- undrop: lose language span, language other\ndrop language span"}}));
    CHECK_EQ(idle.left, Left::rolled_back);
    CHECK_NE(idle.message.find("lose language other` matches nothing"), std::string::npos);
    check_unchanged(before, witness(db));
    auto const step = up(db, source_of({{"-- undrop: lose language span\ndrop language span"}})).steps.at(0);
    CHECK(mentions(step.waived, "language span"));
    CHECK_EQ(db.count("select count(*) from pg_language where lanname = 'span'"), 0);
}

ON_SQLITE("waivers: rows of a full-text table, and the table, are let go by its name") {
    db.run("create virtual table f using fts5(body); insert into f values ('one'), ('two')");
    auto const source = source_of(
        {{"-- undrop: lose rows of virtual table f\ndelete from f where rowid = 1"}, {"-- undrop: lose virtual table f\ndrop table f"}});
    auto const steps = up(db, source).steps;
    CHECK_EQ(steps.at(0).waived, std::vector<std::string>{"rows of virtual table f"});
    CHECK_EQ(steps.at(1).waived, std::vector<std::string>{"virtual table f"});
    (void)down(db, source);  // the definition comes back, and nothing in it
    CHECK_EQ(db.count("select count(*) from f"), 0);
}

ON_BOTH("irreversible: the plan and the status say so, and nothing is taken back over it") {
    db.run(people);
    auto const source = source_of({{"create table first (id integer primary key)"},
                                   {"-- undrop: irreversible \"the old roles are against the law\"\nalter table people drop column role",
                                    "alter table people add column role text"},
                                   {"create table later (id integer primary key)"}});
    auto const* warning = found(planned_up(db, source), "irreversible");
    REQUIRE(warning);
    CHECK(planned_up(db, source).go());
    CHECK_NE(printed(planned_up(db, source)).find("against the law"), std::string::npos);
    (void)up(db, source);

    auto target = Target::open(db.url()).value();
    for (auto const& from : {source, Source{}}) {  // P4: the ledger knows as well
        auto const now = status(target, from).value();
        CHECK_EQ(now.applied.at(1).irreversible, "the old roles are against the law");
        CHECK_EQ(now.applied.at(0).irreversible, "");
        CHECK_NE(printed(now).find("2 step is irreversible: the old roles are against the law"), std::string::npos);
        CHECK_NE(to_json(now).find("\"irreversible\":"), std::string::npos);
    }

    auto const before = witness(db);
    for (auto const& range : {Range{.to = "0"}, Range{.steps = 2}}) {
        auto const error = down_error(db, source, {.derive = true}, range);
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK_NE(error.message.find("2 step is irreversible, as its author says: the old roles are against the law"), std::string::npos);
        CHECK_EQ(error.next.command, "snapshots list");
        CHECK_NE(error.next.advice.find("take the directive out of its up file"), std::string::npos);
        check_unchanged(before, witness(db));
    }
    (void)down(db, source);  // what came later can go
    CHECK_FALSE(planned_down(db, source).go());

    // What it took is saved all the same; an author who thinks better of it takes the directive out.
    auto const again = source_of({{"create table first (id integer primary key)"}, {"alter table people drop column role"}});
    (void)down(db, again);
    CHECK_EQ(db.table("select id, role from people order by id"), "1|admin\n2|viewer");
}

ON_BOTH("irreversible: a rehearsal applies it and does not take it back") {
    auto target = Target::open(db.url()).value();
    auto const evidence =
        rehearse(target, source_of({{"create table t (id integer primary key, c text); insert into t values (1, 'x')"},
                                    {"-- undrop: irreversible \"it is the law\"\ndelete from t", "select no_such_thing()"},
                                    {"create table u (id integer primary key)"}}))
            .value();
    REQUIRE_EQ(evidence.migrations.size(), 3);
    CHECK_FALSE(evidence.good());  // Rehearsal::accept
    CHECK_EQ(evidence.migrations[1].irreversible, "it is the law");
    CHECK_FALSE(evidence.migrations[1].came_back);
    CHECK(evidence.migrations[2].came_back);
    CHECK_NE(printed(evidence).find("as its author says: it is the law"), std::string::npos);
    CHECK_NE(printed(evidence).find("3 migrations: 2 exact, 1 irreversible"), std::string::npos);
}

ON_BOTH("plan: rows that cannot be told apart are said, whatever the script does to them") {
    db.run(people);
    for (auto const* script : {"update notes set body = 'z'", "alter table notes drop column body", "delete from notes"})
        CHECK(mentions(planned_up(db, source_of({{script}})).steps.at(0).notes, db.named("notes") + " has no key"));
    CHECK_FALSE(mentions(planned_up(db, source_of({{"update people set nick = 'z'"}})).steps.at(0).notes, "has no key"));
}

ON_POSTGRES("plan: a unique index that is not valid, or deferrable, is no key") {
    db.run("create table t (a integer not null, c text); insert into t values (1, 'x'), (1, 'y')");
    try {
        db.run("create unique index concurrently t_a on t (a)");
    } catch (std::exception const&) {  // it is left behind, not valid
    }
    REQUIRE_EQ(db.count("select count(*) from pg_index where indexrelid = 't_a'::regclass and not indisvalid"), 1);
    db.run("create table d (a integer not null unique deferrable, c text)");
    auto const notes = planned_up(db, source_of({{"alter table t drop column c;\nalter table d drop column c"}})).steps.at(0).notes;
    CHECK(mentions(notes, "public.t has no key"));
    CHECK(mentions(notes, "public.d has no key"));
}
