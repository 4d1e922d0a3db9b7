// What a sandbox is filled with: the schema alone, some of the target's rows, all of them; and what does not leave the target.
#include "story/sandboxes.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

SandboxWish of(DataMode mode, std::int64_t rows = 0) { return {.data = {.mode = mode, .rows = rows}}; }

// Two tables that refer to each other, a composite key, rows that refer to their own table, a trigger that lets nothing in.
void make_company(Database& db) {
    db.run("create table team (id integer primary key, name text not null unique, lead integer)");
    db.run(db.either(
        "create table person (id integer primary key, team integer not null references team, boss integer references person, email "
        "text not null); alter table team add foreign key (lead) references person;",
        "drop table team; create table team (id integer primary key, name text not null unique, lead integer references person (id)); "
        "create table person (id integer primary key, team integer not null references team, boss integer references person, email "
        "text not null);"));
    db.run("create table place (x integer, y text, note text, primary key (x, y))");
    db.run("create table visit (person integer references person, x integer, y text, foreign key (x, y) references place)");
    db.run("insert into team select n, 'team ' || n, null from " + numbers(db, 1, 300));
    db.run("insert into person select n, (n * 7) % 300 + 1, case when n > 1 then n / 2 end, 'p' || n || '@real.example' from " +
           numbers(db, 1, 900));
    db.run("update team set lead = 901 - id where id % 50 = 0");
    db.run("insert into place select n, 'y' || n, 'note' from " + numbers(db, 1, 200));
    db.run("insert into visit select n, n % 200 + 1, 'y' || (n % 200 + 1) from " + numbers(db, 1, 400));
    db.run(db.either(
        "create function no() returns trigger language plpgsql as $$ begin raise exception 'fired'; end $$; create trigger t before "
        "insert or update on person for each row execute function no()",
        "create trigger t before insert on person begin select raise(abort, 'fired'); end"));
    db.run("create view names as select id, email from person");
    db.run("create index person_email on person (email)");
}

// Rows whose parent is missing.
std::int64_t orphans(Looked& box) {
    return box.count("select count(*) from person p where not exists (select 1 from team t where t.id = p.team)") +
           box.count("select count(*) from person p where boss is not null and not exists (select 1 from person b where b.id = p.boss)") +
           box.count("select count(*) from team t where lead is not null and not exists (select 1 from person p where p.id = t.lead)") +
           box.count("select count(*) from visit v where not exists (select 1 from place p where p.x = v.x and p.y = v.y)");
}

std::string const whole = "select id, team, boss, email from person order by id";

}  // namespace

ON_BOTH("with --data schema the sandbox has the target's schema and ledger, and none of its rows") {
    make_company(db);
    auto const first = Scripts{"create table mine (id integer)", "drop table mine"};
    (void)up(db, source_of({first}));
    Looked box(db.url(), of(DataMode::schema));
    CHECK(box.count("select count(*) from person") == 0);
    CHECK(box.count("select count(*) from names") == 0);
    CHECK(box.count("select count(*) from mine") == 0);
    CHECK(box.sandbox().notes.empty());
    REQUIRE(box.end());

    auto target = Target::open(db.url()).value();
    auto const source = source_of({first, {"alter table mine add column v text; alter table person add column phone text", std::nullopt}});
    auto const evidence = rehearse(target, source, {.data = {.mode = DataMode::schema}});
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    CHECK(evidence.value().exact());
    CHECK(evidence.value().migrations.size() == 1);
}

ON_BOTH("the sandbox's schema is the target's, as the witness sees it") {
    make_company(db);
    Looked box(db.url(), of(DataMode::sample, 5));
    auto const definitions = db.either(
        "select relname, relkind::text from pg_class where relnamespace = 'public'::regnamespace union all select conname, "
        "pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace union all select tgname, tgenabled::text "
        "from pg_trigger where not tgisinternal order by 1, 2",
        "select type, name, sql from sqlite_master where name not like 'undrop_%' order by 1, 2");
    CHECK(box.table(definitions) == db.table(definitions));
}

