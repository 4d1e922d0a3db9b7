// P8: whoever could not read the data before an up reads it nowhere afterwards: not by rights given beforehand for whatever is new, not in
// statistics, not in what undrop says, not in the server's log.
#include <fmt/format.h>

#include <fstream>
#include <set>
#include <sstream>

#include "story/story.hpp"
#include "support/server.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

// Values that no statement of the test's has in its text: the server makes them.
std::string secret(std::string const& number) { return "md5('undrop' || " + number + ")"; }

std::string const rows_to_hide =
    "create table people (id int primary key, name text, salary text);"
    "insert into people select n, 'p' || n, " +
    secret("n") +
    " from generate_series(1, 10) n;"
    "create table diary (id int primary key, who text, entry text);"
    "insert into diary select n, 'owner', " +
    secret("n + 10") +
    " from generate_series(1, 10) n;"
    "alter table diary enable row level security; create policy own on diary using (who = current_user);"
    "create table vault (code text primary key, what text);"
    "insert into vault select " +
    secret("n + 20") + ", " + secret("n + 30") +
    " from generate_series(1, 10) n;"
    "create table heap (what text);"
    "insert into heap select " +
    secret("n + 40") + " from generate_series(1, 10) n;";
// A value that is just not too long for a row.
std::string letter(std::string const& number) {
    return secret(number) + " || (select string_agg(md5('filler' || i || n), '') from generate_series(1, 45) i)";
}
std::string const letters =
    "create table letters (id int primary key, who text, what text);"
    "insert into letters select n, 'owner', " +
    letter("n + 80") +
    " from generate_series(1, 10) n;"
    "alter table letters enable row level security; create policy own on letters using (who = current_user);";
constexpr int secrets = 90;  // those from 51 to 80 are written later

std::string as_role(std::string url, std::string const& role) { return url.replace(url.rfind("owner"), 5, role); }

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

class Secrets {
public:
    explicit Secrets(Session& session) {
        for (auto const& line : session.rows(fmt::format("select {} from generate_series(1, {}) n", secret("n"), secrets)))
            values_.push_back(line.at(0).value_or(""));
    }
    [[nodiscard]] std::set<int> in(std::string const& text) const {
        std::set<int> found;
        for (std::size_t i = 0; i < values_.size(); ++i)
            if (has(text, values_[i])) found.insert(static_cast<int>(i) + 1);
        return found;
    }

private:
    std::vector<std::string> values_;
};

// All that a role can read in the whole database, as text.
std::string all_that_is_readable(Server const& server, std::string const& role) {
    connect_postgres(as_role(server.url(), "postgres"))
        ->run(
            "do $$ declare t regclass; begin for t in select oid from pg_class where relnamespace = to_regnamespace('undrop') and relkind "
            "= "
            "'r' loop execute format('analyze %s', t); end loop; end $$");
    auto const session = connect_postgres(as_role(server.url(), role));
    std::string text;
    auto const relations = session->rows(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind in ('r', 'p', 'v', 'm', 'S') and (n.nspname !~ '^pg_' or c.relname ~ '^pg_stat') and n.nspname <> "
        "'information_schema'");
    auto const toast = session->rows(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 't' "
        "and "
        "c.oid in (select reltoastrelid from pg_class where relnamespace = to_regnamespace('undrop'))");
    for (auto const& relation : toast) {
        try {
            text += session->table("select encode(chunk_data, 'escape') from " + *relation[0]) + "\n";
        } catch (Refused const&) {
        }
    }
    for (auto const& relation : relations) {
        try {
            text += session->table("select t::text from " + *relation[0] + " t") + "\n";
        } catch (Refused const&) {  // not for this role
        }
    }
    return text;
}

Report go(Server const& server, Source const& source, std::optional<Range> const& back = {}, Options const& options = {}) {
    auto target = Target::open(server.url()).value();
    auto plan = back ? plan_down(target, source, *back, options) : plan_up(target, source, {}, options);
    if (!plan) FAIL(plan.error().text());
    auto done = apply(target, approve(std::move(plan).value()).value(), options);
    if (!done) FAIL(done.error().text());
    return std::move(done).value();
}

std::string const takes_all =
    "alter table people drop column salary;\n"
    "delete from diary where id <= 3;\nupdate diary set entry = 'gone' where id > 3 and id < 7;\n"
    "update vault set code = 'c' || what, what = '' where code < '8';\ndelete from vault where code >= '8' and code < 'c';\n"
    "update heap set what = 'gone' where what < '8';\n";

}  // namespace

