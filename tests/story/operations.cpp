// What docs/operations.md says of a database that undrop works on for years: backups, owners, statistics, numbers that run out.
#include <fmt/format.h>

#include "story/story.hpp"
#include "support/server.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::string as_role(std::string url, std::string const& role) { return url.replace(url.rfind("owner"), 5, role); }

Result<Report> go(std::string const& url, Source const& source, bool back = false) {
    auto target = Target::open(url).value();
    auto plan = back ? plan_down(target, source) : plan_up(target, source);
    if (!plan) return plan.error();
    auto approved = approve(std::move(plan).value());
    if (!approved) return approved.error();
    return apply(target, approved.value());
}

std::optional<Finding> finding(std::vector<Finding> const& findings, std::string const& code) {
    for (auto const& found : findings)
        if (found.code == code) return found;
    return {};
}

Status status_of(std::string const& url, Source const& source) {
    auto target = Target::open(url).value();
    return status(target, source).value();
}

// Standard output of pg_dump; nothing: it failed.
std::optional<std::string> dumped(std::string const& url, std::string const& flags = "") {
    try {
        return output_of("pg_dump " + flags + " " + shell_quoted(url) + " 2>/dev/null");
    } catch (std::exception const&) {
        return {};
    }
}

void restore(std::string const& url, std::string const& dump) {
    Directory const directory;
    directory.write("dump.sql", dump);
    (void)output_of("psql -X -q -v ON_ERROR_STOP=1 -f " + directory.path() + "/dump.sql " + shell_quoted(url));
}

Source drops_secret() { return source_of({{"alter table t drop column secret;"}}); }
constexpr char const* with_secret =
    "create table t (id int primary key, secret text, name text); insert into t values (1, 's1', 'a'), (2, 's2', 'b')";

}  // namespace

TEST_CASE("operations: a nightly pg_dump by a role that only reads: plan and status name it, and what they advise works") {
    Server server;
    auto const superuser = connect_postgres(as_role(server.url(), "postgres"));
    superuser->run("create role nightly login");
    auto const owner = connect_postgres(server.url());
    owner->run(std::string(with_secret) + "; grant select on t to nightly");
    auto const nightly = as_role(server.url(), "nightly");
    REQUIRE(dumped(nightly).has_value());
    auto const source = drops_secret();

    auto target = Target::open(server.url()).value();
    auto const told = finding(plan_up(target, source).value().findings, "backup");
    REQUIRE(told.has_value());  // before it happens
    CHECK(has(told->text, "nightly"));
    REQUIRE(go(server.url(), source).has_value());
    CHECK_FALSE(dumped(nightly).has_value());
    auto const warning = finding(status(target, source).value().findings, "backup");
    REQUIRE(warning.has_value());
    CHECK(has(warning->text, "nightly"));
    CHECK(has(warning->next.advice, "pg_dump -N undrop"));
    CHECK(has(warning->next.advice, "GRANT pg_read_all_data TO \"nightly\""));
    CHECK_FALSE(finding(plan_down(target, source).value().findings, "backup").has_value());  // said once, and by status

    // Without the store.
    auto const rest = dumped(nightly, "-N undrop");
    REQUIRE(rest.has_value());
    CHECK(has(*rest, "COPY public.t"));
    CHECK_FALSE(has(*rest, "undrop"));
    // With it.
    superuser->run("grant pg_read_all_data to nightly");
    auto const all = dumped(nightly);
    REQUIRE(all.has_value());
    CHECK(has(*all, "COPY undrop.snapshot_1"));
    CHECK_FALSE(finding(status(target, source).value().findings, "backup").has_value());

    // Saved rows under row level security.
    owner->run(
        "create table guarded (id int primary key, what text); insert into guarded values (1, 'x'); alter table guarded enable row level "
        "security; create policy p on guarded using (true)");
    auto const more = source_of({{"alter table t drop column secret;"},
                                 {"alter table guarded drop column what;\nalter table guarded disable "
                                  "row level security;"}});
    REQUIRE(go(server.url(), more).has_value());
    CHECK_FALSE(dumped(nightly).has_value());
    auto const rows = finding(status(target, more).value().findings, "backup");
    REQUIRE(rows.has_value());
    CHECK(has(rows->next.advice, "ALTER ROLE \"nightly\" BYPASSRLS"));
    superuser->run("alter role nightly bypassrls");
    CHECK(dumped(nightly).has_value());
    CHECK(status(target, more).value().findings.empty());
}

