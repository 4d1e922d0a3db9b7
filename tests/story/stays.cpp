// What an up changes that no way back takes away is named: by the up, by the plan of the way back and by its report (P9).
#include "story/story.hpp"

#include <algorithm>

#include "support/server.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::string joined(std::vector<std::string> const& lines) {
    std::string all;
    for (auto const& line : lines) all += line + "\n";
    return all;
}

struct Told {
    std::string planned;  // by `plan up`, and the up's report
    std::string up;
    std::string plan_down;
    std::string down;
};

Told there_and_back(std::string const& url, Source const& source) {
    Told told;
    auto target = Target::open(url).value();
    auto const forth = plan_up(target, source).value();
    for (auto const& finding : forth.findings) told.planned += finding.text + "\n";
    auto const went = apply(target, approve(forth).value());
    if (!went) FAIL(went.error().text());
    told.up = joined(went.value().steps.at(0).notes);
    auto const back = plan_down(target, source).value();
    told.plan_down = joined(back.steps.at(0).notes);
    auto const came = apply(target, approve(back).value());
    if (!came) FAIL(came.error().text());
    told.down = joined(came.value().steps.at(0).notes);
    return told;
}

std::string superuser_of(Database& db) {
    return with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"));
}

int times(std::string const& text, std::string const& part) {
    int count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

// Hidden in a block, so that no text tells; `line`: what says so afterwards.
struct Beyond {
    char const* statement;  // %d: the database
    char const* line;
    char const* undo;
};

constexpr std::array beyond{
    Beyond{"comment on database %I is ''x''", "what is changed of database ", "comment on database %I is null"},
    Beyond{"alter database %I set work_mem = ''8MB''", "what is changed of database ", "alter database %I reset work_mem"},
    Beyond{"grant temp on database %I to undrop_reader", "what is changed of database ", "revoke temp on database %I from undrop_reader"},
    Beyond{"alter role undrop_reader in database %I set work_mem = ''8MB''", "what is changed of role undrop_reader ",
           "alter role undrop_reader in database %I reset work_mem"},
    Beyond{"comment on function pg_catalog.lower(text) is ''%I''", "what is changed of PostgreSQL's own function lower(text) ",
           "comment on function pg_catalog.lower(text) is ''%I lowercase''"},
    Beyond{"revoke execute on function pg_catalog.pg_sleep(double precision) from public /* %I */",
           "what is changed of PostgreSQL's own function pg_sleep(double precision) ",
           "grant execute on function pg_catalog.pg_sleep(double precision) to public /* %I */"},
    Beyond{"grant usage on schema information_schema to undrop_reader /* %I */",
           "what is changed of PostgreSQL's own schema information_schema ",
           "revoke usage on schema information_schema from undrop_reader /* %I */"},
    Beyond{"grant select on pg_catalog.pg_authid to undrop_reader /* %I */", "what is changed of PostgreSQL's own table pg_authid ",
           "revoke select on pg_catalog.pg_authid from undrop_reader /* %I */"},
};

std::string block(char const* statement) {
    return std::string("do $$ begin execute format('") + statement + "', current_database()); end $$";
}

}  // namespace

ON_POSTGRES("stays: what a block changes of the database, or of PostgreSQL's own, is named by the up, the plan and the way back") {
    auto const url = superuser_of(db);
    for (auto const& one : beyond) {
        CAPTURE(one.statement);
        auto const told = there_and_back(url, source_of({{block(one.statement) + "; create table t (id integer)"}}));
        CHECK_EQ(told.planned.find(one.line), std::string::npos);
        for (auto const* text : {&told.up, &told.plan_down, &told.down}) CHECK_MESSAGE(times(*text, one.line) == 1, *text);
        // A down script that does the same is taken to know what it does.
        auto const minded = there_and_back(url, source_of({{block(one.statement), block(one.undo)}}));
        CHECK_MESSAGE(!has(minded.up, one.line), minded.up);
        CHECK_MESSAGE(!has(minded.down, one.line), minded.down);
    }
}

ON_POSTGRES("stays: what a statement changes of the database is named once, and before it runs") {
    auto const url = superuser_of(db);
    auto const name = db.one("select current_database()");
    std::vector<std::string> const statements{"comment on database " + name + " is 'x'", "alter database " + name + " set work_mem = '8MB'",
                                              "grant temp on database " + name + " to undrop_reader",
                                              "alter role undrop_reader set work_mem = '8MB'", "alter role undrop_reader reset work_mem"};
    for (auto const& statement : statements) {
        CAPTURE(statement);
        auto const told = there_and_back(url, source_of({{statement}}));
        std::string const line =
            has(statement, "role") ? "what is changed of role undrop_reader stays so" : "what is changed of database " + name + " stays so";
        CHECK_EQ(times(told.planned, line), 1);
        CHECK_EQ(told.up.find("stay"), std::string::npos);
        CHECK_MESSAGE(times(told.plan_down, " stay") == 1, told.plan_down);
        CHECK_MESSAGE(times(told.down, line) == 1, told.down);
    }
}

