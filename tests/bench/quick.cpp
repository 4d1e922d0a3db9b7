// The bench runs through on both databases and writes down what it measured. What it measures is never asserted: no test depends on time.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "support/database.hpp"

using undrop::test::Directory;

namespace {

std::string text_of(std::string const& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void check_run(nlohmann::json const& run) {
    CAPTURE(run.dump());
    CHECK_FALSE(run.at("way").get<std::string>().empty());
    CHECK_FALSE(run.at("command").get<std::string>().empty());
    CHECK_GE(run.at("samples").size(), 2);
    auto const& seconds = run.at("seconds");
    CHECK_GT(seconds.at("fastest").get<double>(), 0);
    CHECK_LE(seconds.at("fastest").get<double>(), seconds.at("median").get<double>());
    CHECK_LE(seconds.at("median").get<double>(), seconds.at("slowest").get<double>());
    CHECK_GT(run.at("undrop_takes").get<double>(), 0);
}

// The ways of a figure by name, in order.
std::string ways_of(nlohmann::json const& figure) {
    std::string ways;
    for (auto const& run : figure.at("runs")) {
        check_run(run);
        auto const way = run.at("way").get<std::string>();
        if (way != "dbmate") ways += (ways.empty() ? "" : ", ") + way;  // only where it is installed
    }
    return ways;
}

}  // namespace

TEST_CASE("bench: a quick run goes through and writes every figure, well-formed") {
    Directory const files;
    auto const out = files.path() + "/bench.json";
    auto const line = std::string("'") + UNDROP_TEST_BENCH + "' --quick --out '" + out + "' > '" + files.path() + "/printed' 2>&1";
    int const status = std::system(line.c_str());
    auto const printed = text_of(files.path() + "/printed");
    INFO(printed);
    REQUIRE(WIFEXITED(status));
    REQUIRE_EQ(WEXITSTATUS(status), 0);

    auto const document = nlohmann::json::parse(text_of(out));
    CHECK_EQ(document.at("format"), 1);
    CHECK_EQ(document.at("machine").at("cores").is_number(), true);
    CHECK_EQ(document.at("databases").at("postgres").at("fsync"), "off");
    CHECK_FALSE(document.at("databases").at("sqlite").at("version").get<std::string>().empty());
    CHECK_FALSE(document.at("programs").at("psql").is_null());

    std::string found;
    for (auto const& figure : document.at("figures")) {
        auto const name = figure.at("database").get<std::string>() + " " + figure.at("name").get<std::string>();
        found += name + ": " + ways_of(figure) + "\n";
        CHECK_NE(printed.find(name + ": "), std::string::npos);
    }
    CHECK_EQ(found,
             "postgres migrations_up: undrop, psql\n"
             "postgres nothing_pending: undrop, psql\n"
             "postgres nothing_pending_library: undrop, psql\n"
             "postgres migrations_down: undrop, psql\n"
             "sqlite migrations_up: undrop, sqlite3\n"
             "sqlite nothing_pending: undrop, sqlite3\n"
             "sqlite nothing_pending_library: undrop, sqlite3\n"
             "sqlite migrations_down: undrop, sqlite3\n"
             "postgres among_tables: undrop, one table, bare, xmin scan\n"
             "postgres among_tables_back: undrop, one table, bare\n"
             "sqlite among_tables: undrop, one table, bare\n"
             "sqlite among_tables_back: undrop, one table, bare\n"
             "postgres column_drop: undrop, bare, by hand, pg_dump\n"
             "postgres column_restore: undrop, by hand, pg_dump\n"
             "sqlite column_drop: undrop, bare, by hand, copy\n"
             "sqlite column_restore: undrop, by hand, copy\n"
             "postgres update: undrop, bare, by hand\n"
             "postgres update_rollback: undrop, by hand\n"
             "sqlite update: undrop, bare, by hand\n"
             "sqlite update_rollback: undrop, by hand\n"
             "postgres delete: undrop, bare, by hand\n"
             "postgres delete_rollback: undrop, by hand\n"
             "sqlite delete: undrop, bare, by hand\n"
             "sqlite delete_rollback: undrop, by hand\n");
}
