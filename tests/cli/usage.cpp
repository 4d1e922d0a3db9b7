// Wrong use, settings, help: what needs no database.
#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace undrop::test;

TEST_CASE("help lists every verb, the settings and the exit statuses, and is no error") {
    Desk const desk;
    auto const help = desk.run({"--help"});
    CHECK(help.status == 0);
    for (auto const* word :
         {"new", "status", "plan", "up", "down", "to", "redo", "accept", "check", "log", "snapshots", "UNDROP_DB", "undrop.toml",
          "lock_timeout", "keep_snapshots", "--keep-snapshots", "Exit status", "--source-format", "--role"}) {
        CAPTURE(word);
        CHECK(has(help.out, word));
    }
    CHECK(help.err.empty());
    CHECK(desk.run({"down", "--help"}).status == 0);
    CHECK(has(desk.run({"down", "--help"}).out, "--down-from"));
    CHECK(desk.run({"--version"}).out.starts_with("undrop "));
}

TEST_CASE("an unknown verb or option is wrong use, and the nearest one is suggested") {
    Desk const desk;
    struct Wrong {
        std::vector<std::string> words;
        std::string said;
    };
    for (auto const& [words, said] : std::vector<Wrong>{{{"staus"}, "did you mean status?"},
                                                        {{"staus", "--check"}, "did you mean status?"},
                                                        {{"chekc"}, "did you mean check?"},
                                                        {{"snapshots", "lst"}, "did you mean list?"},
                                                        {{"up", "--stesp", "3"}, "did you mean --steps?"},
                                                        {{"--dbb", "x", "up"}, "did you mean --db?"},
                                                        {{"up", "--too=3"}, "did you mean --to?"},
                                                        {{"xyzzy"}, "there is no verb \"xyzzy\""},
                                                        {{"up", "down"}, "one word too many"},
                                                        {{}, "wants a verb"}}) {
        auto const outcome = desk.run(words);
        CAPTURE(said);
        CHECK(outcome.status == 2);
        CHECK(has(outcome.err, said));
        CHECK(has(outcome.err, "Next: undrop "));
        CHECK(outcome.out.empty());
    }
}

TEST_CASE("verbs of later versions are not offered") {
    Desk const desk;
    for (auto const* verb : {"rehearse", "schema", "adopt"}) CHECK(desk.run({verb}).status == 2);
}

TEST_CASE("values that are none are wrong use") {
    Desk const desk;
    using Words = std::vector<std::string>;
    for (auto const& words : {Words{"up", "--steps", "x"},
                              Words{"up", "--steps", "0"},
                              Words{"up", "--to", "abc"},
                              Words{"up", "--to", "1", "--steps", "1"},
                              Words{"down", "--run", "foo"},
                              Words{"down", "--run", "last", "--label", "x"},
                              Words{"down", "--down-from", "x"},
                              Words{"plan", "sideways"},
                              Words{"plan", "up", "--run", "1"},
                              Words{"to"},
                              Words{"to", "x"},
                              Words{"accept"},
                              Words{"log", "--run", "0"},
                              Words{"snapshots"},
                              Words{"snapshots", "show"},
                              Words{"snapshots", "show", "x"},
                              Words{"snapshots", "purge", "x"},
                              Words{"snapshots", "erase", "--table", "t"},
                              Words{"snapshots", "export"},
                              Words{"up", "--wait", "soon"},
                              Words{"up", "--db"},
                              Words{"status", "--quiet", "--verbose"},
                              Words{"new", "///"},
                              Words{"--source-format", "goos", "up"},
                              Words{"up", "--plan", "none.json"}}) {
        auto const outcome = desk.run(words);
        CAPTURE(words.front());
        CAPTURE(outcome.err);
        CHECK(outcome.status == 2);
        CHECK(has(outcome.err, "Next: "));
    }
}

TEST_CASE("with --json wrong use is a document on standard output, too") {
    Desk const desk;
    auto const outcome = desk.run({"--json", "staus"});
    CHECK(outcome.status == 2);
    auto const error = outcome.json();
    CHECK(error["format"] == 1);
    CHECK(error["kind"] == "error");
    CHECK(error["code"] == "usage");
    CHECK(error["next"]["command"] == "status");
    CHECK(has(outcome.err, "status"));
}

TEST_CASE("without a database named anywhere, the ways to name one are said") {
    Desk const desk;
    auto const outcome = desk.run({"status"});
    CHECK(outcome.status == 2);
    CHECK(has(outcome.err, "--db sqlite:PATH"));
    CHECK(has(outcome.err, "UNDROP_DB"));
}

