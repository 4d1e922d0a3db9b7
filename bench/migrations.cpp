// Many small migrations: applied, none pending among them, and taken back; beside the same statements in one file, and dbmate.
#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include <undrop/undrop.hpp>

#include "jobs.hpp"
#include "program.hpp"

namespace undrop::bench {
namespace {

// A table, a column more, an index, a view: a quarter of the migrations each.
struct Small {
    std::string up;
    std::string down;
};

Small small(int number) {
    int const table = number / 4;
    switch (number % 4) {
        case 0:
            return {fmt::format("create table t_{} (id integer primary key, name text not null);\n", table),
                    fmt::format("drop table t_{};\n", table)};
        case 1:
            return {fmt::format("alter table t_{} add column note text;\n", table),
                    fmt::format("alter table t_{} drop column note;\n", table)};
        case 2:
            return {fmt::format("create index t_{0}_name on t_{0} (name);\n", table), fmt::format("drop index t_{}_name;\n", table)};
        default:
            return {fmt::format("create view v_{0} as select id, name from t_{0};\n", table), fmt::format("drop view v_{};\n", table)};
    }
}

std::string version(int number) { return std::to_string(20'250'101'000'000 + number); }

template <class Work>
Cost timed_here(Work const& work) {
    auto const start = std::chrono::steady_clock::now();
    work();
    return {.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

void expect_tables(Field& field, std::int64_t tables) {
    field.expect(field.either("select count(*) from pg_catalog.pg_tables where tablename like 't\\_%'",
                              "select count(*) from sqlite_schema where type = 'table' and name like 't\\_%' escape '\\'"),
                 tables);
}

std::int64_t tables_of(int migrations) { return (migrations + 3) / 4; }

Cost start_library(Field& field) {
    auto const source = Source::directory(field.migrations());  // A program has its migrations compiled in: not timed.
    if (!source) throw std::runtime_error(source.error().text());
    return timed_here([&] {
        auto target = Target::open(field.database().url());
        if (!target) throw std::runtime_error(target.error().text());
        auto const report = migrate(target.value(), source.value());
        if (!report) throw std::runtime_error(report.error().text());
        if (report.value().run != 0) throw std::runtime_error("something was pending");
    });
}

Way by_undrop(Field& field, Sizes const& sizes) {
    auto const ready = [&field, sizes] {
        field.open();
        for (int i = 0; i < sizes.migrations; ++i) {
            field.write(version(i) + "_small.up.sql", small(i).up);
            field.write(version(i) + "_small.down.sql", small(i).down);
        }
    };
    return {.name = "undrop",
            .ready = ready,
            .laps = {{.figure = "migrations_up",
                      .command = "undrop up",
                      .run = [&field] { return field.undrop({"up"}); },
                      .check = [&field, sizes] { expect_tables(field, tables_of(sizes.migrations)); }},
                     {.figure = "nothing_pending",
                      .command = "undrop up",
                      .run = [&field] { return field.undrop({"up"}); },
                      .times = sizes.starts},
                     {.figure = "nothing_pending_library",
                      .command = "Target::open, migrate",
                      .run = [&field] { return start_library(field); },
                      .times = sizes.starts},
                     {.figure = "migrations_down",
                      .command = "undrop down --to 0",
                      .run =
                          [&field] {
                              return field.undrop({"down", "--to", "0"});
                          },
                      .check = [&field] { expect_tables(field, 0); }}},
            .done = [&field] { field.close(); }};
}

// Knows of no versions: asking a table for 1,000 of them is what any tool does at least.
Way by_plain_tool(Field& field, Sizes const& sizes) {
    std::string up;
    std::string down;
    std::string applied = "create table schema_migrations (version text primary key);\n";
    for (int i = 0; i < sizes.migrations; ++i) {
        up += small(i).up;
        down.insert(0, small(i).down);
        applied += "insert into schema_migrations values ('" + version(i) + "');\n";
    }
    static constexpr char const* ask = "select version from schema_migrations order by version";
    std::string const tool = field.either("psql", "sqlite3");
    return {.name = tool,
            .ready =
                [&field, applied] {
                    field.open();
                    field.database().run("begin;\n" + applied + "commit;");
                },
            .laps = {{.figure = "migrations_up",
                      .command = field.either("psql -f, all in one file", "sqlite3, all in one file"),
                      .run = [&field, up] { return field.plain(up); }},
                     {.figure = "nothing_pending",
                      .command = tool + ": select the applied versions",
                      .run = [&field] { return field.plain(std::string(ask) + ";\n"); },
                      .times = sizes.starts},
                     {.figure = "nothing_pending_library",
                      .command = "connect, select the applied versions",
                      .run = [&field] { return timed_here([&field] { (void)field.database().connect()->rows(ask); }); },
                      .times = sizes.starts},
                     {.figure = "migrations_down",
                      .command = field.either("psql -f, all in one file", "sqlite3, all in one file"),
                      .run = [&field, down] { return field.plain(down); },
                      .check = [&field] { expect_tables(field, 0); }}},
            .done = [&field] { field.close(); }};
}

// postgresql:///NAME?host=DIRECTORY&port=PORT&user=USER, as dbmate takes it.
std::string dbmate_url(Field& field) {
    auto url = field.database().url();
    if (!field.postgres()) return url;
    auto const part = [&url](std::string const& name) {
        auto const begin = url.find(name + "=") + name.size() + 1;
        return url.substr(begin, url.find('&', begin) - begin);
    };
    auto const begin = url.find("///") + 3;
    return fmt::format("postgres://{}@:{}/{}?socket={}&sslmode=disable", part("user"), part("port"),
                       url.substr(begin, url.find('?') - begin), part("host"));
}

Cost dbmate(Field& field, std::string const& verb) {
    return field.program({"dbmate", "--url", dbmate_url(field), "--migrations-dir", field.migrations(), "--no-dump-schema", verb});
}

Way by_dbmate(Field& field, Sizes const& sizes) {
    auto const ready = [&field, sizes] {
        field.open();
        for (int i = 0; i < sizes.migrations; ++i)
            field.write(version(i) + "_small.sql", "-- migrate:up\n" + small(i).up + "-- migrate:down\n" + small(i).down);
    };
    // It takes back one migration at a time, a process each: that would measure starting processes.
    return {.name = "dbmate",
            .ready = ready,
            .laps = {{.figure = "migrations_up",
                      .command = "dbmate migrate",
                      .run = [&field] { return dbmate(field, "migrate"); },
                      .check = [&field, sizes] { expect_tables(field, tables_of(sizes.migrations)); }},
                     {.figure = "nothing_pending",
                      .command = "dbmate migrate",
                      .run = [&field] { return dbmate(field, "migrate"); },
                      .times = sizes.starts}},
            .done = [&field] { field.close(); }};
}

}  // namespace

std::vector<Figure> migrations(Engine engine, Sizes const& sizes) {
    Field field(engine);
    std::vector<Way> ways{by_undrop(field, sizes), by_plain_tool(field, sizes)};
    if (!on_path("dbmate").empty()) ways.push_back(by_dbmate(field, sizes));
    return race(name_of(engine), ways, sizes.repeat);
}

}  // namespace undrop::bench