TEST_CASE("rights: what a role could not read, it finds nowhere after each step, whatever rights it has on new tables") {
    Server server;
    auto const superuser = connect_postgres(as_role(server.url(), "postgres"));
    superuser->run(
        "create role spy login; create role auditor login; grant pg_read_all_data to auditor; create role monitor login;"
        "alter default privileges for role owner grant all on tables to public; alter default privileges for role owner grant usage on "
        "schemas to public; alter default privileges for role owner grant select on tables to spy, auditor");
    auto const owner = connect_postgres(server.url());
    owner->run(rows_to_hide + letters +
               "revoke all on people, vault, heap from public, spy; grant select (id, name) on people to spy;"
               "revoke all on diary from public; grant select on diary to spy");
    Secrets const values(*owner);
    auto const of_spy = values.in(all_that_is_readable(server, "spy"));
    auto const of_auditor = values.in(all_that_is_readable(server, "auditor"));
    CHECK(of_spy.empty());
    CHECK_EQ(of_auditor.size(), 40);  // all but the diary's
    CHECK_FALSE(of_auditor.contains(11));
    CHECK_FALSE(of_auditor.contains(81));
    auto const nobody_sees_more = [&](std::string const& when) {
        CAPTURE(when);
        CHECK(values.in(all_that_is_readable(server, "spy")).empty());
        for (auto const seen : values.in(all_that_is_readable(server, "auditor"))) {
            CAPTURE(seen);
            CHECK((of_auditor.contains(seen) || (seen > 50 && seen <= 60)));
        }
        CHECK_EQ(superuser->one("select count(*) from pg_class c join pg_class t on t.oid = c.reltoastrelid where c.relnamespace = "
                                "'undrop'::regnamespace and has_table_privilege('spy', t.oid, 'select')"),
                 "0");
    };

    std::string const rewrites = "update letters set what = (select " + letter("-n") + " from (select letters.id as n) x);\n";
    auto const source = source_of({{takes_all + rewrites}, {"drop table people;\ndrop table vault;\ntruncate diary;"}});
    auto first = source;
    first.migrations.resize(1);
    (void)go(server, first);
    CHECK_EQ(values.in(all_that_is_readable(server, "owner")).size(), 60);  // all is there, for the owner
    nobody_sees_more("after the first up");
    owner->run(
        "alter default privileges in schema undrop grant select on tables to spy, auditor, public; grant usage on schema undrop to monitor;"
        "grant select on undrop.meta, undrop.event, undrop.script, undrop.object, undrop.snapshot, undrop.footprint, undrop.\"check\" to "
        "monitor; update people set name = " +
        secret("id + 50") + "; insert into diary select n + 100, 'owner', " + secret("n + 60") + " from generate_series(1, 10) n");
    (void)go(server, source);
    nobody_sees_more("after the second up");
    CHECK(values.in(all_that_is_readable(server, "monitor")).empty());
    (void)go(server, source, Range{.to = "0"});
    nobody_sees_more("after the down");
    (void)go(server, source);
    nobody_sees_more("after going up again");
    CHECK(values.in(all_that_is_readable(server, "monitor")).empty());
}

TEST_CASE("rights: a step that takes row security away first leaves no open snapshot of what that hid") {
    Server server;
    connect_postgres(as_role(server.url(), "postgres"))->run("create role auditor login; grant pg_read_all_data to auditor");
    auto const owner = connect_postgres(server.url());
    owner->run(rows_to_hide);
    Secrets const values(*owner);
    for (auto const* script : {"alter table diary disable row level security;\nupdate diary set entry = 'gone';",
                               "alter table diary disable row level security;\ndelete from diary;",
                               "alter table diary disable row level security;\nalter table diary drop column entry;",
                               "alter table diary disable row level security;\ndrop table diary;"}) {
        CAPTURE(script);
        (void)go(server, source_of({{script}}));
        CHECK_FALSE(values.in(all_that_is_readable(server, "auditor")).contains(11));
        CHECK(values.in(all_that_is_readable(server, "owner")).contains(11));
        (void)go(server, source_of({{script}}), Range{});
        CHECK_EQ(owner->one("select entry from diary where id = 1"), owner->one("select " + secret("11")));
    }
}

