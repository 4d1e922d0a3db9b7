#include <doctest/doctest.h>

#include "lexer.hpp"

using namespace undrop;

namespace {

constexpr SqlSyntax postgres{.dollar_quotes = true, .nested_comments = true, .escape_strings = true, .brackets_and_backticks = false};
constexpr SqlSyntax sqlite{.dollar_quotes = false, .nested_comments = false, .escape_strings = false, .brackets_and_backticks = true};

std::vector<std::string> texts(std::string text, SqlSyntax const& syntax) {
    std::vector<std::string> result;
    auto const statements = split_sql({std::move(text), "a.sql"}, syntax);
    REQUIRE(statements.has_value());
    for (auto const& statement : statements.value()) result.push_back(statement.text);
    return result;
}

std::vector<std::string> words(std::string text, SqlSyntax const& syntax) {
    std::vector<std::string> result;
    auto const statements = split_sql({std::move(text), "a.sql"}, syntax);
    REQUIRE(statements.has_value());
    for (auto const& statement : statements.value()) result.push_back(statement.words);
    return result;
}

Error error_of(std::string text, SqlSyntax const& syntax) {
    auto const statements = split_sql({std::move(text), "a.sql"}, syntax);
    REQUIRE_FALSE(statements.has_value());
    return statements.error();
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a script of blanks, comments and empty statements has no statements") {
    CHECK(texts("", postgres).empty());
    CHECK(texts(" \n-- a;\n/* b; */ ;;\n", postgres).empty());
    CHECK(texts("\xEF\xBB\xBF", sqlite).empty());
}

TEST_CASE("statements end at semicolons, the last one also at the end of the file") {
    CHECK(texts("select 1; select 2 ;\nselect 3\n", sqlite) == Texts{"select 1", "select 2 ", "select 3"});
}

TEST_CASE("statement places count lines and characters, not bytes") {
    auto const split = split_sql({"select 1;\n\n  \xC3\x9C; /* \xE2\x82\xAC */ x", "a.sql"}, postgres);
    REQUIRE(split.has_value());
    REQUIRE(split.value().size() == 3);
    CHECK(split.value()[1].line == 3);
    CHECK(split.value()[1].column == 3);
    CHECK(split.value()[2].column == 14);
}

TEST_CASE("a CRLF is one line end and a BOM is no column") {
    auto const split = split_sql({"\xEF\xBB\xBFselect 1;\r\nselect 2;\r\n", "a.sql"}, postgres);
    REQUIRE(split.has_value());
    REQUIRE(split.value().size() == 2);
    CHECK(split.value()[0].column == 1);
    CHECK(split.value()[1].line == 2);
    CHECK(split.value()[1].column == 1);
    CHECK(split.value()[1].text == "select 2");
}

TEST_CASE("semicolons in strings, names and comments end nothing") {
    CHECK(texts("select 'a;''b', \"c;d\" -- e;\n/* f; */;x", postgres).size() == 2);
    CHECK(texts("select [a;b], `c;d`, 'e;', \"f;\"; x", sqlite).size() == 2);
    CHECK(texts("select U&\"d\\0061;t\", U&'x\\'; y", postgres).size() == 2);
}

TEST_CASE("text that looks like a parameter stays as it is") {
    CHECK(texts("select (array[1,2,3])[1:2], ':word', a::int, :b;", postgres) == Texts{"select (array[1,2,3])[1:2], ':word', a::int, :b"});
}

TEST_CASE("dollar quotes hold semicolons, quotes and each other") {
    CHECK(texts("do $$ begin; 'x end $$; do $a$ $$ ; $b$ $a$; x", postgres) == Texts{"do $$ begin; 'x end $$", "do $a$ $$ ; $b$ $a$", "x"});
    CHECK(texts("select $1; select a$b$c; select $ü$;$ü$", postgres).size() == 3);
}

TEST_CASE("dollars quote nothing on SQLite") { CHECK(texts("select $$; select 2; select $a$", sqlite).size() == 3); }

TEST_CASE("comments nest on PostgreSQL and not on SQLite") {
    CHECK(texts("/* a /* b */ ; */ select 1", postgres) == Texts{"select 1"});
    CHECK(texts("/* a /* b */ select 1; x", sqlite) == Texts{"select 1", "x"});
}

TEST_CASE("a comment left open at the end is legal on SQLite only") {
    CHECK(texts("select 1; /* the rest", sqlite) == Texts{"select 1"});
    auto const error = error_of("select 1;\n  /* a /* b */", postgres);
    CHECK(error.code == Code::refused);
    CHECK(error.where.file == "a.sql");
    CHECK(error.where.line == 2);
    CHECK(error.where.column == 3);
}

TEST_CASE("backslashes escape only in E strings, also when the string goes on in the next line") {
    CHECK(texts("select E'a\\'; b'; x", postgres).size() == 2);
    CHECK(texts("select e'a'\n  'b\\'; c'; x", postgres).size() == 2);
    CHECK(texts("select 'a\\'; x", postgres).size() == 2);
}

TEST_CASE("what is never closed is refused where it begins") {
    CHECK(error_of("select 1;\nselect 'a", postgres).where.line == 2);
    CHECK(error_of("select \"a", sqlite).where.column == 8);
    CHECK(error_of("select [a", sqlite).where.column == 8);
    auto const error = error_of("do $x$ begin $y$;", postgres);
    CHECK(error.where.column == 4);
    CHECK(error.message.find("$x$") != std::string::npos);
    CHECK(error_of(std::string("select 1;\n\0", 11), sqlite).where.line == 2);
}

TEST_CASE("a rule's body in parentheses is one statement") {
    CHECK(texts("create rule r as on insert to t do also (insert into a values (1); delete from b); x", postgres).size() == 2);
}

TEST_CASE("a function's BEGIN ATOMIC body is one statement, with CASE in it") {
    CHECK(texts("create function f() returns int begin atomic select case when true then case 1 when 1 then 2 end end; select 2; end; x",
                postgres)
              .size() == 2);
    CHECK(
        texts("create or replace procedure p() language sql begin atomic select 1 as end; select t.case from t; end; x", postgres).size() ==
        2);
    CHECK(texts("begin; select 1; end; x", postgres).size() == 4);
}

TEST_CASE("a trigger's body on SQLite is one statement, with CASE in it") {
    auto const body = std::string("create temp trigger t after update on a begin update b set c = case when 1 then 2 end; select 1; end");
    CHECK(texts(body + "; x", sqlite) == Texts{body, "x"});
    CHECK(texts("create trigger t after update on a begin select case 1 when 1 then 2 end; end; begin; x; end", sqlite).size() == 4);
}

TEST_CASE("the first words are upper case, without comments, and end at the first other token") {
    CHECK(words("create /* a */ unique\n index concurrently i on t (a)", postgres) == Texts{"CREATE UNIQUE INDEX CONCURRENTLY I ON"});
    CHECK(words("drop table \"a\"; commit; (select 1)", postgres) == Texts{"DROP TABLE", "COMMIT", ""});
}

TEST_CASE("a client's command at the start of a line is a statement of its own") {
    CHECK(words("select 1\n\\gset\n\\copy t from 'x;y'\nselect 2", postgres) == Texts{"SELECT", "\\GSET", "\\COPY", "SELECT"});
    CHECK(words(".mode box\nselect 1\n+ .5;\n  .read a.sql", sqlite) == Texts{".MODE", "SELECT", ".READ"});
    CHECK(words("select '\n\\copy '", postgres) == Texts{"SELECT"});
}

TEST_CASE("data after COPY FROM STDIN is not read as SQL") {
    CHECK(words("copy t (a, b) from stdin;\n1\tit's; not SQL\n\\.\nselect 1;", postgres) == Texts{"COPY T", "SELECT"});
}

TEST_CASE("data after COPY FROM STDIN belongs to its statement, up to the line that ends it") {
    auto const data = [](std::string const& text) { return split_sql({text, "x"}, postgres).value().at(0).data; };
    CHECK(data("copy t from stdin;\n1\ta\n2\tb\n\\.\nselect 1").value() == "1\ta\n2\tb\n");
    CHECK(data("copy t from stdin with (format csv);\r\n1,a\r\n\\.\r\n").value() == "1,a\r\n");
    CHECK(data("copy t from stdin;\n\\.\n").value().empty());
    CHECK_FALSE(data("copy t from stdin;\n1\ta\n").has_value());
    CHECK_FALSE(data("copy t from stdin").has_value());
    CHECK_FALSE(data("copy t to stdout;\n\\.\n").has_value());
    auto const after = split_sql({"copy t from stdin;\n1\n2\n\\.\n  select 1", "x", 10}, postgres).value().at(1);
    CHECK(after.line == 14);
    CHECK(after.column == 3);
}
