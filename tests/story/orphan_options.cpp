// What becomes of saved rows and values that refer to what is gone, where the options say that they need not stop the step.
#include <algorithm>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* family =
    "create table parents (id integer primary key, name text);"
    "create table children (id integer primary key, parent integer references parents, name text);"
    "create table toys (id integer primary key, child integer not null references children);"
    "insert into parents values (1, 'a'), (2, 'b');"
    "insert into children values (1, 1, 'x'), (2, 2, 'y'), (3, 2, 'z'), (4, null, 'w');"
    "insert into toys values (1, 1), (2, 2), (4, 4)";

Options const keep{.on_orphan = OnOrphan::keep};
Options const null{.on_orphan = OnOrphan::null};

Conflicts conflicts(Database& db, std::int64_t snapshot) {
    auto target = Target::open(db.url()).value();
    CHECK(verify_snapshots(target).value().holds());
    return snapshot_conflicts(target, snapshot).value();
}

std::string children(Database& db) { return db.table("select id, coalesce(parent, 0) from children order by id"); }

void no_orphans(Database& db) {
    CHECK_EQ(db.count("select count(*) from children where parent is not null and parent not in (select id from parents)"), 0);
    CHECK_EQ(db.count("select count(*) from toys where child not in (select id from children)"), 0);
}

}  // namespace

ON_BOTH("story: rows of dropped tables that refer to what is gone stay in their snapshots, and so does what refers to them") {
    db.run(family);
    auto const schema = witness(db);
    auto const source = source_of({{"drop table toys; drop table children"}});
    (void)up(db, source);
    db.run("delete from parents where id = 2");
    auto const report = down(db, source, keep);
    CHECK_EQ(children(db), "1|1\n4|0");
    CHECK_EQ(db.table("select id from toys order by id"), "1\n4");
    auto const rows = merged(report.steps.at(0), db.named("children"));
    CHECK_EQ(rows.restored, 2);
    CHECK_EQ(rows.orphaned, 2);
    CHECK_EQ(merged(report.steps.at(0), db.named("toys")).orphaned, 1);
    auto const shown = conflicts(db, rows.snapshot);
    REQUIRE_EQ(shown.total, 2);
    CHECK_EQ(shown.rows.at(0).why, "orphaned");
    CHECK_EQ(shown.rows.at(0).values, std::vector<std::optional<std::string>>{"2", "2", "y"});
    no_orphans(db);
    check_same_schema(schema, witness(db));
}

ON_BOTH("story: rows that refer to what is gone come back with NULL there; a column that must have a value refuses that") {
    db.run(family);
    auto const source = source_of({{"delete from toys where id = 2; delete from children where id in (2, 3)"}});
    (void)up(db, source);
    db.run("delete from parents where id = 2");
    auto const schema = witness(db);
    auto const report = down(db, source, null);
    CHECK_EQ(children(db), "1|1\n2|0\n3|0\n4|0");
    auto const rows = merged(report.steps.at(0), db.named("children") + " (deleted)");
    CHECK_EQ(rows.emptied, 2);
    CHECK_EQ(rows.restored, 0);
    CHECK_EQ(merged(report.steps.at(0), db.named("toys") + " (deleted)").restored, 1);
    CHECK_EQ(conflicts(db, rows.snapshot).rows.at(0).why, "emptied");
    no_orphans(db);
    check_same_schema(schema, witness(db));
}

ON_BOTH("story: NULL where a value must be is refused, and the step taken back") {
    db.run(family);
    auto const source = source_of({{"delete from toys"}});
    (void)up(db, source);
    db.run("delete from children where id = 2");
    auto const before = witness(db);
    auto const error = down_error(db, source, null);
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.message.find("child must not be NULL"), std::string::npos);
    CHECK_NE(error.next.command.find("--on-orphan keep"), std::string::npos);
    check_unchanged(before, witness(db));
    auto const report = down(db, source, keep);
    CHECK_EQ(merged(report.steps.at(0), db.named("toys") + " (deleted)").orphaned, 1);
    CHECK_EQ(db.table("select id from toys order by id"), "1\n4");
    no_orphans(db);
}