ON_POSTGRES("stays: roles that a function makes are named, and no step is blamed for an earlier one's") {
    auto const url = superuser_of(db);
    auto const role = "undrop_role_" + db.one("select current_database()");
    connect_postgres(url)->run("create function make() returns void language plpgsql as $$ begin create role " + role + "; end $$");
    auto target = Target::open(url).value();
    auto const source = source_of({{"select make()"}, {"create table t (id integer)"}});
    auto const report = apply(target, approve(plan_up(target, source).value()).value()).value();
    CHECK(has(joined(report.steps.at(0).notes), "roles or memberships of roles"));
    CHECK_FALSE(has(joined(report.steps.at(1).notes), "roles"));
    connect_postgres(url)->run("drop role " + role);
}

ON_POSTGRES("stays: what an up makes of a kind that undrop does not know is named, until it is gone") {
    auto const url = superuser_of(db);
    auto const superuser = connect_postgres(url);
    superuser->run("create foreign data wrapper w; create server s foreign data wrapper w");
    std::string const make = "create user mapping for undrop_reader server s options (password 'very-secret')";
    std::string const line = "user mapping undrop_reader on server s stays";
    auto const told = there_and_back(url, source_of({{make}}));
    for (auto const* text : {&told.up, &told.plan_down, &told.down}) CHECK_MESSAGE(times(*text, line) == 1, *text);
    CHECK_EQ(superuser->rows("select 1 from undrop.object o where o::text like '%secret%'").size(), 0);
    superuser->run("drop user mapping for undrop_reader server s");

    std::string const drops = "-- undrop: lose user mapping undrop_reader on server s\ndrop user mapping for undrop_reader server s";
    auto const minded = there_and_back(url, source_of({{make, drops}}));
    for (auto const* text : {&minded.up, &minded.plan_down, &minded.down}) CHECK_MESSAGE(!has(*text, line), *text);

    auto target = Target::open(url).value();
    (void)apply(target, approve(plan_up(target, source_of({{make}})).value()).value()).value();
    superuser->run("drop user mapping for undrop_reader server s");
    auto const back = plan_down(target, source_of({{make}})).value();
    CHECK_FALSE(has(joined(back.steps.at(0).notes), line));
    CHECK_FALSE(has(joined(apply(target, approve(back).value()).value().steps.at(0).notes), line));
}

ON_POSTGRES("stays: what others put on the step's tables since is named by the plan of the way back and by its report, and kept") {
    db.run(
        "create table t (id integer primary key, c text); create index t_old on t (c); comment on column t.c is 'old'; create table p (c "
        "text) "
        "partition by list (c); create table p_a partition of p for values in ('a')");
    auto const source = source_of({{"alter table t add column d integer default 1; alter table p add column d integer"}});
    (void)up(db, source);
    db.run(
        "create index t_new on t (c); alter table t add column e text; alter table t add constraint short check (length(c) < 9); "
        "create table p_b partition of p for values in ('b'); grant select on t to undrop_reader");
    auto target = Target::open(db.url()).value();
    auto const plan = plan_down(target, source).value();
    std::string added;
    for (auto const& finding : plan.findings)
        if (finding.code == "added") added += finding.text + "\n";
    auto const report = down(db, source).steps.at(0);
    for (auto const* what :
         {"index public.t.t_new", "column public.t.e", "check public.t.short", "partition public.p_b", "grants on table public.t"}) {
        CAPTURE(what);
        CHECK_MESSAGE(has(added, what), added);
        CHECK_MESSAGE(has(joined(report.notes), what), joined(report.notes));
    }
    for (auto const* old : {"t_old", "p_a", "public.t.c", "t_pkey", "public.t.d"}) {
        CHECK_MESSAGE(!has(added, old), added);
        CHECK_MESSAGE(!has(joined(report.notes), old), joined(report.notes));
    }
    CHECK_EQ(db.count("select count(*) from pg_class where relname in ('t_new', 'p_b')"), 2);
    // Nothing else, nothing said.
    (void)up(db, source);
    CHECK_FALSE(mentions(down(db, source).steps.at(0).notes, "others have added"));
}

ON_POSTGRES("stays: what others renamed is shown under its new name, and not as gone") {
    db.run("create table t (id integer primary key, c text)");
    auto const source = source_of(
        {{"alter table t add column d integer; create index t_c on t (c); alter table t add constraint t_check check (c <> '')"}});
    (void)up(db, source);
    db.run("alter table t rename d to dd; alter index t_c rename to t_cc; alter table t rename constraint t_check to t_checked");
    auto target = Target::open(db.url()).value();
    auto const plan = plan_down(target, source).value();
    std::string drifted;
    for (auto const& finding : plan.findings)
        if (finding.code == "drift") drifted += finding.text;
    for (auto const* what :
         {"column public.t.d, renamed to dd", "index public.t.t_c, renamed to t_cc", "check public.t.t_check, renamed to t_checked"})
        CHECK_MESSAGE(has(drifted, what), drifted);
}
