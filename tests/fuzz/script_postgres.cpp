#include <fmt/format.h>

#include "fuzz/script.hpp"
#include "fuzz/values.hpp"

namespace undrop::test {

Operation ScriptMaker::of_postgres(FuzzTable const& table) {
    auto const& column = random_.of(table.columns);
    auto const alter = [&](std::string const& what) { return Operation{{fmt::format("alter table {} {}", table.name, what)}}; };
    auto const of_column = [&](std::string const& what) { return alter(fmt::format("alter column {} {}", column.name, what)); };
    switch (random_.below(26)) {
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
        case 18:
        case 19:
        case 20:
            return rarer_of_postgres(table, column);
        default:
            return retyped(table, column);
    }
}

Operation ScriptMaker::rarer_of_postgres(FuzzTable const& table, FuzzColumn const& column) {
    auto const name = names_.column();
    auto const alter = [&](std::string const& what) { return Operation{{fmt::format("alter table {} {}", table.name, what)}}; };
    switch (random_.below(18)) {
        case 0:
            return alter(fmt::format("add unique ({}, {})", column.name, random_.of(table.columns).name));
        case 1:
            return alter(column.type == "int4range" ? fmt::format("add exclude using gist ({} with &&)", column.name)
                                                    : fmt::format("add exclude using btree ({} with =)", column.name));
        case 2:
            return {{fmt::format("alter table {} enable row level security", table.name),
                     fmt::format("create policy {} on {} using (true)", name, table.name)}};
        case 3:
            return {{fmt::format("create rule {} as on delete to {} do also select 1", name, table.name)}};
        case 4:
            return alter("set unlogged");
        case 5:
            return alter(
                fmt::format("set (fillfactor = 70), alter column {0} set statistics 50, alter column {0} set storage plain", column.name));
        case 6:
            return {{fmt::format("alter type stimmung add value 'neu' {} 'trüb'", random_.one_in(2) ? "before" : "after")}};
        case 7:
            return {{"alter type paar rename attribute a to z cascade"}};
        case 8:
            return {{random_.one_in(2) ? "alter domain kurz drop constraint kurz_check"
                                       : "alter domain kurz add check (value <> 'a') not valid"}};
        case 9: {
            auto const found = session_.rows(fmt::format(
                "select quote_ident(conname) from pg_constraint where conrelid = {}::regclass order by 1", quoted_text(table.name)));
            return found.empty() ? Operation{} : alter(fmt::format("rename constraint {} to {}", *random_.of(found)[0], name));
        }
        case 10:
            return alter(random_.one_in(2) ? "disable trigger user" : "replica identity full");
        case 11:
            return {{fmt::format("create table {}{} (like {} including all)", in_schema(), names_.table(), table.name)}};
        case 12: {  // bounds that no other partition has
            if (!table.partitioned) return {};
            auto const bounds = random_.of(std::vector<std::string>{"in (42)", "from (100) to (200)"});
            return {{fmt::format("create table {}{} partition of {} for values {}", in_schema(), names_.table(), table.name, bounds)}};
        }
        case 13:  // what is taken back within
            return {{fmt::format(
                "do $undrop$ begin delete from {}; raise exception 'no'; exception when raise_exception then null; end $undrop$",
                table.name)}};
        case 14:
            return {{fmt::format("grant select, update ({}) on {} to public", column.name, table.name)}};
        case 15:
            return {{fmt::format("create statistics {}{} on {}, {} from {}", in_schema(), name, column.name, random_.of(table.columns).name,
                                 table.name)}};
        case 16:
            return swapped(table, column);
        default:
            return upserted(table);
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
