// A column of many rows is dropped with its values saved, and brought back; beside what people do by hand, and beside a dump.
#include <algorithm>

#include "jobs.hpp"
#include "participants.hpp"

namespace undrop::bench {
namespace {

constexpr char const* drop = "alter table participants drop column role;\n";

Way by_undrop(Field& field, std::int64_t rows) {
    return {.name = "undrop",
            .ready =
                [&field, rows] {
                    make_participants(field, rows);
                    field.write("1_drop_role.up.sql", drop);
                },
            .laps = {{.figure = "column_drop", .command = "undrop up", .run = [&field] { return field.undrop({"up"}); }},
                     {.figure = "column_restore",
                      .command = "undrop down",
                      .run = [&field] { return field.undrop({"down"}); },
                      .check = [&field, rows] { expect_participants(field, rows); }}},
            .done = [&field] { field.close(); }};
}

Way bare(Field& field, std::int64_t rows) {
    return {.name = "bare",
            .ready = [&field, rows] { make_participants(field, rows); },
            .laps = {{.figure = "column_drop", .command = "alter table .. drop column", .run = [&field] { return field.plain(drop); }}},
            .done = [&field] { field.close(); }};
}

Way by_hand(Field& field, std::int64_t rows) {
    auto const save = std::string("begin;\ncreate table backup as select id, role from participants;\n") + drop + "commit;\n";
    auto const back = std::string("begin;\nalter table participants add column role text") + field.either("", " not null default ''") +
                      ";\nupdate participants set role = b.role from backup b where b.id = participants.id;\n" +
                      field.either("alter table participants alter column role set not null;\n", "") + "drop table backup;\ncommit;\n";
    return {.name = "by hand",
            .ready = [&field, rows] { make_participants(field, rows); },
            .laps = {{.figure = "column_drop",
                      .command = "create table backup as select id, role; alter table .. drop column",
                      .run = [&field, save] { return field.plain(save); }},
                     {.figure = "column_restore",
                      .command = "alter table .. add column; update .. from backup",
                      .run = [&field, back] { return field.plain(back); },
                      .check = [&field, rows] { expect_participants(field, rows); }}},
            .done = [&field] { field.close(); }};
}

Cost sum(Cost const& a, Cost const& b) { return {.seconds = a.seconds + b.seconds, .peak_kb = std::max(a.peak_kb, b.peak_kb)}; }

Cost dump_and_drop(Field& field) {
    auto const location = field.database().location();
    auto const saved = field.postgres() ? field.program({"pg_dump", "-Fc", "-t", "participants", "-f", field.file("dump"), location})
                                        : field.program({"sqlite3", location, ".backup " + field.file("dump")});
    return sum(saved, field.plain(drop));
}

Cost restore_dump(Field& field) {
    auto const location = field.database().location();
    if (field.postgres()) return field.program({"pg_restore", "--clean", "-d", location, field.file("dump")});
    return field.program({"sqlite3", location, ".restore " + field.file("dump")});
}

Way by_dump(Field& field, std::int64_t rows) {
    return {.name = field.either("pg_dump", "copy"),
            .ready = [&field, rows] { make_participants(field, rows); },
            .laps = {{.figure = "column_drop",
                      .command = field.either("pg_dump -Fc -t participants; alter table .. drop column",
                                              ".backup FILE; alter table .. drop column"),
                      .run = [&field] { return dump_and_drop(field); }},
                     {.figure = "column_restore",
                      .command =
                          field.either("pg_restore --clean (loses what was written since)", ".restore FILE (loses what was written since)"),
                      .run = [&field] { return restore_dump(field); },
                      .check = [&field, rows] { expect_participants(field, rows); }}},
            .done = [&field] { field.close(); }};
}

}  // namespace

std::vector<Figure> column(Engine engine, Sizes const& sizes) {
    Field field(engine);
    return race(name_of(engine),
                {by_undrop(field, sizes.rows), bare(field, sizes.rows), by_hand(field, sizes.rows), by_dump(field, sizes.rows)},
                sizes.repeat);
}

}  // namespace undrop::bench
