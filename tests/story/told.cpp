// What plans and reports say of objects: nothing that is not so.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

std::vector<std::string> warned(Database& db, Source const& source, std::string const& code) {
    auto target = Target::open(db.url()).value();
    std::vector<std::string> texts;
    auto const plan = plan_up(target, source).value();
    for (auto const& finding : plan.findings)
        if (finding.code == code) texts.push_back(finding.text);
    return texts;
}

}  // namespace

ON_BOTH("story: what was renamed is not told as gone") {
    db.run("create table a (id integer primary key, c text, d text); create index a_c on a (c); create table b (id integer primary key)");
    auto const source =
        source_of({{"alter table a rename to \"Other a\"; alter table \"Other a\" rename column c to cc; drop table b;"
                    "alter table \"Other a\" drop column d"}});
    auto const went = up(db, source).steps.at(0).went;
    CHECK(mentions(went, "table " + db.named("b")));
    for (auto const& what : went) {
        CAPTURE(what);
        CHECK_EQ(what.find("a_c"), std::string::npos);
        CHECK_NE(what, "table " + db.named("a"));
        CHECK_NE(what, "column " + db.named("a") + ".c");
        CHECK_NE(what, "column " + db.named("a") + ".id");
    }
    if (db.postgres()) CHECK(mentions(went, "column public.a.d"));
    (void)down(db, source);
}

ON_POSTGRES("story: a table that moved to another schema is not told as gone") {
    db.run(
        "create schema s; create table a (id serial primary key, c text check (c <> '')); comment on table a is 'x'; create index on a "
        "(c)");
    CHECK(up(db, source_of({{"alter table a set schema s"}})).steps.at(0).went.empty());
}

ON_BOTH("story: what a down script makes beside the recorded objects goes again, but for rows") {
    db.run("create table a (id integer primary key); create table b (id integer primary key, c text); insert into b values (1, 'x')");
    std::string const extra =
        "create table a (id integer primary key); create table \"Extra\" (id integer primary key, c text); create index extra_c on "
        "\"Extra\" "
        "(c); create index b_c on b (c); create view extra_v as select 1 as one";
    auto const before = witness(db);
    auto const source = source_of({{"drop table a", extra}});
    (void)up(db, source);
    auto const report = down(db, source).steps.at(0);
    CHECK_FALSE(mentions(report.notes, "it stays"));
    check_same(before, witness(db));
    // Where users wrote since, rows that the script made may come from theirs.
    auto const filled = source_of({{"drop table a; alter table b add column d text",
                                    extra + "; insert into \"Extra\" (id, c) select id, d from b; alter table b drop column d"}});
    (void)up(db, filled);
    db.run("update b set d = 'written'");
    auto const notes = down(db, filled).steps.at(0).notes;
    CHECK(mentions(notes, "it stays"));
    CHECK(mentions(notes, "Extra"));
    CHECK_FALSE(mentions(notes, "extra_v"));
    CHECK_EQ(db.one("select c from \"Extra\""), "written");
    auto const tidy = source_of({{"drop table a", "create table a (id integer primary key)"}});
    auto const other = Database::make(db.engine());
    other->run("create table a (id integer primary key)");
    (void)up(*other, tidy);
    CHECK_FALSE(mentions(down(*other, tidy).steps.at(0).notes, "it stays"));
}

ON_BOTH("story: bodies that go in the same step are no warning") {
    db.run("create table a (id integer primary key, role text, kind text)");
    db.run(db.either(
        "create function reads_role() returns bigint language plpgsql as $$ begin return (select count(role) from a); end $$;"
        "create function stays() returns bigint language plpgsql as $$ begin return (select count(role) from a); end $$;"
        "create function tells() returns trigger language plpgsql as $$ begin return new; end $$;"
        "create trigger on_role before update of role on a for each row execute function tells();"
        "create view v as select role from a; create view \"V two\" as select role from a",
        "create view v as select role from a; create view \"V two\" as select role from a; create view stays as select role from a;"
        "create trigger on_role before update of role on a begin select 1; end"));
    auto const warnings =
        warned(db,
               source_of({{db.either("drop function reads_role(); drop trigger on_role on a; drop view public.v, \"V two\";",
                                     "drop trigger on_role; drop view v; drop view if exists main.\"V two\";") +
                           "alter table a drop column role"}}),
               "mentioned");
    REQUIRE_EQ(warnings.size(), 1);
    CHECK_NE(warnings[0].find("stays"), std::string::npos);
    // A trigger goes with its table.
    for (auto const& text : warned(db, source_of({{"drop table a" + db.either(" cascade", "")}}), "mentioned"))
        if (db.postgres()) CHECK_EQ(text.find("on_role"), std::string::npos);
}