ON_BOTH("a sample has the first and the last rows of each table, and whatever they refer to, and fires nothing") {
    make_company(db);
    Looked box(db.url(), of(DataMode::sample, 10));
    CHECK(orphans(box) == 0);
    CHECK(box.table("select count(*) from visit") == "10");
    auto const persons = box.count("select count(*) from person");
    CHECK(persons >= 10);
    CHECK(persons < 300);
    CHECK(box.table("select min(id), max(id) from person") == "1|900");
    auto const ids = box.table("select id from person order by id");
    std::string in = ids;
    for (auto& c : in)
        if (c == '\n') c = ',';
    auto const same = "select id, team, boss, email from person where id in (" + in + ") order by id";
    CHECK(box.table(same) == db.table(same));
}

ON_BOTH("a sample of more rows than there are is everything") {
    make_company(db);
    Looked box(db.url(), of(DataMode::sample, 100'000));
    CHECK(box.table(whole) == db.table(whole));
    CHECK(box.table("select * from visit order by 1, 2") == db.table("select * from visit order by 1, 2"));
}

ON_BOTH("a mask is what leaves the target in a column's place, with sample and with full") {
    make_company(db);
    for (auto const mode : {DataMode::sample, DataMode::full}) {
        SandboxWish wish{.data = {.mode = mode, .masks = {{"person", "email", "'user' || id || '@masked'"}}}};
        Looked box(db.url(), wish);
        CHECK(box.count("select count(*) from person where email like '%real%'") == 0);
        CHECK(box.count("select count(*) from person where email = 'user' || id || '@masked'") > 90);
        CHECK(orphans(box) == 0);
        if (mode == DataMode::full) CHECK(box.count("select count(*) from person") == 900);
    }
    CHECK(db.count("select count(*) from person where email like '%real%'") == 900);
}

ON_POSTGRES("a mask holds for the rows of children, too, unless they have their own") {
    db.run(
        "create table person (id integer, email text); create table \"Old one\" (at date) inherits (person); create table older (x "
        "integer) "
        "inherits (\"Old one\"); insert into person values (1, 'real'); insert into \"Old one\" values (2, 'real'); "
        "insert into older values (3, 'real')");
    for (auto const mode : {DataMode::sample, DataMode::full}) {
        Looked box(db.url(), {.data = {.mode = mode, .masks = {{"person", "email", "'m'"}, {"older", "email", "'o'"}}}});
        CHECK(box.table("select id, email from person order by id") == "1|m\n2|m\n3|o");
    }
}

ON_POSTGRES("publications are there where the role can make them, and are named where not") {
    db.run(
        "create table t (id integer primary key, v text); create table w (v text); insert into w values ('a'); "
        "create publication told for table t (id), w");
    {
        Looked box(db.url(), of(DataMode::full));
        CHECK(box.table("select pubname, attnames from pg_publication_tables order by tablename") == "told|{id}\ntold|{v}");
        CHECK(box.sandbox().notes.empty());
        // As on the target.
        auto const refused = box.sandbox().backend().run("update w set v = 'b'");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().text().find("replica identity") != std::string::npos);
    }
    connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")))
        ->run("create publication everything for all tables");
    for (auto const mode : {DataMode::schema, DataMode::sample, DataMode::full}) {
        Looked box(db.url(), of(mode));
        CHECK(box.table("select count(*) from pg_publication") == "0");
        CHECK(mentions(box.sandbox().notes, "without the target's publications, since the role cannot make all of them: everything"));
    }
}

ON_BOTH("a mask that names nothing, or what rows refer to, is refused before anything is made") {
    make_company(db);
    auto const refused = [&](Mask const& mask) {
        Looked box(db.url(), {.data = {.mode = DataMode::sample, .masks = {mask}}});
        CHECK(box.error().code == Code::usage);
        CHECK(box.error().left == Left::untouched);
        return box.error().message;
    };
    CHECK(refused({"persn", "email", "''"}).find("names no table") != std::string::npos);
    CHECK(refused({"person", "emial", "''"}).find("names no column") != std::string::npos);
    CHECK(refused({"person", "id", "1"}).find("foreign key") != std::string::npos);
    Looked twice(db.url(), {.data = {.mode = DataMode::sample, .masks = {{"person", "email", "'a'"}, {"person", "email", "'b'"}}}});
    CHECK(twice.error().message.find("second one") != std::string::npos);
    CHECK(refused({"person", "email", "nonsense("}).find("none that the database understands") != std::string::npos);
}

ON_BOTH("what undrop saved of rows does not leave the target, but for a whole copy") {
    db.run("create table t (id integer primary key, secret text); insert into t values (1, 'a'), (2, 'b')");
    (void)up(db, source_of({{"alter table t drop column secret"}}));
    auto const saved = db.either("select count(*) from pg_tables where schemaname = 'undrop' and tablename like 'snapshot\\_%'",
                                 "select count(*) from sqlite_master where type = 'table' and name like 'undrop_snapshot\\_%' escape '\\'");
    REQUIRE(db.count(saved) == 1);
    for (auto const mode : {DataMode::schema, DataMode::synthetic, DataMode::sample}) {
        Looked box(db.url(), of(mode));
        CHECK(box.table(saved) == "0");
        CHECK(box.table(db.either("select count(*) from undrop.snapshot", "select count(*) from undrop_snapshot")) == "0");
        CHECK(box.table(db.either("select count(*) from undrop.event where kind = 'applied'",
                                  "select count(*) from undrop_event where kind = 'applied'")) == "1");
    }
    Looked box(db.url(), of(DataMode::full));
    CHECK(box.table(saved) == "1");
}

ON_POSTGRES("a sample goes through partitions and identities, and sequences go on") {
    db.run(
        "create table p (k integer primary key, v text) partition by range (k); create table p1 partition of p for values from (0) to "
        "(100); "
        "create table p2 partition of p for values from (100) to (1000); insert into p select n, 'v' || n from generate_series(1, 500) n");
    db.run(
        "create table g (id integer generated always as identity primary key, a integer, twice integer generated always as (a * 2) stored, "
        "p "
        "integer references p); insert into g (a, p) select n, 500 - n from generate_series(1, 300) n");
    Looked box(db.url(), of(DataMode::sample, 4));
    CHECK(box.table("select id, a, twice, p from g order by id") == "1|1|2|499\n2|2|4|498\n299|299|598|201\n300|300|600|200");
    CHECK(box.count("select count(*) from g where not exists (select from p where k = g.p)") == 0);
    CHECK(box.table("insert into g (a) values (7) returning id") == "301");
}

ON_SQLITE("a sample keeps counters, a full-text index and STRICT tables") {
    db.run(
        "create table c (id integer primary key autoincrement, t text); create virtual table f using fts5(t, content='c', "
        "content_rowid='id'); "
        "create table s (a any, b blob) strict; create table w (k text primary key, v) without rowid;"
        "with recursive n(n) as (select 1 union all select n + 1 from n where n < 50) insert into c (t) select 'word' || n from n;"
        "insert into s values (1, x'00'), ('1', x''); insert into w values ('a', 1), ('b', '1'); delete from c where id > 40");
    Looked box(db.url(), of(DataMode::sample, 6));
    CHECK(box.table("select id from c order by id") == "1\n2\n3\n38\n39\n40");
    CHECK(box.table("select rowid from f where f match 'word40'") == "40");
    CHECK(box.table("select typeof(a), hex(b) from s order by 1") == "integer|00\ntext|");
    CHECK(box.table("select k, typeof(v) from w order by 1") == "a|integer\nb|text");
    CHECK(box.table("select seq from sqlite_sequence where name = 'c'") == "50");
}

ON_BOTH("filling a sandbox is told, and can be interrupted, with nothing left") {
    make_company(db);
    int told = 0;
    SandboxWish wish = of(DataMode::sample, 1000);
    wish.on_rows = [&](Filling const& filling) {
        ++told;
        CHECK(filling.done <= filling.all);
        CHECK_FALSE(filling.table.empty());
    };
    (void)Looked(db.url(), wish).sandbox();
    CHECK(told > 0);
    wish.cancelled = [&] { return told > 1; };
    auto const sandboxes = [&] {
        return db.postgres()
                   ? db.table(
                         "select d.datname from pg_database d join pg_stat_activity a on a.datname = d.datname where d.datname like "
                         "'undrop_sandbox_%' and a.application_name = 'cancelled'")
                   : std::string();
    };
    wish.on_rows = [&](Filling const&) { told = 2; };
    told = 0;
    auto const url = db.postgres() ? db.url() + "&application_name=cancelled" : db.url();
    CHECK(Looked(url, wish).error().code == Code::interrupted);
    CHECK(sandboxes().empty());
    CHECK(db.count("select count(*) from person") == 900);
}
