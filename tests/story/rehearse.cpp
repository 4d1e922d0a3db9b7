// Rehearsals: what comes back, what does not, and what is said of it. The target is looked at by its own tools.
#include <algorithm>
#include <sstream>

#include <undrop/testing.hpp>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

// Everything that is in a database, undrop's store too.
std::string everything(Database& db) {
    auto const location = shell_quoted(db.location());
    return db.postgres() ? without_noise(output_of("pg_dump --inserts -d " + location))
                         : output_of("sqlite3 -batch " + location + " .dump");
}

Evidence rehearsed(Database& db, Source const& source, Rehearsal const& rehearsal = {}, Options const& options = {}) {
    auto const before = everything(db);
    auto target = Target::open(db.url()).value();
    auto evidence = rehearse(target, source, rehearsal, options);
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    check_same_text(before, everything(db));
    return std::move(evidence).value();
}

std::string text_of(Evidence const& evidence) {
    std::ostringstream text;
    text << evidence;
    return text.str();
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// All the rows that differ, of one table: how many, and the text of each behind the table's name.
void check_rows(Rehearsed const& bad, std::int64_t count, std::string const& table, std::vector<std::string> const& texts) {
    CHECK(bad.rows_differing == count);
    std::vector<std::string> told;
    for (auto const& row : bad.rows) told.push_back(row.text());
    std::vector<std::string> wanted;
    for (auto const& text : texts) wanted.push_back(table + text);
    CHECK(told == wanted);
}

Scripts const members{
    "create table members (id integer primary key, name text, role text not null default 'viewer');\n"
    "insert into members values (1, 'ann', 'manager'), (2, null, 'viewer');",
    "drop table members"};

}  // namespace

ON_BOTH("a history of which everything comes back is GO") {
    auto const source = source_of({
        members,
        {"alter table members drop column role"},
        {"create table \"Ünï \"\"q\"\" t\" (\"ké'y\" integer primary key, \"v\"\"x\" text); insert into \"Ünï \"\"q\"\" t\" values (1, "
         "'é''\"')",
         "drop table \"Ünï \"\"q\"\" t\""},
        {"create table keyless (a integer, b text); insert into keyless values (1, 'x'), (1, 'x'), (null, null)", "drop table keyless"},
        {"create index keyless_a on keyless (a); create view seen as select a from keyless", "drop view seen"},
        {"drop view seen; drop table keyless; drop table members"},
    });
    auto const evidence = rehearsed(db, source);
    CHECK_MESSAGE(evidence.exact(), text_of(evidence));
    CHECK(evidence.migrations.size() == 6);
    CHECK(has(text_of(evidence), "2        step  exact with snapshot  "));
    CHECK(text_of(evidence).ends_with("\nGO\n"));
    CHECK(testing::reversible(source, db.url()));
}

ON_BOTH("a down that leaves a row too many does not come back, and the walk goes on") {
    auto const source = source_of({
        members,
        {"create table visits (member integer)", "drop table visits; insert into members (id, name) values (7, 'it''s')"},
        {"create table last (id integer)", "drop table last"},
    });
    auto const evidence = rehearsed(db, source);
    CHECK_FALSE(evidence.exact());
    REQUIRE(evidence.migrations.size() == 3);
    CHECK(evidence.migrations[0].came_back);
    CHECK(evidence.migrations[2].came_back);
    auto const& bad = evidence.migrations[1];
    CHECK_FALSE(bad.came_back);
    CHECK(bad.step == "down");
    CHECK(bad.where.file == "2_step.down.sql");
    CHECK(bad.objects.empty());
    check_rows(bad, 1, db.named("members"), {" 7: no row -> (7, 'it''s', 'viewer')"});
    CHECK(bad.reproduce == "undrop rehearse 2");
    CHECK(text_of(evidence).ends_with("\nNO-GO\n"));
    CHECK_FALSE(testing::reversible(source, db.url()));
}