TEST_CASE("rights: another role can do nothing with the store's tables, and nothing that it tries changes them") {
    Server server;
    auto const superuser = connect_postgres(as_role(server.url(), "postgres"));
    superuser->run("create role spy login; grant create on database shop to spy; grant create on schema public to spy");
    connect_postgres(server.url())->run(rows_to_hide);
    (void)go(server, source_of({{takes_all}}));
    auto const spy = connect_postgres(as_role(server.url(), "spy"));
    auto const kept = superuser->table("select relname, relacl, relowner from pg_class where relnamespace = 'undrop'::regnamespace");
    for (auto const* attempt :
         {"select * from undrop.snapshot_1",
          "table undrop.event",
          "copy undrop.snapshot_1 to stdout",
          "create view v as select * from undrop.snapshot_1",
          "create table c (like undrop.snapshot_1)",
          "create publication p for table undrop.snapshot_1",
          "lock table undrop.snapshot_1",
          "explain select * from undrop.snapshot_1",
          "delete from undrop.snapshot_1",
          "alter table undrop.snapshot_1 owner to spy",
          "alter schema undrop owner to spy",
          "grant select on undrop.snapshot_1 to spy",
          "create rule r as on select to undrop.snapshot_1 do also notify x",
          "create policy p on undrop.snapshot_1",
          "create table child () inherits (undrop.snapshot_1)",
          "create table fk (id int references undrop.snapshot_1)",
          "create statistics s on k1, v1 from undrop.snapshot_1",
          "create table undrop.mine (i int)",
          "set role owner",
          "drop schema undrop cascade",
          "alter schema undrop rename to mine",
          "create trigger t before insert on undrop.event execute function suppress_redundant_updates_trigger()",
          "analyze verbose undrop.snapshot_1; select 1 / (count(*) - 1) from pg_stats where schemaname = 'undrop'; select 1 / 0"}) {
        CAPTURE(attempt);
        CHECK_THROWS_AS(spy->run(attempt), Refused);
    }
    CHECK_EQ(spy->count("select count(*) from pg_stats where schemaname = 'undrop'"), 0);
    CHECK_EQ(spy->count("select count(*) from pg_stats_ext where schemaname = 'undrop'"), 0);
    CHECK_EQ(superuser->table("select relname, relacl, relowner from pg_class where relnamespace = 'undrop'::regnamespace"), kept);
    (void)go(server, source_of({{takes_all}}), Range{});
    CHECK_EQ(superuser->one("select salary from people where id = 1"), superuser->one("select " + secret("1")));
}

ON_POSTGRES("rights: a publication of the store's schema is refused by its name before the next step") {
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    db.run("create table t (id int primary key, a text, b text); insert into t values (1, 'a', 'b')");
    auto const source = source_of({{"alter table t drop column a;"}, {"alter table t drop column b;"}});
    auto first = source;
    first.migrations.resize(1);
    (void)up(db, first);
    superuser->run("create publication leak for tables in schema undrop");
    auto const before = witness(db);
    for (auto const& error : {up_error(db, source), down_error(db, source)}) {
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK(has(error.message, "publication leak"));
        CHECK(has(error.next.advice, "--published-store"));
    }
    check_unchanged(before, witness(db));
    superuser->run("drop publication leak");
    (void)up(db, source);
}

