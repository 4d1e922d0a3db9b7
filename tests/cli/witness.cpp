// The schema by another program's reading, and what a rehearsal tells of rows that are written anew.
#include <doctest/doctest.h>

#include <filesystem>

#include "cli/program.hpp"
#include "support/database.hpp"

using namespace undrop::test;

namespace {

struct Played {
    std::unique_ptr<Database> db = Database::make(Engine::postgres);
    Desk desk;

    Played() {
        desk.migration("1_people", "create table people (id integer primary key, name text);\ninsert into people values (1, 'ann');",
                       "drop table people;");
        desk.migration("2_number", "alter table people alter column id type bigint;\nalter table people add column town text;",
                       "alter table people drop column town;\nalter table people alter column id type integer;");
    }
    [[nodiscard]] Outcome run(std::vector<std::string> words) const {
        words.insert(words.begin(), {"--db", db->url()});
        return desk.run(words);
    }
    [[nodiscard]] Outcome run_with_it(std::string const& words) const {
        return desk.shell("PATH=\"$PWD/programs:$PATH\" \"$UNDROP\" --db '" + db->url() + "' " + words);
    }
};

}  // namespace

TEST_CASE("rehearse compares schemas by pg_dump, too: with --data, or where it is asked for (PostgreSQL)") {
    Played played;
    auto const all = played.run({"rehearse", "--all", "--witness"});
    CHECK_MESSAGE(all.status == 0, all.out);
    CHECK_MESSAGE(has(all.out, "schemas compared by pg_dump"), all.out);
    CHECK_FALSE(has(played.run({"rehearse", "--all"}).out, "pg_dump"));
    REQUIRE(played.run({"up", "--to", "1"}).status == 0);
    CHECK(has(played.run({"rehearse", "--data", "schema"}).out, "schemas compared by pg_dump"));
    CHECK_FALSE(has(played.run({"rehearse", "--data", "schema", "--no-witness"}).out, "pg_dump"));
}

TEST_CASE("what pg_dump alone sees is a loss like any other, and named with who saw it (PostgreSQL)") {
    Played played;
    REQUIRE(played.run({"up", "--to", "1"}).status == 0);
    // From its third reading on, which is the one after the down, it sees a table that undrop does not.
    played.desk.file("programs/pg_dump",
                     "#!/bin/sh\nPATH=${PATH#*:}\npg_dump \"$@\" || exit 1\ncase \"$*\" in *schema-only*) echo x >> seen;; esac\n"
                     "[ \"$(wc -l < seen 2>/dev/null || echo 0)\" -lt 3 ] || printf '%s\\n' -- "
                     "'-- Name: ghost; Type: TABLE; Schema: public; Owner: nobody' -- '' 'CREATE TABLE public.ghost ();'\nexit 0\n");
    std::filesystem::permissions(played.desk.path / "programs/pg_dump", std::filesystem::perms::owner_all);
    auto const left = played.run_with_it("rehearse --data schema");
    CHECK_MESSAGE(left.status == 3, left.out << left.err);
    CHECK_MESSAGE(has(left.out, "TABLE public.ghost (pg_dump"), left.out);
    CHECK_MESSAGE(has(left.out, "+CREATE TABLE public.ghost ("), left.out);
}

TEST_CASE("a pg_dump that fails ends the rehearsal with its words, and what to type without it (PostgreSQL)") {
    Played played;
    played.desk.file("programs/pg_dump",
                     "#!/bin/sh\n[ \"$1\" = --version ] && { echo 'pg_dump (PostgreSQL) 99.1'; exit 0; }\n"
                     "echo 'pg_dump: error: out of luck' >&2\nexit 1\n");
    std::filesystem::permissions(played.desk.path / "programs/pg_dump", std::filesystem::perms::owner_all);
    auto const failed = played.run_with_it("rehearse --all --witness");
    CHECK_MESSAGE(failed.status == 1, failed.err);
    CHECK_MESSAGE(has(failed.err, "out of luck"), failed.err);
    CHECK_MESSAGE(has(failed.err, "rehearse --no-witness"), failed.err);
    CHECK(played.run_with_it("rehearse --all").status == 0);
}

TEST_CASE("rehearse tells which tables are rewritten, and which are not (PostgreSQL)") {
    Played played;
    REQUIRE(played.run({"rehearse", "--all", "--report", "out.json"}).status == 0);
    auto const told = nlohmann::json::parse(played.desk.text("out.json"));
    CHECK(told["migrations"][0]["took"]["up"]["rewritten"].empty());
    CHECK(told["migrations"][1]["took"]["up"]["rewritten"] == nlohmann::json::array({"public.people"}));
    CHECK(told["migrations"][1]["took"]["down"]["rewritten"] == nlohmann::json::array({"public.people"}));
    REQUIRE(played.run({"rehearse", "--all", "--report", "out.md"}).status == 0);
    CHECK_MESSAGE(has(played.desk.text("out.md"), "public.people rewritten"), played.desk.text("out.md"));
}