ON_BOTH("only the first five rows are listed, in the key's order, and all are counted") {
    auto const source = source_of({
        members,
        {"create table visits (member integer)", "drop table visits; insert into members (id) values (100), (9), (12), (11), (10), (8)"},
    });
    auto const bad = rehearsed(db, source).migrations.at(1);
    CHECK(bad.rows_differing == 6);
    REQUIRE(bad.rows.size() == 5);
    CHECK(bad.rows[0].text() == db.named("members") + " 8: no row -> (8, NULL, 'viewer')");
    CHECK(bad.rows[4].text() == db.named("members") + " 12: no row -> (12, NULL, 'viewer')");
}

ON_BOTH("values that a migration waives do not come back, column by column, and the reason names the waiver") {
    auto const source = source_of({
        members,
        {"-- undrop: lose members.role\nalter table members drop column role",
         "alter table members add column role text not null default 'viewer'"},
    });
    auto const evidence = rehearsed(db, source);
    auto const& bad = evidence.migrations.at(1);
    CHECK(bad.step == "down");
    check_rows(bad, 1, db.named("members"), {" 1 role: 'manager' -> 'viewer'"});
    CHECK(has(bad.reason, "`-- undrop: lose`: " + db.named("members") + ".role"));
}

ON_BOTH("a waived column that comes back empty differs without one row written") {
    auto const source = source_of({
        {"create table notes (id integer primary key, text text); insert into notes values (1, 'é'), (2, null), (3, 'x')",
         "drop table notes"},
        {"-- undrop: lose notes.text\nalter table notes drop column text"},
    });
    auto const bad = rehearsed(db, source).migrations.at(1);
    check_rows(bad, 2, db.named("notes"), {" 1 text: 'é' -> NULL", " 3 text: 'x' -> NULL"});
}

ON_BOTH("rows without a key are compared with how often they are there") {
    auto const source = source_of({
        {"create table keyless (a integer, b text); insert into keyless values (1, 'x'), (1, 'x'), (null, null)", "drop table keyless"},
        {"create table other (id integer)", "drop table other; insert into keyless values (1, 'x'), (1, 'x'), (null, null)"},
    });
    auto const bad = rehearsed(db, source).migrations.at(1);
    check_rows(bad, 3, db.named("keyless"), {": no row -> 2 rows (1, 'x')", ": no row -> (NULL, NULL)"});
}

ON_BOTH("what a down script leaves in the schema goes again") {
    auto const source = source_of({
        members,
        {"create table visits (member integer)", "drop table visits; create index by_name on members (name)"},
    });
    auto const evidence = rehearsed(db, source);
    CHECK_MESSAGE(evidence.exact(), text_of(evidence));
}

ON_BOTH("an up that fails ends the walk, with its statement's place") {
    auto const source = source_of({members, {"create table a (id integer);\n  insert into nowhere values (1)", "drop table a"}, members});
    auto const evidence = rehearsed(db, source);
    CHECK_FALSE(evidence.exact());
    REQUIRE(evidence.migrations.size() == 2);
    auto const& bad = evidence.migrations[1];
    CHECK(bad.step == "up");
    CHECK(bad.where.file == "2_step.up.sql");
    CHECK(bad.where.line == 2);
    CHECK(bad.statement == "insert into nowhere values (1)");
    CHECK(has(bad.native, "nowhere"));
    CHECK(evidence.not_reached == std::vector<std::string>{"3"});
    CHECK(has(text_of(evidence), "not reached: 3"));
}

ON_BOTH("a down that fails leaves its up applied, and the walk goes on") {
    auto const source = source_of({
        members,
        {"create table a (id integer)", "drop table a;\ndrop table nowhere"},
        {"insert into a values (1)", "select 1"},
        {"create table b as select * from members", "drop table b"},
    });
    auto const evidence = rehearsed(db, source);
    REQUIRE(evidence.migrations.size() == 4);
    auto const& bad = evidence.migrations[1];
    CHECK(bad.step == "down");
    CHECK(bad.where.file == "2_step.down.sql");
    CHECK(bad.where.line == 2);
    CHECK(bad.statement == "drop table nowhere");
    CHECK(evidence.migrations[3].came_back);
    CHECK(evidence.not_reached.empty());
}