namespace {

// Everything that a server can be told to log.
void log_all(Session& superuser) {
    superuser.run("load 'auto_explain'");
    for (auto const* setting :
         {"log_statement = 'all'", "log_min_duration_statement = 0", "log_parameter_max_length = -1",
          "log_parameter_max_length_on_error = -1", "log_error_verbosity = 'verbose'", "log_min_messages = 'debug1'",
          "log_min_error_statement = 'debug1'", "log_lock_waits = on", "log_temp_files = 0", "debug_print_plan = on",
          "session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0", "auto_explain.log_nested_statements = on",
          "auto_explain.log_verbose = on", "auto_explain.log_analyze = on", "track_activity_query_size = '1MB'", "compute_query_id = on"})
        superuser.run(std::string("alter system set ") + setting);
}

std::string log_of(Server const& server) {
    std::ifstream file(server.socket() + "/data/log", std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("rights: saved values are in no statement, no parameter, no log, no report and no ledger text") {
    Server server;
    log_all(*connect_postgres(as_role(server.url(), "postgres")));
    server.stop_at_once();
    server.start();
    auto const superuser = connect_postgres(as_role(server.url(), "postgres"));
    auto const owner = connect_postgres(server.url());
    owner->run(
        rows_to_hide + "create table numbers (id int primary key, n bigint, t text); insert into numbers select n, n, " + secret("n + 40") +
        " from generate_series(1, 10) n; create procedure batches() language plpgsql as $$ begin update numbers set t = 'gone' where "
        "id < 6; commit; delete from numbers where id >= 6; end $$");
    Secrets const values(*connect_postgres("postgresql:///postgres?host=" + server.socket() + "&port=5432&user=postgres"));
    auto const in_log_before = values.in(log_of(server));  // none: reading them logs no result
    CHECK(in_log_before.empty());

    std::string said;
    Options options;
    options.on_event = [&](Event const& event) {
        said += event.text + superuser->table("select query from pg_stat_activity where usename = 'owner'");
    };
    auto const tell = [&](auto const& report) {
        std::ostringstream text;
        text << report;
        said += text.str() + to_json(report) + to_markdown(report);
    };
    auto const source =
        source_of({{takes_all},
                   {"alter table numbers alter column t type varchar(5) using '';", "alter table numbers alter column t type text;"},
                   {"-- undrop: no-transaction\ncall batches();"},
                   {"drop table vault;\ntruncate heap;\ndrop table people;"},
                   {"alter table diary add column mood text;\nupdate diary set mood = 'ok';", "alter table diary drop column mood;"}});
    auto target = Target::open(server.url()).value();
    for (int round = 0; round < 2; ++round) {
        auto const forth = plan_up(target, source, {}, options).value();
        tell(forth);
        tell(apply(target, approve(forth).value(), options).value());
        owner->run("update diary set mood = " + secret("id + 60") + " where id > 3; insert into diary select n + 200, 'owner', " +
                   secret("n + 70") + ", 'x' from generate_series(1, 10) n on conflict do nothing");
        auto const back = plan_down(target, source, {.to = "0"}, options).value();
        tell(back);
        tell(apply(target, approve(back).value(), options).value());
    }
    CHECK_EQ(
        values.in(owner->table("select * from people") + owner->table("select * from vault") + owner->table("select * from heap")).size(),
        40);
    said += to_json(verify_snapshots(target).value()) + to_json(snapshots(target).value()) + to_json(log(target).value()) +
            to_json(status(target, source).value());
    std::string exported;
    (void)export_snapshots(target, [&](std::string_view part) -> Result<void> {
        exported += part;
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }).value();
    (void)purge_snapshots(target, plan_purge(target, {.ids = {1}}).value()).value();
    std::size_t at = 0;
    (void)import_snapshots(target, [&]() -> Result<std::string> { return exported.substr(std::exchange(at, exported.size())); }).value();
    if (auto const rehearsed = rehearse(target, source, {.data = {.mode = DataMode::full}}); rehearsed.has_value())
        said += to_json(rehearsed.value()) + to_markdown(rehearsed.value());
    else
        FAIL(rehearsed.error().text());
    for (auto const* table : {"meta", "event", "script", "object", "snapshot", "footprint", "\"check\"", "journal"})
        said += owner->table(std::string("select t::text from undrop.") + table + " t");

    CHECK_EQ(values.in(said), std::set<int>{});
    auto const logged = log_of(server);
    CHECK(has(logged, "undrop"));
    CHECK(has(logged, "Query Text: "));  // auto_explain
    CHECK(has(logged, "snapshot_1"));
    CHECK_EQ(values.in(logged), std::set<int>{});
    // What is looked for would be found.
    owner->run("select '" + owner->one("select " + secret("1")) + "'");
    CHECK_EQ(values.in(log_of(server)), std::set<int>{1});
}

TEST_CASE("rights: an error on the way back names tables and numbers, and no value of a row") {
    Server server;
    auto const owner = connect_postgres(server.url());
    owner->run(rows_to_hide + "alter table people add unique (salary); alter table people alter column salary set not null");
    Secrets const values(*owner);
    auto const refused = [&](Source const& source) {
        auto target = Target::open(server.url()).value();
        auto plan = plan_down(target, source).value();
        auto const done = apply(target, approve(std::move(plan)).value());
        REQUIRE_FALSE(done.has_value());
        CAPTURE(done.error().text());
        CHECK_EQ(values.in(done.error().text()), std::set<int>{});
        CHECK_EQ(values.in(to_json(log(target).value())), std::set<int>{});
    };
    // A down script of the author's that trips over rows.
    for (auto const* down_script : {"insert into vault select code, '' from vault;", "select code::int from vault;",
                                    "insert into people (id, name, salary) values "
                                    "(99, 'x', (select salary from people where id = 1));",
                                    "alter table vault add check (code < 'a');", "update people set salary = null;",
                                    "do $$ begin raise '%', (select max(code) from vault); end $$;"}) {
        CAPTURE(down_script);
        auto const source = source_of({{"create table later (i int);", down_script}});
        (void)go(server, source);
        if (std::string(down_script).find("raise '%'") == std::string::npos) refused(source);  // what an author raises is the author's
        (void)go(server, source, Range{}, {.derive = true});
    }
}