TEST_CASE("operations: a dump has the way back in it: restored anywhere, the ledger and the snapshots work") {
    Server server;
    auto const owner = connect_postgres(server.url());
    owner->run(with_secret);
    REQUIRE(go(server.url(), drops_secret()).has_value());
    auto const dump = dumped(server.url());
    auto const store = dumped(server.url(), "-n undrop");
    REQUIRE(dump.has_value());
    REQUIRE(store.has_value());
    connect_postgres(as_role(server.url(), "postgres"))->run("create database elsewhere owner owner");
    auto const elsewhere = with_database(server.url(), "elsewhere");
    restore(elsewhere, *dump);
    CHECK_EQ(status_of(elsewhere, drops_secret()).applied.size(), 1);
    REQUIRE(go(elsewhere, source_of({}), true).has_value());
    CHECK_EQ(connect_postgres(elsewhere)->table("select id, secret, name from t order by id"), "1|s1|a\n2|s2|b");

    // Where only the store was lost, it alone is put back.
    owner->run("drop schema undrop cascade");
    CHECK_FALSE(status_of(server.url(), drops_secret()).has_ledger);
    restore(server.url(), *store);
    REQUIRE(go(server.url(), source_of({}), true).has_value());
    CHECK_EQ(owner->table("select id, secret, name from t order by id"), "1|s1|a\n2|s2|b");
}

TEST_CASE("operations: roles that go: DROP OWNED BY another one changes nothing, REASSIGN OWNED hands the store over") {
    Server server;
    auto const superuser = connect_postgres(as_role(server.url(), "postgres"));
    superuser->run("create role leaving login; create role heir login; grant create on database shop to heir");
    auto const owner = connect_postgres(server.url());
    owner->run(with_secret);
    REQUIRE(go(server.url(), drops_secret()).has_value());
    owner->run("grant usage on schema undrop to leaving; grant select on undrop.event to leaving; grant select on t to leaving");
    superuser->run("drop owned by leaving; drop role leaving");
    REQUIRE(go(server.url(), drops_secret(), true).has_value());
    CHECK_EQ(owner->one("select secret from t where id = 1"), "s1");
    REQUIRE(go(server.url(), drops_secret()).has_value());

    // In a migration it would take the store along.
    auto const taken = go(server.url(), source_of({{"alter table t drop column secret;"}, {"drop owned by current_user;"}}));
    REQUIRE_FALSE(taken.has_value());
    CHECK_EQ(taken.error().code, Code::refused);
    CHECK_EQ(taken.error().left, Left::rolled_back);
    CHECK(has(taken.error().message, "undrop's own store"));

    superuser->run("reassign owned by owner to heir; alter database shop owner to heir; grant create on schema public to heir");
    auto const theirs = go(server.url(), drops_secret(), true);
    REQUIRE_FALSE(theirs.has_value());
    CHECK_EQ(theirs.error().left, Left::untouched);
    auto const heir = as_role(server.url(), "heir");
    REQUIRE(go(heir, drops_secret(), true).has_value());
    CHECK_EQ(superuser->table("select id, secret, name from t order by id"), "1|s1|a\n2|s2|b");
}

ON_POSTGRES("operations: a column that comes back last: plan and report say so, for INSERTs without a column list mean others then") {
    db.run("create table t (id int primary key, b text, c text); insert into t values (1, 'b', 'c')");
    auto const source = source_of({{"alter table t drop column b;"}});
    auto target = Target::open(db.url()).value();
    std::string const note = "back as the last column: mind INSERTs without a column list";
    CHECK(mentions(plan_up(target, source).value().steps.at(0).notes, "public.t.b would come " + note));
    (void)up(db, source);
    CHECK(mentions(plan_down(target, source).value().steps.at(0).notes, "public.t.b comes " + note));
    CHECK(mentions(down(db, source).steps.at(0).notes, "public.t.b came " + note));
    db.run("insert into t values (2, 'b', 'c')");  // as old code has it
    CHECK_EQ(db.table("select id, b, c from t order by id"), "1|b|c\n2|c|b");
    CHECK_FALSE(mentions(plan_up(target, source).value().steps.at(0).notes, "last column: mind"));  // it is the last one now
}