ON_BOTH("what may not be part of a step is said with its place, before it runs") {
    auto const evidence = rehearsed(db, source_of({{"select 1;\ncommit", "select 1"}}));
    REQUIRE(evidence.migrations.size() == 1);
    CHECK(evidence.migrations[0].step == "up");
    CHECK(evidence.migrations[0].where.line == 2);
}

ON_BOTH("chosen migrations stand on those before them, which are only applied") {
    auto const source = source_of({members, {"alter table members drop column role"}, {"nonsense"}});
    auto const evidence = rehearsed(db, source, {.versions = {"2"}});
    CHECK_MESSAGE(evidence.exact(), text_of(evidence));
    CHECK(evidence.migrations.size() == 1);
    CHECK(evidence.only_applied == 1);
    auto target = Target::open(db.url()).value();
    CHECK(rehearse(target, source, {.versions = {"9"}}).error().code == Code::usage);
}

ON_BOTH("pending migrations are those that the target's ledger does not have") {
    auto source = source_of({members});
    (void)up(db, source);
    source = source_of({members, {"alter table members drop column role"}});
    auto const evidence = rehearsed(db, source, {.which = Rehearsal::Which::pending});
    CHECK_MESSAGE(evidence.exact(), text_of(evidence));
    REQUIRE(evidence.migrations.size() == 1);
    CHECK(evidence.migrations[0].version == "2");
    (void)up(db, source);
    auto const nothing = rehearsed(db, source, {.which = Rehearsal::Which::pending});
    CHECK(nothing.exact());
    CHECK(has(text_of(nothing), "Nothing to rehearse."));
}

ON_BOTH("with --data the target's rows decide, and their values stay hidden") {
    Scripts const narrow{"create table notes (id integer primary key, secret text)", "drop table notes"};
    (void)up(db, source_of({narrow}));
    db.run("insert into notes values (1, 'hush'), (2, null)");
    // Only rows that are there let this down go wrong.
    Scripts const doubling{"create table x (id integer)", "drop table x; insert into notes select id + 10, secret from notes"};
    auto const source = source_of({narrow, doubling});
    CHECK(rehearsed(db, source).exact());
    auto const evidence = rehearsed(db, source, {.data = {.mode = DataMode::full}});
    CHECK_FALSE(evidence.exact());
    REQUIRE(evidence.migrations.size() == 1);
    CHECK(evidence.migrations[0].rows_differing == 2);
    CHECK(evidence.migrations[0].rows.at(0).text() == db.named("notes") + " 11: the row is new");
    for (auto const& text : {text_of(evidence), to_json(evidence), to_markdown(evidence)}) CHECK_FALSE(has(text, "hush"));
    auto const shown = rehearsed(db, source, {.data = {.mode = DataMode::full}, .show_rows = true});
    CHECK(shown.migrations[0].rows.at(0).text() == db.named("notes") + " 11: no row -> (11, 'hush')");
    auto target = Target::open(db.url()).value();
    CHECK(rehearse(target, source, {.versions = {"1"}, .data = {.mode = DataMode::full}}).error().code == Code::usage);
}

ON_BOTH("with --data a key that is a text stays hidden too") {
    Scripts const made{"create table people (email text not null primary key, n integer)", "drop table people"};
    (void)up(db, source_of({made}));
    db.run("insert into people values ('ann@example.org', 1)");
    auto const evidence = rehearsed(
        db, source_of({made, {"create table x (id integer)", "drop table x; insert into people select 'x' || email, n from people"}}),
        {.data = {.mode = DataMode::full}});
    CHECK(evidence.migrations.at(0).rows.at(0).text() == db.named("people") + " '...': the row is new");
    CHECK_FALSE(has(text_of(evidence) + to_json(evidence), "example.org"));
}

ON_BOTH("with --data the way back from what the ledger recorded is rehearsed on the copy of the ledger") {
    (void)up(db, source_of({members}));
    db.run("update members set role = 'contributor' where id = 2");
    auto const evidence = rehearsed(db, source_of({members, {"alter table members drop column role"}}), {.data = {.mode = DataMode::full}});
    CHECK_MESSAGE(evidence.exact(), text_of(evidence));
    CHECK(evidence.migrations.size() == 1);
}

