// Odd names, odd SQL, odd files: stored and restored to the byte.
#include <fmt/format.h>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

std::string quoted(std::string const& name) {
    std::string out = "\"";
    for (char const c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

}  // namespace

ON_BOTH("story: tables and columns of any name") {
    std::vector<std::string> const names{R"(a"b; --)",  "Ünïcode",   "MixedCase", "with space", "select", "dot.ted",
                                         "it's",        "100%",      "brace{}s",  "semi;colon", "$1",     ":word",
                                         "back\\slash", "tab\there", "日本語",    "😀"};
    std::string schema;
    std::string drop_columns;
    std::string drop_tables;
    for (auto const& name : names) {
        auto const t = quoted(name);
        auto const c = quoted(name + "!");
        auto const view = quoted("view " + name);
        auto const index = quoted("index " + name);
        schema += fmt::format(
            "create table {0} ({2} integer primary key, {1} text not null default 'd''x', other text);"
            "create index {3} on {0} ({1});"
            "create view {4} as select {1} as {5} from {0};"
            "insert into {0} values (1, 'one', 'o'), (2, 'two', null), (3, 'd''x', '');",
            t, c, quoted("key of " + name), index, view, quoted("x " + name));
        drop_columns += fmt::format("drop view {};\ndrop index {};\nalter table {} drop column {};\n", view, index, t, c);
        drop_tables += fmt::format("drop view {};\ndrop table {};\n", view, t);
    }
    db.run(schema);
    auto const before = witness(db);
    auto const without_columns = source_of({{drop_columns}});
    auto const went = up(db, without_columns);
    for (auto const& name : names) {
        CAPTURE(name);
        CHECK_EQ(saved(went.steps.at(0), db.named(name + "." + name + "!")).rows, 3);
        db.run(fmt::format("insert into {} ({}) values (4)", quoted(name), quoted("key of " + name)));
    }
    (void)down(db, without_columns);
    for (auto const& name : names) {
        auto const fresh = fmt::format("from {} where {} = 4", quoted(name), quoted("key of " + name));
        CHECK_EQ(db.one("select " + quoted(name + "!") + " " + fresh), "d'x");
        db.run("delete " + fresh);
    }
    check_same(before, witness(db));

    auto const without_tables = source_of({{drop_tables}});
    (void)up(db, without_tables);
    (void)down(db, without_tables);
    check_same(before, witness(db));
}

ON_POSTGRES("story: schemas, types, functions and triggers of any name") {
    auto const s = quoted(R"(Sch"ema; --)");
    auto const e = quoted(R"(Rôle "x")");
    db.run("create schema " + s + "; create type " + s + "." + e + " as enum ('a''b', 'c\"d', 'e,f', '{g}', 'ü', '');" + "create table " +
           s + ".\"T t\" (\"I d\" uuid primary key, \"R r\" " + s + "." + e + " not null default 'a''b', \"L l\" " + s + "." + e + "[]);" +
           "create function " + s + ".\"f; --\"() returns trigger language plpgsql as $f$ begin return new; end $f$;" +
           "create trigger \"tr \"\"x\"\"\" before update on " + s +
           ".\"T t\" for each row when (new.\"R r\" is distinct from old.\"R r\") execute function " + s + ".\"f; --\"();" +
           "insert into " + s + ".\"T t\" select md5(n::text)::uuid, (enum_range(null::" + s + "." + e + "))[n], enum_range(null::" + s +
           "." + e + ") from generate_series(1, 6) n;");
    auto const before = witness(db);
    auto const source =
        source_of({{"alter table " + s + ".\"T t\" drop column \"R r\" cascade, drop column \"L l\";\ndrop type " + s + "." + e + ";"}});
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
    auto const all = source_of({{"drop schema " + s + " cascade;"}});
    (void)up(db, all);
    (void)down(db, all);
    check_same(before, witness(db));
}

ON_BOTH("story: every statement of a script runs, whatever stands in its strings and comments") {
    std::string const tricky =
        "/* a comment; with a semicolon */\n"
        "create table one (v text default ';:word--'); -- a comment; at the end\n"
        "insert into one values ('a;b'), ('it''s; :x $1 ?'), ('/* no comment */'), ('-- none');\n"
        ";;\n"
        "create table two (\"semi;colon\" text, \"quo\"\"te;\" text)\n;"
        "insert into two values ('x', ':y');\n"
        "insert into one select '{:tag}' || v from one where v like '%:x%'";
    (void)up(db, source_of({{tricky}}));
    CHECK_EQ(db.table("select v from one order by v"), "-- none\n/* no comment */\na;b\nit's; :x $1 ?\n{:tag}it's; :x $1 ?");
    CHECK_EQ(db.count("select count(*) from two"), 1);
}

