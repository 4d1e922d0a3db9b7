// Columns of another type by the time of the way back: what no longer converts is refused by number, and a column that others renamed is
// found again.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

void is_refused(Database& db, Source const& source, std::vector<std::string> const& parts) {
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CAPTURE(error.text());
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.left, Left::changed);
    for (auto const& part : parts) CHECK_NE(error.message.find(part), std::string::npos);
    CHECK_EQ(error.text().find("secret"), std::string::npos);  // P8
    CHECK_EQ(error.next.command, "down");
    CHECK_FALSE(error.next.advice.empty());
    check_unchanged(before, witness(db));
}

constexpr char const* numbers_as_text =
    "create table t (id integer primary key, n integer); insert into t values (1, 10), (2, 20), (3, 30)";
constexpr char const* others_wrote = "update t set n = 'secret' where id = 2; insert into t values (4, 'secret 4'), (5, '50')";

}  // namespace

ON_POSTGRES("story: values that do not convert back are refused with the table, the column and their number") {
    db.run(numbers_as_text);
    for (auto const& down_script :
         {std::optional<std::string>{}, std::optional<std::string>{"alter table t alter n type integer using n::integer"}}) {
        auto const source = source_of({{"alter table t alter n type text", down_script}});
        (void)up(db, source);
        db.run(others_wrote);
        is_refused(db, source, {"2 rows of public.t", " n "});
        db.run("update t set n = '21' where id = 2; delete from t where id > 3");
        (void)down(db, source);
        CHECK_EQ(db.table("select id, n + 0 from t order by id"), "1|10\n2|21\n3|30");
        db.run("update t set n = 20 where id = 2");
    }
}

ON_POSTGRES("story: values that are too long by now are refused, too") {
    db.run("create table t (id integer primary key, n varchar(3) collate \"C\"); insert into t values (1, 'abc')");
    auto const source = source_of({{"alter table t alter n type text"}});
    (void)up(db, source);
    db.run("insert into t values (2, 'secret')");
    is_refused(db, source, {"1 row of public.t", " n "});
}

ON_SQLITE("story: values that a strict table does not take any more are refused with the table and their number") {
    db.run("create table t (id integer primary key, n integer) strict; insert into t values (1, 10), (2, 20), (3, 30)");
    auto const source =
        source_of({{"create table u (id integer primary key, n text) strict; insert into u select id, n from t;"
                    "drop table t; alter table u rename to t"}});
    (void)up(db, source);
    db.run(others_wrote);
    is_refused(db, source, {"2 rows of t"});
    db.run("update t set n = '21' where id = 2; delete from t where id > 3");
    (void)down(db, source);
    CHECK_EQ(db.table("select id, n + 0 from t order by id"), "1|10\n2|21\n3|30");
}

ON_SQLITE("story: values that a check forbids by the way back are refused with the table and their number") {
    db.run("create table t (id integer primary key, n text check (n <> 'secret')); insert into t values (1, 'a')");
    auto const source =
        source_of({{"create table u (id integer primary key, n text); insert into u select id, n from t;"
                    "drop table t; alter table u rename to t"}});
    (void)up(db, source);
    db.run("insert into t values (2, 'secret'), (3, 'b')");
    is_refused(db, source, {"1 rows of t"});
}

ON_POSTGRES("story: a retyped column that others renamed gets its name and its values back") {
    db.run("create table t (id integer primary key, n numeric(4,2)); insert into t values (1, 1.25), (2, 2.50)");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t alter n type integer using round(n)::integer"}});
    (void)up(db, source);
    db.run("alter table t rename column n to amount");
    CHECK_NE(down_error(db, source).message.find("public.t.n"), std::string::npos);
    auto const report = down(db, source, {.accept_drift = true});
    CHECK(mentions(report.steps.at(0).notes, "amount"));
    check_same(before, witness(db));
}

ON_POSTGRES("story: a column that the up renamed and others renamed once more gets both names back, and its values") {
    db.run("create table t (id integer primary key, c text); insert into t values (1, 'a'), (2, 'b')");
    auto const before = witness(db);
    auto const source = source_of({{"update t set c = upper(c); alter table t rename column c to d; alter table t rename to u"}});
    (void)up(db, source);
    db.run("alter table u rename column d to e");
    auto const report = down(db, source, {.accept_drift = true});
    CHECK(mentions(report.steps.at(0).notes, "renamed to e since, has its old name again"));
    check_same(before, witness(db));
}