ON_BOTH("a rehearsal that is interrupted is an error, and the target is untouched") {
    auto const before = everything(db);
    auto target = Target::open(db.url()).value();
    Options options;
    options.cancelled = [] { return true; };
    auto const evidence = rehearse(target, source_of({members}), {}, options);
    REQUIRE_FALSE(evidence);
    CHECK(evidence.error().code == Code::interrupted);
    check_same_text(before, everything(db));
}

ON_BOTH("a verdict on a database that cannot be opened is false and says why") {
    auto const verdict = testing::reversible(source_of({members}), db.postgres() ? "postgresql://127.0.0.1:1/x" : "sqlite:/nowhere/x.db");
    CHECK_FALSE(verdict);
    CHECK_FALSE(verdict.evidence());
    CHECK_FALSE(verdict.text().empty());
}

TEST_CASE("the command that reproduces a verdict holds no password") {
    auto const source = source_of({members});
    CHECK(testing::command(source, "sqlite::memory:") == "undrop --db 'sqlite::memory:' --dir 'the test' rehearse");
    CHECK_FALSE(has(testing::command(source, "postgresql://ann:secret@host/db"), "secret"));
    CHECK_FALSE(has(testing::command(source, "postgresql://host/db?password=secret"), "secret"));
    CHECK(has(testing::command(source, "postgresql://ann@host/db"), "ann@host"));
}

ON_BOTH("rows that a migration updates, deletes and inserts come back; what a hand-written down computes otherwise is told cell by cell") {
    auto const changes =
        "update members set role = 'owner' where id = 1; delete from members where id = 2; insert into members (id) values (3)";
    auto const good = rehearsed(db, source_of({members, {changes}}));
    CHECK_MESSAGE(good.exact(), text_of(good));
    auto const down = "update members set role = 'boss' where role = 'owner'; delete from members where id = 3";
    // A row of which the up changed nothing may have come since, so the script has to do.
    auto const bad = rehearsed(db, source_of({members, {"insert into members (id) values (4)"}, {changes, down}})).migrations.at(2);
    CHECK_FALSE(bad.came_back);
    check_rows(bad, 1, db.named("members"), {" 1 role: 'manager' -> 'boss'"});
}

ON_POSTGRES("rights on undrop's store that a migration gives away are found in its rehearsal") {
    for (auto const* gives : {"grant select on all tables in schema undrop to public",
                              "do $$ begin execute format('grant select on all tables in schema %I to public', 'un' || 'drop'); end $$"}) {
        auto const evidence = rehearsed(db, source_of({members, {gives, "select 1"}}));
        CHECK_EQ(evidence.migrations.at(0).grade, Grade::exact);
        CHECK_EQ(evidence.migrations.at(1).grade, Grade::down_broken);
        CHECK_MESSAGE(has(evidence.migrations.at(1).reason, "rights on"), evidence.migrations.at(1).reason);
    }
}

ON_POSTGRES("what a script's own DO block undoes is not taken for done, and rows alone leave the schema as it was known") {
    auto const evidence = rehearsed(
        db,
        source_of({members,
                   {"do $$ begin begin execute 'alter table members add column gone text'; raise 'no'; exception when others then null; "
                    "end; end $$; update members set name = 'x' where id = 2",
                    "update members set name = null where id = 2"},
                   {"do $$ begin begin drop table members; raise 'no'; exception when others then null; end; "
                    "execute 'alter table members add column there text'; end $$"}}));
    for (auto const& found : evidence.migrations) {
        CAPTURE(found.reason);
        CHECK_LE(found.grade, Grade::exact_with_snapshot);
        CHECK(found.objects.empty());
    }
    CHECK(evidence.migrations.size() == 3);
}

ON_BOTH("a down script that is not carried out, since it leaves otherwise what the up never touched, is named") {
    auto const evidence = rehearsed(
        db,
        source_of({members,
                   {"alter table members add column w integer", "alter table members drop column w; delete from members where id = 2"}}));
    auto const& found = evidence.migrations.at(1);
    CHECK_MESSAGE(mentions(found.notes, "the down script leaves otherwise than it was before the up"), text_of(evidence));
    CHECK(mentions(found.notes, "without the script"));
}