ON_BOTH("story: an updated reference to what is gone stays as the migration left it") {
    db.run(family);
    auto const source = source_of({{"update children set parent = null, name = 'up'"}});
    (void)up(db, source);
    db.run("delete from parents where id = 2");
    auto const report = down(db, source, keep);
    CHECK_EQ(children(db), "1|1\n2|0\n3|0\n4|0");
    CHECK_EQ(db.table("select name from children order by id"), "x\ny\nz\nw");
    auto const values = merged(report.steps.at(0), db.named("children.parent"));
    CHECK_EQ(values.orphaned, 2);
    auto const shown = conflicts(db, values.snapshot);
    REQUIRE_EQ(shown.total, 2);
    CHECK_EQ(shown.rows.at(0).column, "parent");
    no_orphans(db);
}

ON_POSTGRES(
    "story: a column's values that refer to what is gone stay in their snapshot, also where the down script makes the foreign key") {
    db.run(family);
    auto const schema = witness(db);
    for (bool const scripted : {false, true}) {
        auto const source = scripted ? source_of({{"alter table children drop column parent",
                                                   "alter table children add column parent integer references parents"}})
                                     : source_of({{"alter table children drop column parent"}});
        db.run(
            "delete from toys; delete from children; delete from parents; insert into parents values (1, 'a'), (2, 'b');"
            "insert into children (id, parent, name) values (1, 1, 'x'), (2, 2, 'y')");
        (void)up(db, source);
        db.run("delete from parents where id = 2");
        auto const values = merged(down(db, source, keep).steps.at(0), db.named("children.parent"));
        CHECK_EQ(values.restored, 1);
        CHECK_EQ(values.orphaned, 1);
        CHECK_EQ(children(db), "1|1\n2|0");
        no_orphans(db);
        check_same_schema(schema, witness(db));
    }
}

ON_BOTH("story: rows of others that do not fulfil a foreign key stop the step, whatever is said about saved ones") {
    db.run(family);
    auto const source =
        source_of({{db.either("alter table children drop constraint children_parent_fkey",
                              "pragma foreign_keys = off; create table n (id integer primary key, parent integer, name text);"
                              "insert into n select * from children; drop table children; alter table n rename to children")}});
    (void)up(db, source);
    db.run("insert into children values (7, 77, 'theirs')");
    auto const before = witness(db);
    CHECK_EQ(down_error(db, source, keep).code, Code::refused);
    check_unchanged(before, witness(db));
}

ON_BOTH("story: rows without a key that refer to what is gone stop the step whatever is said, by the table's name") {
    db.run(
        "create table parents (id integer primary key); create table notes (parent integer references parents, body text);"
        "insert into parents values (1), (2); insert into notes values (1, 'x'), (2, 'secret'), (2, 'secret')");
    auto const source = source_of({{"delete from notes"}});
    (void)up(db, source);
    db.run("delete from parents where id = 2");
    auto const before = witness(db);
    for (auto const& options : {keep, null}) {
        auto const error = down_error(db, source, options);
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::rolled_back);
        CHECK_MESSAGE(error.message.find("saved rows of " + db.named("notes") + " have no key") != std::string::npos, error.message);
        CHECK_EQ(error.text().find("--on-orphan keep"), std::string::npos);
        CHECK_EQ(error.text().find("secret"), std::string::npos);  // P8
        check_unchanged(before, witness(db));
    }
    db.run("insert into parents values (2)");
    (void)down(db, source, keep);
    CHECK_EQ(db.count("select count(*) from notes where parent = 2"), 2);
}