ON_POSTGRES("operations: column numbers that run out: status and plan warn from 1,200 on, and at the end a step is taken back") {
    db.run("create table t (id int primary key, b text); insert into t values (1, 'b')");
    auto const source = source_of({{"alter table t add column more text;"}});
    auto target = Target::open(db.url()).value();
    auto const use_up_to = [&](int numbers) {
        db.run(fmt::format(
            "do $$ begin while (select relnatts from pg_class where oid = 't'::regclass) < {} loop alter table t add column x int; "
            "alter table t drop column x; end loop; end $$",
            numbers));
    };
    use_up_to(1199);
    (void)up(db, source);
    (void)down(db, source);
    CHECK_EQ(db.one("select relnatts from pg_class where oid = 't'::regclass"), "1200");
    auto const warned = [&](std::vector<Finding> const& findings) {
        auto const found = finding(findings, "columns");
        return found && found->severity == Finding::Severity::warning && has(found->text, "public.t has used 1200 of the 1600") &&
               has(found->text, "for the 2 columns");
    };
    CHECK(warned(status(target, source).value().findings));
    CHECK(warned(plan_up(target, source).value().findings));
    db.run("create table u (id int primary key)");
    CHECK_EQ(status(target, source).value().findings.size(), 1);

    // The last number goes to the up, and none is left for the way back of what it dropped.
    use_up_to(1599);
    auto const swaps = source_of({{"alter table t drop column b;\nalter table t add column more text;"}});
    (void)up(db, swaps);
    auto const before = witness(db);
    auto const error = down_error(db, swaps);
    CAPTURE(error.text());
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK(has(error.text(), "1600"));
    check_unchanged(before, witness(db));
    // As docs/operations.md says: the table made anew has its numbers again.
    db.run(
        "create table t2 (like t including all); insert into t2 select * from t; drop table t; alter table t2 rename to t; "
        "alter index t2_pkey rename to t_pkey");
    (void)down(db, swaps, {.accept_drift = true});
    CHECK_EQ(db.table("select id, b from t"), "1|b");
}

ON_POSTGRES("operations: after a big restore the planner knows what is there, at once") {
    db.run(
        "create table t (id int primary key, kind text, n int) with (autovacuum_enabled = false);"
        "insert into t select n, case when n % 100 = 0 then 'rare' else 'common' end, n from generate_series(1, 5000) n;"
        "create table gone (id int primary key, what text) with (autovacuum_enabled = false);"
        "insert into gone select n, 'x' from generate_series(1, 5000) n; create index on gone (what); create table few (id int primary "
        "key, w "
        "text); insert into few values (1, 'x')");
    auto const source = source_of({{"alter table t drop column kind;\ndrop table gone;\nalter table few drop column w;"}});
    (void)up(db, source);
    (void)down(db, source);
    CHECK_EQ(db.one("select most_common_vals::text from pg_stats where tablename = 't' and attname = 'kind'"), "{common,rare}");
    CHECK_EQ(db.one("select reltuples::int from pg_class where relname = 'gone'"), "5000");
    CHECK_EQ(db.count("select count(*) from pg_stats where tablename = 'gone'"), 2);
    // Up again what users had written into what an up made.
    auto const adds = source_of({{"alter table t add column extra int;"}});
    auto const other = Database::make(Engine::postgres);
    other->run("create table t (id int primary key) with (autovacuum_enabled = false); insert into t select generate_series(1, 5000)");
    (void)up(*other, adds);
    other->run("update t set extra = 7");
    (void)down(*other, adds);
    CHECK_EQ(other->count("select count(*) from pg_stats where tablename = 't'"), 0);
    (void)up(*other, adds);
    CHECK_EQ(other->one("select most_common_vals::text from pg_stats where tablename = 't' and attname = 'extra'"), "{7}");
}

