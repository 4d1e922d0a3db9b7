#include <fmt/format.h>

#include "fuzz/script.hpp"
#include "fuzz/values.hpp"

namespace undrop::test {

Operation ScriptMaker::of_sqlite(FuzzTable const& table) {
    auto const& column = random_.of(table.columns);
    switch (random_.below(5)) {
        case 0:
            if (told_) return {};
            return {{fmt::format("insert or ignore into {} select * from {}", table.name, table.name)}};
        case 1:
            if (column.unique && told_) return {};
            return {{fmt::format("update or replace {} set {} where {}", table.name,
                                 column.name == tag_column || !column.written
                                     ? "rowid = rowid"
                                     : column.name + " = " + literal(session_, engine_, random_, column),
                                 writes_.condition(table))}};
        case 2:
            return random_.one_in(2) ? swapped(table, column) : upserted(table);
        default:
            return rebuild(table);
    }
}

// As object-relational mappers do it: a new table, the rows, the old table dropped, the new one renamed.
Operation ScriptMaker::rebuild(FuzzTable const& table) {
    auto const fresh = names_.table();
    std::vector<std::string> definitions;
    std::vector<std::string> kept;
    bool rekeyed = false;  // '12' becomes 12
    for (auto const& column : table.columns) {
        if (!column.written || (column.name != tag_column && random_.one_in(4))) continue;
        auto const type = random_.one_in(4) ? random_.of(types(engine_)) : column.type;
        rekeyed = rekeyed || (column.unique && type != column.type);
        definitions.push_back(fmt::format("{} {}{}", column.name, type, column.drawn && type == "INTEGER" ? " primary key" : ""));
        kept.push_back(column.name);
    }
    if (random_.one_in(3)) definitions.push_back(column_definition(engine_, random_, names_.column(), false));
    std::vector<std::string> statements{fmt::format("create table {} ({})", fresh, fmt::join(definitions, ", ")),
                                        fmt::format("insert into {0} ({1}) select {1} from {2}", fresh, fmt::join(kept, ", "), table.name)};
    if (random_.one_in(2)) {
        statements.push_back(fmt::format("drop table {}", table.name));
        statements.push_back(fmt::format("alter table {} rename to {}", fresh, table.name));
    } else {
        auto const old = names_.table();
        statements.push_back(fmt::format("alter table {} rename to {}", table.name, old));
        statements.push_back(fmt::format("alter table {} rename to {}", fresh, table.name));
        statements.push_back(fmt::format("drop table {}", old));
    }
    return {statements, [=](Places& places) {
                places.table_rebuilt(table.name);
                if (rekeyed) places.table_rekeyed(table.name);
            }};
}

}  // namespace undrop::test
