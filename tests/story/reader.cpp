// The ledger by the eyes of a role that may not write: what it needs, and that it gets no more.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::string as_reader(std::string url) {
    std::string const owner = "user=undrop_owner";
    return url.replace(url.find(owner), owner.size(), "user=undrop_reader");
}

std::string saved_rows(Database& db) { return db.one("select store from undrop.snapshot"); }

Source dropping() {
    return source_of({{"create table people (id integer primary key, nick text); insert into people values (1, 'ann');"},
                      {"alter table people drop column nick;"}});
}

}  // namespace

ON_POSTGRES("story: a role that may not read the ledger is told which rights it lacks, and the statements that give them") {
    (void)up(db, dropping());
    auto target = Target::open(as_reader(db.url())).value();
    auto const asked = status(target, dropping());
    REQUIRE_FALSE(asked.has_value());
    CHECK_EQ(asked.error().code, Code::refused);
    CHECK_EQ(asked.error().left, Left::untouched);
    CHECK(has(asked.error().message, "undrop_reader may not read undrop's store"));
    CHECK(has(asked.error().message, "USAGE on schema"));
    CHECK_FALSE(log(target).has_value());
    auto const& advice = asked.error().next.advice;
    REQUIRE(has(advice, "let undrop_owner say: GRANT USAGE"));

    db.run(advice.substr(advice.find("GRANT USAGE")));
    auto const now = status(target, dropping());
    REQUIRE_MESSAGE(now.has_value(), now.error().text());
    CHECK_EQ(now.value().applied.size(), 2);
    CHECK_EQ(now.value().snapshots, 1);
    CHECK_EQ(log(target).value().size(), 2);
    auto older = dropping();
    older.migrations.resize(1);
    CHECK_EQ(status(target, older).value().applied.at(1).harms.size(), 1);
    auto pending = dropping();
    pending.migrations.push_back({.version = "3", .name = "more", .up = {"create table more (id integer);", "3_more.up.sql"}});
    auto const plan = plan_up(target, pending);
    REQUIRE_MESSAGE(plan.has_value(), plan.error().text());
    CHECK_EQ(plan.value().steps.size(), 1);

    // No row of a user's table can be read with that (P8), and the owner goes on as before.
    CHECK_EQ(db.one("select has_table_privilege('undrop_reader', 'undrop." + saved_rows(db) + "', 'select')"), "f");
    CHECK_EQ(up(db, pending).steps.size(), 1);
    CHECK_EQ(merged(down(db, pending, {}, {.to = "1"}).steps.at(1), "public.people.nick").restored, 1);
}

ON_POSTGRES("story: who owns the database does not matter to a role that can neither write to the store nor make one") {
    auto const name = db.one("select current_database()");
    auto const superuser = connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), name));
    superuser->run("alter database \"" + name + "\" owner to postgres; grant create on database \"" + name +
                   "\" to undrop_owner; grant create on schema public to undrop_owner");
    (void)up(db, dropping());
    db.run(
        "grant usage on schema undrop to undrop_reader; grant select on all tables in schema undrop to undrop_reader; revoke select on "
        "undrop." +
        saved_rows(db) + " from undrop_reader");
    {
        auto target = Target::open(as_reader(db.url())).value();
        auto const now = status(target, dropping());
        REQUIRE_MESSAGE(now.has_value(), now.error().text());
        CHECK_EQ(now.value().applied.size(), 2);
        // One that could make a store of its own is not told another's tales.
        superuser->run("grant create on database \"" + name + "\" to undrop_reader");
        CHECK_EQ(status(target, dropping()).error().code, Code::refused);
    }
    superuser->run("revoke create on database \"" + name + "\" from undrop_reader; alter database \"" + name + "\" owner to undrop_owner");
}

ON_POSTGRES("story: rights on saved rows, or for everybody, are not the owner's to have given unseen") {
    (void)up(db, dropping());
    auto const more = source_of({{"create table people (id integer primary key, nick text); insert into people values (1, 'ann');"},
                                 {"alter table people drop column nick;"},
                                 {"create table more (id integer);"}});
    for (auto const& right : {"select on undrop." + saved_rows(db) + " to undrop_reader", std::string("select on undrop.event to public"),
                              std::string("usage on schema undrop to public"), std::string("create on schema undrop to undrop_reader")}) {
        CAPTURE(right);
        db.run("grant " + right);
        CHECK_EQ(up_error(db, more).code, Code::refused);
        auto taken = right;
        db.run("revoke " + taken.replace(taken.rfind(" to "), 4, " from "));
    }
    CHECK_EQ(up(db, more).steps.size(), 1);
}

ON_POSTGRES("story: a session that may only read can ask for the status, the log and a plan") {
    (void)up(db, dropping());
    db.run("alter database \"" + db.one("select current_database()") + "\" set default_transaction_read_only = on");
    auto target = Target::open(db.url()).value();
    CHECK_EQ(status(target, dropping()).value().applied.size(), 2);
    CHECK_EQ(log(target).value().size(), 2);
    CHECK_EQ(plan_down(target, dropping()).value().steps.size(), 1);
    CHECK_EQ(migrate(target, dropping()).value().run, 0);
}
