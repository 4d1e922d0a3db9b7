#include <fmt/format.h>

#include "fuzz/script.hpp"
#include "fuzz/values.hpp"

namespace undrop::test {

Operation ScriptMaker::of_postgres(FuzzTable const& table) {
    auto const& column = random_.of(table.columns);
    auto const alter = [&](std::string const& what) { return Operation{{fmt::format("alter table {} {}", table.name, what)}}; };
    auto const of_column = [&](std::string const& what) { return alter(fmt::format("alter column {} {}", column.name, what)); };
    switch (random_.below(22)) {
        case 0:
            return of_column("drop not null");
        case 1:
            return of_column("set not null");
        case 2:
            return of_column("drop default");
        case 3:
            return of_column("set default " + literal(session_, engine_, random_, column));
        case 4:
            return of_column("drop expression");
        case 5:
            return of_column("drop identity");
        case 6: {
            auto const found = session_.rows(fmt::format(
                "select quote_ident(conname) from pg_constraint where conrelid = {}::regclass order by 1", quoted_text(table.name)));
            return found.empty() ? Operation{}
                                 : alter(fmt::format("drop constraint {}{}", *random_.of(found)[0], random_.one_in(2) ? " cascade" : ""));
        }
        case 7:
            return alter(fmt::format("add check ({} is null) not valid", column.name));
        case 8:
            return {{fmt::format("drop type {} cascade", random_.of(std::vector<std::string>{"stimmung", "paar"}))}};
        case 9:
            return {{"drop domain kurz cascade"}};
        case 10:
            return {{"alter type stimmung rename value 'froh' to 'heiter'"}};
        case 11:
            return {{"drop schema \"Zweites ü\" cascade"}};
        case 12: {
            if (table.partitions.empty()) return {};
            auto const partition = random_.of(table.partitions);
            return {{fmt::format("alter table {} detach partition {}", table.name, partition)},
                    [=](Places& places) { places.detached(table.name, partition); }};
        }
        case 13:
            return table.partitions.empty() ? Operation{} : Operation{{fmt::format("drop table {}", random_.of(table.partitions))}};
        case 14:
            return {{fmt::format("truncate {} restart identity cascade", table.name)}};
        case 15:
            return {{fmt::format("comment on column {}.{} is 'so'", table.name, column.name)}};
        case 16:
            return {{fmt::format("create materialized view \"public\".{} as select * from {}", names_.table(), table.name)}};
        case 17:
            return {{fmt::format("with gone as (delete from {0} where {1} returning *) select count(*) from gone", table.name,
                                 writes_.condition(table))}};
        default:
            return retyped(table, column);
    }
}

Operation ScriptMaker::retyped(FuzzTable const& table, FuzzColumn const& column) {
    if (column.name == tag_column) return {};
    auto const to = [&](std::string const& type, std::string const& expression) {
        return Operation{{fmt::format("alter table {} alter column {} type {} using {}", table.name, column.name, type, expression)}};
    };
    if (column.type == "integer") return random_.one_in(2) ? to("bigint", column.name) : to("text", column.name + "::text");
    if (column.type == "text") return to("character varying(20)", fmt::format("left({}, 20)", column.name));
    if (column.type == "numeric" || column.type == "double precision") return to("text", column.name + "::text");
    if (column.type == "timestamp with time zone") return to("timestamp without time zone", column.name + " at time zone 'UTC'");
    if (column.type == "json") return to("jsonb", column.name + "::jsonb");
    return to("text", column.name + "::text");
}

}  // namespace undrop::test