ON_POSTGRES("story: what the way back of a label costs is told before it is added") {
    db.run("create type mood as enum ('sad', 'ok'); create table a (id integer primary key, m mood)");
    auto const script = "alter table a add column n integer;\n  alter type mood add value 'fine' before 'ok';";
    auto target = Target::open(db.url()).value();
    auto const plan = plan_up(target, source_of({{script}})).value();
    CHECK(plan.go());
    REQUIRE_EQ(plan.findings.size(), 1);
    CHECK_EQ(plan.findings[0].severity, Finding::Severity::note);
    CHECK_NE(plan.findings[0].text.find("makes the type anew"), std::string::npos);
    CHECK_EQ(plan.findings[0].where.line, 2);
    CHECK_EQ(plan.findings[0].where.column, 3);
    CHECK_NE(plan.findings[0].next.advice.find("down script"), std::string::npos);
    CHECK(warned(db, source_of({{script, "select 1"}}), "label").empty());
    CHECK(warned(db, source_of({{"alter type mood rename value 'ok' to 'fine'"}}), "label").empty());
}

ON_POSTGRES("story: a body whose parameter has the name of what goes is no warning, but where it means a table") {
    db.run(
        "create table a (id integer primary key, role text); create table b (id integer primary key);"
        "create function says(b text) returns text language plpgsql as $$ begin return b || '!'; end $$;"
        "create function shouts(role text) returns text language sql as 'select upper(role)';"
        "create function counts(b text) returns bigint language sql as 'select count(*) from public.b';"
        "create function asks(role text) returns bigint language plpgsql as $$ begin return (select count(x.role) from a x); end $$");
    auto const warnings = warned(db, source_of({{"drop table b; alter table a drop column role"}}), "mentioned");
    REQUIRE_EQ(warnings.size(), 2);
    CHECK(mentions(warnings, "function public.counts(text) mentions b"));
    CHECK(mentions(warnings, "function public.asks(text) mentions role"));
}

ON_POSTGRES("story: a role that an up makes stays, and plans and reports say so") {
    auto const url = with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"));
    auto const superuser = connect_postgres(url);
    std::string const name = "undrop_role_that_stays";
    superuser->run("drop role if exists " + name);
    auto target = Target::open(url).value();
    for (auto const& script : {"create role " + name, "do $$ begin if not exists (select from pg_roles where rolname = '" + name +
                                                          "') then create role " + name + "; end if; end $$"}) {
        CAPTURE(script);
        auto const source = source_of({{script}});
        auto const forth = plan_up(target, source).value();
        REQUIRE_EQ(forth.findings.size(), 1);
        CHECK_EQ(forth.findings[0].code, "server");
        CHECK_NE(forth.findings[0].text.find("role " + name), std::string::npos);
        CHECK(plan_up(target, source_of({{script, "drop role " + name}})).value().findings.empty());
        REQUIRE(apply(target, approve(forth).value()));
        auto const plan = plan_down(target, source).value();
        CHECK(mentions(plan.steps.at(0).notes, "role " + name));
        auto const report = apply(target, approve(plan).value());
        REQUIRE(report);
        CHECK(mentions(report.value().steps.at(0).notes, "role " + name));
        superuser->run("drop role " + name);
    }
}

ON_BOTH("story: a report names every place that a down script leaves otherwise") {
    db.run(
        "create table a (id integer primary key, v text, w text); insert into a values (1, 'x', 'y'), (2, 'z', 'q');"
        "create table b (id integer primary key, v text); insert into b values (1, 'x')");
    auto const source =
        source_of({{"alter table a drop column w", "alter table a add column w text; update a set v = 'd'; delete from b"}});
    (void)up(db, source);
    db.run("update a set v = 'written' where id = 1");
    db.run("insert into b values (3, 'n')");
    auto const notes = down(db, source).steps.at(0).notes;
    CHECK(mentions(notes, "leaves otherwise than it was before the up: "));
    CHECK(mentions(notes, db.named("a") + " (v)"));
    CHECK(mentions(notes, db.named("b") + " (deleted)"));
}