TEST_CASE("--db wins over UNDROP_DB, which wins over DATABASE_URL, which wins over undrop.toml") {
    Desk desk;
    desk.file("undrop.toml", "db = \"sqlite:toml.db\"\n");
    CHECK(has(desk.run({"status"}).err, "toml.db"));
    desk.environment["DATABASE_URL"] = "sqlite:url.db";
    CHECK(has(desk.run({"status"}).err, "url.db"));
    desk.environment["UNDROP_DB"] = "sqlite:env.db";
    CHECK(has(desk.run({"status"}).err, "env.db"));
    CHECK(has(desk.run({"--db", "sqlite:flag.db", "status"}).err, "flag.db"));
    desk.environment["UNDROP_DB"] = "";
    CHECK(has(desk.run({"status"}).err, "url.db"));
}

TEST_CASE("a setting that is unknown or none is wrong use, with its place") {
    Desk const desk;
    desk.file("undrop.toml", "dir = \"x\"\nledgr = \"y\"\n");
    auto const misspelt = desk.run({"status"});
    CHECK(misspelt.status == 2);
    CHECK(has(misspelt.err, "undrop.toml:2:1"));
    CHECK(has(misspelt.err, "did you mean ledger?"));
    desk.file("undrop.toml", "wait = \"5 years\"\n");
    CHECK(has(desk.run({"status"}).err, "wait of undrop.toml"));
    desk.file("undrop.toml", "dir = \"x\"\n\nkeep_snapshots = \"90 years\"\n");
    auto const age = desk.run({"status"});
    CHECK(age.status == 2);
    CHECK(has(age.err, "undrop.toml:3:18"));
    CHECK(has(age.err, "keep_snapshots: \"90 years\" is no age"));
    CHECK(has(age.err, "30d"));
    desk.file("undrop.toml", "keep_snapshots = 90\n");
    CHECK(has(desk.run({"status"}).err, "undrop.toml:1:18"));
    desk.file("undrop.toml", "keep_snapshots = \"\"\n");
    CHECK(desk.run({"status"}).status == 2);
    desk.file("undrop.toml", "keep_snapshots = \"90d\"\n");
    auto const option = desk.run({"status", "--keep-snapshots", "soon"});
    CHECK(option.status == 2);
    CHECK(has(option.err, "--keep-snapshots: \"soon\" is no age"));
    CHECK_FALSE(has(option.err, "undrop.toml"));
    desk.file("undrop.toml", "db = \n");
    CHECK(desk.run({"status"}).status == 2);
    desk.file("undrop.toml", "db = true\n");
    CHECK(desk.run({"status"}).status == 2);
}

TEST_CASE("a URL that is none is wrong use") {
    Desk const desk;
    auto const outcome = desk.run({"--db", "mysql://u:secret@h/x", "status"});
    CHECK(outcome.status == 2);
    CHECK_FALSE(has(outcome.err, "secret"));
    CHECK(desk.run({"--db", "shop.db", "status"}).status == 2);
    CHECK(desk.run({"--db", "postgresql://localhost/x", "up", "--create"}).status == 2);
}

TEST_CASE("new makes a pair of files with a safe name and does not overwrite") {
    Desk const desk;
    auto const made = desk.run({"new", "Add e-mail / to ../Üsers!"});
    CHECK(made.status == 0);
    auto const line = made.out.substr(0, made.out.find('\n'));
    CHECK(line.starts_with("migrations/2"));
    CHECK(line.ends_with("_Add_e_mail_to_Üsers.up.sql"));
    CHECK(line.size() == std::string("migrations/20250101000000_Add_e_mail_to_Üsers.up.sql").size());
    CHECK(has(desk.text(line), "-- Add_e_mail_to_Üsers"));
    // Two in one second are two versions.
    CHECK(desk.run({"new", "a"}).status == 0);
    CHECK(desk.run({"new", "b"}).status == 0);
    CHECK(desk.run({"--db", "sqlite:x.db", "up", "--create"}).status == 0);
}

TEST_CASE("new --sequential counts on, and --json says what was made") {
    Desk const desk;
    CHECK(desk.run({"new", "a", "--sequential", "--dir", "db/other"}).out == "db/other/0001_a.up.sql\ndb/other/0001_a.down.sql\n");
    desk.file("db/other/0009_b.up.sql", "");
    auto const document = desk.run({"--json", "new", "c", "--sequential", "--dir", "db/other"}).json();
    CHECK(document["version"] == "0010");
    CHECK(document["files"][1] == "db/other/0010_c.down.sql");
}

TEST_CASE("the directory is migrations, else db/migrations") {
    Desk const desk;
    std::filesystem::remove_all(desk.path / "migrations");
    desk.file("db/migrations/1_a.up.sql", "create table a (x);");
    CHECK(has(desk.shop({"up", "--create"}).out, "1 a\n"));
}