ON_POSTGRES("story: a retyped column that others renamed gets its values back in the tables that inherit it, too") {
    db.run(
        "create table p (id integer primary key, n numeric(4,2)); create table k (primary key (id)) inherits (p); "
        "insert into p values (1, 1.25); insert into k values (2, 2.50)");
    auto const before = witness(db);
    auto const source = source_of({{"alter table p alter n type integer using round(n)::integer"}});
    (void)up(db, source);
    db.run("alter table p rename column n to amount");
    (void)down(db, source, {.accept_drift = true});
    check_same(before, witness(db));
}

// The old row may come back beside the one that the user wrote; in another's place that would be lost (P2).
ON_POSTGRES("story: a user's value never ends in another row, whatever values a script deals out anew and however rows lie") {
    constexpr char const* table = "create table t (id integer primary key, code text unique, rank integer, note text); ";
    constexpr char const* rewrite = "; alter table t alter column note type varchar(50) using note || '!'";
    for (auto const& [rows, up_script] : std::vector<std::pair<std::string, std::string>>{
             {"insert into t select i, 'c' || i, i, 'x' from generate_series(1, 6) i",
              std::string("update t set id = id + 100, rank = 7 - rank, code = upper(code)") + rewrite},
             {"insert into t select i, 'c' || i, i, 'x' from generate_series(1, 6) i",
              std::string("update t set id = id + 100, code = '#' || code; update t set code = 'c' || (107 - id), rank = 0 - rank") +
                  rewrite},
             {"insert into t select i, null, 0, null from generate_series(6, 1, -1) i",
              "alter table t alter column id type bigint using id + 100; cluster t using t_pkey"}}) {
        db.run("drop table if exists t; " + std::string(table) + rows);
        auto const source = source_of({{up_script}});
        (void)up(db, source);
        db.run("update t set note = 'own' where id = 101");
        (void)down(db, source);
        CHECK_EQ(db.table("select id from t where note = 'own' and id not in (1, 101)"), "");
        CHECK_EQ(db.table("select count(*) from t where note = 'own'"), "1");
        db.run("drop schema undrop cascade");
    }
}

ON_SQLITE("story: values of a column that others renamed stay in their snapshot, and that is said") {
    db.run("create table t (id integer primary key, c text); insert into t values (1, 'a')");
    auto const source = source_of({{"update t set c = 'new'"}});
    (void)up(db, source);
    db.run("alter table t rename column c to d");
    auto const report = down(db, source, {.accept_drift = true});
    CHECK(mentions(report.steps.at(0).notes, "t.c is not there any more: its values stay in snapshot"));
    CHECK_EQ(db.table("select id, d from t"), "1|new");
}

ON_POSTGRES("story: rows that come back have their value in the column that others renamed") {
    db.run("create table t (id integer primary key, n integer, c text); insert into t values (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')");
    auto const source = source_of({{"update t set n = 10 where id = 1; delete from t where id = 2"}});
    (void)up(db, source);
    db.run("alter table t rename column n to amount");
    auto const report = down(db, source);
    CHECK(mentions(report.steps.at(0).notes, "amount"));
    CHECK_EQ(db.table("select id, amount, c from t order by id"), "1|1|a\n2|2|b\n3|3|c");
}

ON_POSTGRES("story: a column that was changed, and is not there any more, does not come back empty in silence") {
    db.run("create table t (id integer primary key, n integer); insert into t values (1, 1)");
    auto const source = source_of({{"alter table t alter n type bigint"}});
    (void)up(db, source);
    db.run("alter table t rename column n to amount");
    auto const before = witness(db);
    auto const error = down_error(db, source, {.accept_drift = true});
    CAPTURE(error.text());
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.message.find("public.t.n"), std::string::npos);
    CHECK_NE(error.message.find("would come back empty"), std::string::npos);
    CHECK_NE(error.next.advice.find("name n again"), std::string::npos);
    check_unchanged(before, witness(db));
    db.run("alter table t rename column amount to n");
    (void)down(db, source);
    CHECK_EQ(db.table("select id, n from t"), "1|1");
}