ON_SQLITE("operations: where ANALYZE was used, its statistics are there again after a restore, and nowhere else") {
    db.run("create table t (id integer primary key, kind text); create index t_kind on t (kind); insert into t select n, n % 7 from " +
           numbers(db, 1, 2'000));
    auto const source = source_of({{"drop table t;"}});
    auto before = witness(db);
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
    CHECK_EQ(db.count("select count(*) from sqlite_schema where name = 'sqlite_stat1'"), 0);
    db.run("analyze t");
    auto const statistics = db.table("select tbl, idx, stat from sqlite_stat1 order by 1, 2");
    CHECK_NE(statistics, "");
    before = witness(db);
    (void)up(db, source);
    CHECK_EQ(db.table("select tbl, idx, stat from sqlite_stat1"), "");
    (void)down(db, source);
    CHECK_EQ(db.table("select tbl, idx, stat from sqlite_stat1 order by 1, 2"), statistics);
    check_same(before, witness(db));
}

ON_POSTGRES("operations: a session that prepared SELECT * before gets an error once, and goes on when it prepares anew") {
    db.run("create table t (id int primary key, c text); insert into t values (1, 'c')");
    auto const session = db.connect();
    session->run("prepare q as select * from t; prepare named as select id from t");
    CHECK_EQ(session->table("execute q"), "1|c");
    (void)up(db, source_of({{"alter table t drop column c;"}}));
    CHECK_THROWS_WITH_AS(session->run("execute q"), doctest::Contains("cached plan must not change result type"), Refused);
    CHECK_EQ(session->table("execute named"), "1");
    session->run("deallocate q; prepare q as select * from t");
    CHECK_EQ(session->table("execute q"), "1");
}

ON_BOTH("operations: plan says that what is saved stays, and not where nothing is") {
    db.run("create table t (id integer primary key, mail text, n text); insert into t values (1, 'ann@x', 'n')");
    auto target = Target::open(db.url()).value();
    auto const says = [&](char const* script) {
        return mentions(plan_up(target, source_of({{script}})).value().steps.at(0).notes, "personal data too, until `snapshots purge`");
    };
    CHECK(says("alter table t drop column mail;"));
    CHECK(says("drop table t;"));
    CHECK_FALSE(says("create table u (id integer primary key);"));
    CHECK_FALSE(says("-- undrop: lose t.mail\nalter table t drop column mail;"));
}

ON_BOTH("operations: what is no key is not taken for one: plan says that the table has none") {
    for (auto const& [kind, has_key] : std::vector<std::pair<std::string, bool>>{
             {"create unique index i on t (a)", true},
             {"create unique index i on t (a) where a > 0", false},
             {"create unique index i on t (abs(a))", false},
             {"create unique index i on t (b)", false},  // may be NULL
             {"create index i on t (a)", false},
             {db.either("alter table t add constraint i unique (a) deferrable", "create index i on t (a)"), false},
             {db.either("create unique index i on t (a); update pg_index set indisvalid = false where indexrelid = 'i'::regclass",
                        "create unique index i on t (a, b)"),
              false}}) {
        CAPTURE(kind);
        auto const other = Database::make(db.engine());
        other->run("create table t (a integer not null, b integer, c text); insert into t values (1, 1, 'x'), (2, null, 'y')");
        if (kind.find("pg_index") != std::string::npos)
            connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), other->one("select current_database()")))
                ->run(kind);
        else
            other->run(kind);
        auto const source = source_of({{"alter table t drop column c;"}});
        auto target = Target::open(other->url()).value();
        CHECK_EQ(mentions(plan_up(target, source).value().steps.at(0).notes, "t has no key"), !has_key);
        (void)up(*other, source);
        (void)down(*other, source);
        CHECK_EQ(other->table("select a, c from t order by a"), "1|x\n2|y");
    }
}

