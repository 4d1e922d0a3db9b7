// Every row of a table is updated, or deleted, with the old values saved, and brought back; beside the bare statement and beside what
// people do by hand.
#include "jobs.hpp"
#include "participants.hpp"

namespace undrop::bench {
namespace {

// What takes rows, and how people save them and bring them back.
struct Taking {
    std::string figure;
    std::string statement;
    std::string text;  // the statement, for readers
    std::string save;
    std::string back;
};

Way by_undrop(Field& field, Taking const& taking, std::int64_t rows) {
    return {.name = "undrop",
            .ready =
                [&field, taking, rows] {
                    make_participants(field, rows);
                    field.write("1_rows.up.sql", taking.statement);
                },
            .laps = {{.figure = taking.figure, .command = "undrop up", .run = [&field] { return field.undrop({"up"}); }},
                     {.figure = taking.figure + "_rollback",
                      .command = "undrop down",
                      .run = [&field] { return field.undrop({"down"}); },
                      .check = [&field, rows] { expect_participants(field, rows); }}},
            .done = [&field] { field.close(); }};
}

Way bare(Field& field, Taking const& taking, std::int64_t rows) {
    return {.name = "bare",
            .ready = [&field, rows] { make_participants(field, rows); },
            .laps = {{.figure = taking.figure, .command = taking.text, .run = [&field, taking] { return field.plain(taking.statement); }}},
            .done = [&field] { field.close(); }};
}

Way by_hand(Field& field, Taking const& taking, std::int64_t rows) {
    auto const saved = taking.save + ";\n" + taking.statement;
    auto const back = taking.back + ";\ndrop table backup;\n";
    return {.name = "by hand",
            .ready = [&field, rows] { make_participants(field, rows); },
            .laps = {{.figure = taking.figure,
                      .command = taking.save + "; " + taking.text,
                      .run = [&field, saved] { return field.plain("begin;\n" + saved + "commit;\n"); }},
                     {.figure = taking.figure + "_rollback",
                      .command = taking.back,
                      .run = [&field, back] { return field.plain("begin;\n" + back + "commit;\n"); },
                      .check = [&field, rows] { expect_participants(field, rows); }}},
            .done = [&field] { field.close(); }};
}

std::vector<Figure> taken(Engine engine, Taking const& taking, Sizes const& sizes) {
    Field field(engine);
    return race(name_of(engine),
                {by_undrop(field, taking, sizes.rows), bare(field, taking, sizes.rows), by_hand(field, taking, sizes.rows)}, sizes.repeat);
}

}  // namespace

std::vector<Figure> update(Engine engine, Sizes const& sizes) {
    return taken(engine,
                 {.figure = "update",
                  .statement = "update participants set role = 'coach';\n",
                  .text = "update participants set role",
                  .save = "create table backup as select id, role from participants",
                  .back = "update participants set role = b.role from backup b where b.id = participants.id"},
                 sizes);
}

std::vector<Figure> deletion(Engine engine, Sizes const& sizes) {
    return taken(engine,
                 {.figure = "delete",
                  .statement = "delete from participants;\n",
                  .text = "delete from participants",
                  .save = "create table backup as select * from participants",
                  .back = "insert into participants select * from backup"},
                 sizes);
}

}  // namespace undrop::bench