namespace {

// The number of a deleted customer is given out again; `action`: what becomes of the orders meanwhile.
Source customers(Database& db, std::string const& action) {
    db.run(
        "create table customers (id integer primary key, name text, active integer);"
        "create table orders (id integer primary key, customer integer references customers on delete " +
        action +
        ", what text);"
        "insert into customers values (1, 'ann', 1), (2, 'bob', 1), (3, 'cy', 0);"
        "insert into orders values (1, 1, 'of ann'), (2, 3, 'of cy')");
    return source_of({{"delete from customers where active = 0"}});
}

constexpr char const* whose =
    "select o.what, coalesce(c.name, 'nobody') from orders o left join customers c on c.id = o.customer order by o.id";

}  // namespace

ON_BOTH("story: what comes back does not come under a row that has the number of another by now") {
    auto const source = customers(db, "set null");
    (void)up(db, source);
    db.run("insert into customers values (3, 'dora', 1)");
    auto target = Target::open(db.url()).value();
    auto const plan = plan_down(target, source).value();
    CHECK(std::any_of(plan.findings.begin(), plan.findings.end(), [](Finding const& f) { return f.code == "orphans"; }));
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.message.find("1 rows of " + db.named("orders") + " would come back under strangers"), std::string::npos);
    check_same(before, witness(db));
    auto const report = down(db, source, keep);
    CHECK_EQ(db.table(whose), "of ann|ann\nof cy|nobody");
    CHECK_EQ(merged(report.steps.at(0), db.named("orders.customer")).orphaned, 1);
    CHECK_EQ(db.table("select name from customers order by id"), "ann\nbob\ndora");
}

namespace {

void meets_strangers(Database& db, std::string const& renaming, std::string const& came) {
    auto const source = source_of({{customers(db, "set null").migrations.front().up.text + "; " + renaming}});
    (void)up(db, source);
    db.run(came);
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CHECK_MESSAGE(error.message.find("would come back under strangers") != std::string::npos, error.message);
    check_same(before, witness(db));
    (void)down(db, source, keep);
    CHECK_EQ(db.table(whose), "of ann|ann\nof cy|nobody");
}

}  // namespace

ON_BOTH("story: nor under one whose number the step has called otherwise") {
    meets_strangers(db, "alter table customers rename column id to number", "insert into customers values (3, 'dora', 1)");
}

ON_BOTH("story: nor under one whose table the step has called otherwise") {
    meets_strangers(db, "alter table customers rename to clients", "insert into clients values (3, 'dora', 1)");
}

ON_BOTH("story: rows that went with one whose number another has by now stay in their snapshot") {
    auto const source = customers(db, "cascade");
    (void)up(db, source);
    db.run("insert into customers values (3, 'dora', 1)");
    CHECK_EQ(down_error(db, source).code, Code::refused);
    (void)down(db, source, keep);
    CHECK_EQ(db.table(whose), "of ann|ann");
}

ON_BOTH("story: where keys are numbered anew, a child does not go back to a number that was taken since") {
    db.run(
        "create table p (id integer primary key, name text);"
        "create table c (id integer primary key, p integer references p on update cascade);"
        "insert into p values (1, 'a'), (2, 'b'); insert into c values (1, 1), (2, 2)");
    auto const source = source_of({{"update p set id = id + 100"}});
    (void)up(db, source);
    db.run("insert into p values (1, 'new')");
    CHECK_EQ(down_error(db, source).code, Code::refused);
    (void)down(db, source, keep);
    CHECK_EQ(db.table("select p.name from c join p on p.id = c.p order by c.id"), "a\nb");
}

ON_BOTH("story: what people call a row is the row, whoever made it again") {
    db.run(
        "create table countries (code text primary key, name text);"
        "create table towns (name text primary key, country text references countries on delete cascade);"
        "insert into countries values ('de', 'Germany'), ('fr', 'France'); insert into towns values ('Bonn', 'de'), ('Lyon', 'fr')");
    auto const source = source_of({{"delete from countries where code = 'de'"}});
    (void)up(db, source);
    db.run("insert into countries values ('de', 'Deutschland')");
    (void)down(db, source);
    CHECK_EQ(db.table("select t.name, c.name from towns t join countries c on c.code = t.country order by 1"),
             "Bonn|Deutschland\nLyon|France");
}
