// What is measured: each job gives the figures of one database.
#pragma once

#include <vector>

#include "field.hpp"

namespace undrop::bench {

// Many small migrations applied, none pending among them, all taken back.
[[nodiscard]] std::vector<Figure> migrations(Engine engine, Sizes const& sizes);
// One small migration among many tables.
[[nodiscard]] std::vector<Figure> tables(Engine engine, Sizes const& sizes);
// A column dropped and brought back.
[[nodiscard]] std::vector<Figure> column(Engine engine, Sizes const& sizes);
// Every row updated and brought back.
[[nodiscard]] std::vector<Figure> update(Engine engine, Sizes const& sizes);
// Every row deleted and brought back.
[[nodiscard]] std::vector<Figure> deletion(Engine engine, Sizes const& sizes);

struct Job {
    char const* name;
    std::vector<Figure> (*run)(Engine, Sizes const&);
};

inline constexpr Job jobs[] = {
    {"migrations", migrations}, {"tables", tables}, {"column", column}, {"update", update}, {"delete", deletion}};

// What a figure tells, for readers; {rows}, {migrations}, {tables} and {indexes} stand for the sizes.
struct Meaning {
    char const* figure;
    char const* text;
};

inline constexpr Meaning meanings[] = {
    {"migrations_up", "{migrations} small migrations are applied"},
    {"nothing_pending", "the program is started, nothing is pending among {migrations} applied migrations"},
    {"nothing_pending_library", "a program connects and calls undrop::migrate, nothing is pending among {migrations} applied migrations"},
    {"migrations_down", "{migrations} small migrations are taken back"},
    {"among_tables", "one column is added to one of {tables} tables with {indexes} indexes"},
    {"among_tables_back", "it is taken back"},
    {"column_drop", "a column of {rows} rows is dropped"},
    {"column_restore", "it comes back with its values"},
    {"update", "a column of {rows} rows is updated"},
    {"update_rollback", "the old values come back"},
    {"delete", "{rows} rows are deleted"},
    {"delete_rollback", "they come back"},
};

}  // namespace undrop::bench