ON_POSTGRES("story: slices, dollar quotes, nested comments and escapes reach the server verbatim") {
    std::string const body =
        "\ndeclare note text := 'n.b.:todo';\nbegin\n  -- n.b.:todo and note:now; $1 ? \\ \n  /* a /* nested; */ one */\n"
        "  return (array[1,2,3])[1:2]::text || $q$;:x$q$ || E'\\';:y' || note;\nend\n";
    std::string const script =
        "create table slices as select (array[1,2,3])[1:2] as s, 'a'::text as w, $$;:w$$::text as d, $x$ $$ ; $x$::text as e,\n"
        "  E'it\\'s; :z' as f, U&'\\00fc;' as g, B'101' as h, '{\"a\": 1}'::jsonb ? 'a' as i, 'a' ~ ':[a-z]' as j;\n"
        "/* outer /* inner; */ still; */ create function n_b() returns text language plpgsql as $fn$" +
        body +
        "$fn$;\n"
        "create function standard(a int, b int default 2) returns int language sql begin atomic select a + b; select a * b; end;\n"
        "create table last (v text)";
    (void)up(db, source_of({{script}}));
    CHECK_EQ(db.one("select prosrc from pg_proc where proname = 'n_b'"), body);
    CHECK_EQ(db.one("select n_b()"), "{1,2};:x';:yn.b.:todo");
    CHECK_EQ(db.table("select s, w, d, e, f, g, i from slices"), "{1,2}|a|;:w| $$ ; |it's; :z|ü;|t");
    CHECK_EQ(db.one("select standard(4)"), "8");
    CHECK_EQ(db.count("select count(*) from last"), 0);
    // Dropped and brought back, the body is the same to the byte.
    auto const before = witness(db);
    auto const source = source_of({{script}, {"drop function n_b();\ndrop function standard(int, int);\ndrop table slices;"}});
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
    CHECK_EQ(db.one("select prosrc from pg_proc where proname = 'n_b'"), body);
}

ON_SQLITE("story: triggers with bodies, CASE and END inside, and bracketed names are single statements") {
    (void)up(db, source_of({{"create table t ([odd;name] integer primary key, `b;c` text, \"d;e\" text);\n"
                             "create trigger tr after insert on t when new.[odd;name] > 0 begin\n"
                             "  update t set `b;c` = case when 1 then 'x;' else 'end;' end where [odd;name] = new.[odd;name];\n"
                             "  insert into t values (-new.[odd;name], 'begin; end;', ':p $p @p ?1');\n"
                             "end;\n"
                             "insert into t values (1, null, null);\n"}}));
    CHECK_EQ(db.table("select * from t order by 1"), "-1|begin; end;|:p $p @p ?1\n1|x;|NULL");
}

ON_BOTH("story: files with CRLF, a byte order mark and no final newline") {
    Directory const files;
    files.write("1_first.up.sql",
                "\xEF\xBB\xBF-- undrop: keep 90d\r\ncreate table t (\r\n  id integer primary key,\r\n  v text default 'a'\r\n);\r\n"
                "insert into t values (1, 'x');\r\n");
    files.write("1_first.down.sql", "drop table t;\r\n");
    files.write("2_second.up.sql", "alter table t drop column v;\r\n\r\n-- the end; really");
    auto const source = Source::directory(files.path()).value();
    (void)up(db, source_of({}));
    auto const went = up(db, source);
    CHECK_EQ(went.steps.size(), 2);

    // The same files with other line ends are not edited.
    files.write("1_first.up.sql",
                "create table t (\n  id integer primary key,\n  v text default 'a'\n);\ninsert into t values (1, 'x');\n");
    files.write("2_second.up.sql", "alter table t drop column v;\n\n-- the end; really\n");
    auto target = Target::open(db.url()).value();
    auto const now = status(target, Source::directory(files.path()).value()).value();
    REQUIRE_EQ(now.applied.size(), 2);
    for (auto const& applied : now.applied) CHECK(!applied.edited_up);
    (void)down(db, source);
    CHECK_EQ(db.table("select id, v from t"), "1|x");
    (void)down(db, source);
    CHECK_EQ(status(target, source).value().applied.size(), 0);
}

ON_BOTH("story: an error in a CRLF file with wide characters names the author's line and column") {
    auto const error =
        up_error(db, source_of({{"create table t (id integer primary key);\r\n/* ünï */ insert into nowhere values ('日本');\r\n"}}));
    CHECK_EQ(error.where.line, 2);
    CHECK_GE(error.where.column, 11);
    CHECK_LE(error.where.column, 23);
}