ON_POSTGRES("operations: a script that switches the counters off loses nothing unseen") {
    db.run("create table t (id int primary key, c text); insert into t select n, 'c' || n from generate_series(1, 20) n");
    auto const before = witness(db);
    auto const url = with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"));
    for (auto const* script : {"set track_counts = off;\nupdate t set c = 'gone' where id <= 10;\ndelete from t where id = 20;",
                               "set local track_counts = off;\ntruncate t;",
                               "do $$ begin perform set_config('track_counts', 'off', true); "
                               "update t set c = 'gone'; end $$;"}) {
        CAPTURE(script);
        auto const source = source_of({{script}});
        auto const went = go(url, source);
        if (!went) FAIL(went.error().text());
        auto const back = go(url, source, true);
        if (!back) FAIL(back.error().text());
        check_same(before, witness(db));
    }
}

ON_SQLITE("operations: texts with NUL bytes and of no encoding come back byte for byte, as values and as keys") {
    std::string const odd = "cast(x'61006200' as text)";
    std::string const bad = "cast(x'ff00c3' as text)";
    db.run(
        "create table t (k text primary key, c text, d blob) without rowid; create table keyless (c text); create table gone (c text);"
        "insert into t values (" +
        odd + ", " + bad + ", x'00'), (" + bad + ", " + odd +
        ", x'ff'), ('a', '', null);"
        "insert into keyless values (" +
        odd + "), (" + odd + "), (" + bad + "); insert into gone values (" + bad + "), ('')");
    auto const all = [&] {
        return db.table(
            "select 1, hex(k), typeof(c), hex(c), typeof(d), hex(d) from t union all select 2, '', typeof(c), hex(c), '', '' from "
            "keyless union all select 3, '', typeof(c), hex(c), '', '' from gone order by 1, 2, 4");
    };
    auto const before = all();
    auto const source =
        source_of({{"update keyless set c = 'new' where hex(c) = '61006200';\ndelete from keyless where c <> 'new';\n"
                    "update t set d = x'01';\ndelete from t where k = 'a';\nalter table t drop column c;\ndrop table gone;"}});
    for (int round = 0; round < 2; ++round) {
        (void)up(db, source);
        (void)down(db, source);
        CHECK_EQ(all(), before);
    }
    // Users' own such values in what an up makes.
    auto const adds = source_of({{"alter table t drop column d;\nalter table t add column e text;"}});
    auto const other = Database::make(Engine::sqlite);
    other->run("create table t (k text primary key, d text); insert into t values (" + odd + ", 'd')");
    (void)up(*other, adds);
    other->run("update t set e = " + bad);
    (void)down(*other, adds);
    (void)up(*other, adds);
    CHECK_EQ(other->table("select hex(k), typeof(e), hex(e) from t"), "61006200|text|FF00C3");
}

ON_SQLITE("operations: a user's tables named undrop_... are the user's, and one in the ledger's place is refused at the first start") {
    db.run(
        "create table undrop_x (id integer primary key, c text); insert into undrop_x values (1, 'mine');"
        "create table undrop_snapshots (id integer primary key, c text); insert into undrop_snapshots values (2, 'mine too')");
    auto const source = source_of({{"alter table undrop_x drop column c;\ndrop table undrop_snapshots;"}});
    (void)up(db, source);
    CHECK_THROWS_AS((void)db.one("select c from undrop_x"), Refused);
    (void)down(db, source);
    CHECK_EQ(db.one("select c from undrop_x"), "mine");
    CHECK_EQ(db.one("select c from undrop_snapshots where id = 2"), "mine too");

    for (auto const* taken : {"undrop_snapshot_7", "undrop_meta", "undrop_script", "Undrop_Check", "undrop_footprint_1"}) {
        CAPTURE(taken);
        auto const other = Database::make(Engine::sqlite);
        other->run(std::string("create table ") + taken + " (mine text); insert into " + taken + " values ('precious')");
        auto const error = up_error(*other, source_of({{"create table a (id integer primary key);"}}));
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK(has(error.message, taken));
        CHECK(has(error.next.advice, "--ledger NAME"));
        CHECK_EQ(other->one(std::string("select mine from ") + taken), "precious");
        (void)up(*other, source_of({{"create table a (id integer primary key);"}}), {.ledger = "ours"});
        (void)down(*other, source_of({}), {.ledger = "ours"});
        CHECK_EQ(other->one(std::string("select mine from ") + taken), "precious");
    }
}
