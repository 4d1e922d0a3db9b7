#include <doctest/doctest.h>

#include <undrop/result.hpp>

using namespace undrop;

TEST_CASE("an error says where, what, the database's words, the state and what to type next") {
    Error error;
    error.code = Code::failed;
    error.left = Left::rolled_back;
    error.message = "The script failed.";
    error.where = {"a.up.sql", 3, 5};
    error.native = "ERROR:  syntax error\nLINE 1 (42601)";
    error.next = {"up", "Correct it first."};
    error.trail = {"applying 1", "statement 2"};
    CHECK(error.text() ==
          "a.up.sql:3:5: The script failed.\n"
          "  The database says: ERROR:  syntax error\n    LINE 1 (42601)\n"
          "  While: applying 1, statement 2\n"
          "  The step was rolled back; the database is as it was before it.\n"
          "  Next: undrop up   (Correct it first.)");
}

TEST_CASE("every error says what to type next, whoever made it") {
    for (auto const code : {Code::usage, Code::refused, Code::conflict, Code::busy, Code::failed, Code::in_doubt, Code::interrupted}) {
        Error error;
        error.code = code;
        error.message = "No.";
        CAPTURE(name_of(code));
        CHECK(error.text().find("\n  Next: ") != std::string::npos);
    }
}

TEST_CASE("a place without a line is the whole file") {
    Error error;
    error.message = "No.";
    error.where.file = "a.sql";
    CHECK(error.text().starts_with("a.sql: No.\n"));
    error.where.line = 2;
    CHECK(error.text().starts_with("a.sql:2: No.\n"));
}

TEST_CASE("the value of a failed result throws a Failure with the full text") {
    Result<int> const result = Error{.code = Code::busy, .message = "Locked."};
    REQUIRE_FALSE(result.has_value());
    CHECK_THROWS_AS((void)result.value(), Failure);
    try {
        (void)result.value();
    } catch (Failure const& failure) {
        CHECK(std::string(failure.what()) == result.error().text());
        CHECK(failure.error().code == Code::busy);
    }
}
