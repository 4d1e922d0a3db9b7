#include "fuzz/script.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "fuzz/values.hpp"

namespace undrop::test {

std::string Operation::text() const {
    std::string text;
    for (auto const& statement : statements) text += statement + ";\n";
    return text;
}

bool attempt(Session& session, Engine engine, Operation const& operation, Places& places) {
    auto const text = operation.text();
    if (text.empty() || !session.attempt(text).empty()) return false;
    if (operation.effect) operation.effect(places);
    places.look(fuzz_tables(session, engine));
    return true;
}

ScriptMaker::ScriptMaker(Session& session, Engine engine, Random& random, bool told)
    : session_(session),
      engine_(engine),
      postgres_(engine == Engine::postgres),
      random_(random),
      told_(told),
      writes_(session, engine, random, "u", told),
      names_(random),
      tables_(fuzz_tables(session, engine)),
      places_(tables_) {}

void ScriptMaker::make(int operations) {
    for (int n = 0, tries = 0; n < operations && tries < 5 * operations && !tables_.empty(); ++tries) {
        auto const next = operation();
        if (!attempt(session_, engine_, next, places_)) continue;
        operations_.push_back(next);
        tables_ = fuzz_tables(session_, engine_);
        ++n;
    }
}

Operation ScriptMaker::operation() {
    auto const table = random_.of(tables_);
    auto next = [&] {
        switch (random_.below(10)) {
            case 0:
            case 1:
            case 2:
                return of_rows(table);
            case 3:
            case 4:
                return of_columns(table);
            case 5:
                return of_tables(table);
            case 6:
                return of_objects(table);
            default:
                return postgres_ ? of_postgres(table) : of_sqlite(table);
        }
    }();
    if (postgres_ && random_.one_in(6))
        for (auto& statement : next.statements) statement = hidden(statement);
    return next;
}

// In ways that no parser sees.
std::string ScriptMaker::hidden(std::string const& statement) {
    if (random_.one_in(2)) return fmt::format("do $undrop$ begin {}; end $undrop$", statement);
    auto const name = fmt::format("\"public\".verborgen_{}", ++functions_);
    return fmt::format(
        "create function {0}() returns void language plpgsql as $undrop$ begin {1}; end $undrop$;\nselect {0}();\ndrop function {0}()",
        name, statement);
}

Operation ScriptMaker::of_rows(FuzzTable const& table) {
    switch (random_.below(6)) {
        case 0:
            return {{writes_.insert(table)}};
        case 1:
            return {{writes_.remove(table)}};
        case 2: {
            std::vector<std::string> names;
            std::vector<std::string> values;
            for (auto const& column : table.columns) {
                if (!column.written || column.drawn) continue;
                names.push_back(column.name);
                values.push_back(column.name == tag_column                   ? fmt::format("{} || 'u'", column.name)
                                 : column.unique && column.type == "integer" ? column.name + " + 100000"
                                                                             : column.name);
            }
            if (names.empty()) return {};
            return {{fmt::format("insert into {0} ({1}) select {2} from {0} where {3}", table.name, fmt::join(names, ", "),
                                 fmt::join(values, ", "), writes_.condition(table))}};
        }
        case 3:
            if (!postgres_) {
                auto replaced = writes_.insert(table);
                return {{replaced.replace(0, 6, "replace")}};
            }
            // A step that is begun again has drawn numbers already: what conflicts with them is another row then.
            return {{random_.one_in(2) ? fmt::format("truncate {}{}", table.name, random_.one_in(2) ? " cascade" : "")
                     : table.draws()   ? writes_.insert(table)
                                       : writes_.insert(table) + " on conflict do nothing"}};
        default:
            return {{writes_.update(table, true)}, [=](Places& places) { places.table_rekeyed(table.name); }};
    }
}

// Two columns of one type, each with the other's values.
Operation ScriptMaker::swapped(FuzzTable const& table, FuzzColumn const& column) {
    if (!column.written || column.unique || column.name == tag_column) return {};
    for (auto const& other : table.columns)
        if (other.written && !other.unique && other.name != tag_column && other.name != column.name && other.type == column.type)
            return {{fmt::format("update {0} set {1} = {2}, {2} = {1} where {3}", table.name, column.name, other.name,
                                 writes_.condition(table))}};
    return {};
}

// A row under the key of another one.
Operation ScriptMaker::upserted(FuzzTable const& table) {
    auto const key = table.key();
    auto const open = std::find_if(table.columns.begin(), table.columns.end(),
                                   [](FuzzColumn const& column) { return column.written && !column.unique && column.name != tag_column; });
    if (key.size() != 1 || open == table.columns.end() || table.draws()) return {};
    return {{fmt::format("{} on conflict ({}) do update set {} = excluded.{}", writes_.insert(table), key[0], open->name, open->name)}};
}

Operation ScriptMaker::of_columns(FuzzTable const& table) {
    auto const& column = random_.of(table.columns);
    auto const name = names_.column();
    auto const rename = fmt::format("alter table {} rename column {} to {}", table.name, column.name, name);
    auto const renamed = [=](Places& places) { places.column_renamed(table.name, column.name, name); };
    switch (random_.below(7)) {
        case 0:
            if (column.name == tag_column || table.in_family) return {};
            return {{rename}, renamed};
        case 6:  // another one takes the name
            if (column.name == tag_column || table.in_family) return {};
            return {
                {rename, fmt::format("alter table {} add column {}", table.name, column_definition(engine_, random_, column.name, false)),
                 fmt::format("update {} set {} = {} where {}", table.name, column.name, column.name, writes_.condition(table))},
                renamed};
        case 1:
            return {{fmt::format("alter table {} add column {}", table.name, column_definition(engine_, random_, name, false)),
                     fmt::format("update {} set {} = {} where {}", table.name, name, name, writes_.condition(table))}};
        case 2:
            if (column.name == tag_column) return {};
            return {{fmt::format("alter table {} drop column {}", table.name, column.name),
                     fmt::format("alter table {} add column {}", table.name, column_definition(engine_, random_, column.name, false))},
                    [=](Places& places) { places.column_remade(table.name, column.name); }};
        default:
            if (column.name == tag_column) return {};
            return {{fmt::format("alter table {} drop column {}{}", table.name, column.name,
                                 postgres_ && random_.one_in(2) ? " cascade" : "")}};
    }
}

Operation ScriptMaker::of_tables(FuzzTable const& table) {
    auto const name = names_.table();
    auto const now = (postgres_ ? table.name.substr(0, table.name.find("\".\"") + 2) : "") + name;
    auto const rename = fmt::format("alter table {} rename to {}", table.name, name);
    auto const renamed = [=](Places& places) { places.table_renamed(table.name, now); };
    switch (random_.below(6)) {
        case 0:
            return {{rename}, renamed};
        case 4:  // something else takes the name
            return {{rename, random_.one_in(2) ? fmt::format("create table {} as select * from {}", table.name, now)
                                               : fmt::format("create table {} (id integer primary key, {} text)", table.name, tag_column)},
                    renamed};
        case 5:
            return {{rename, fmt::format("create view {} as select * from {}", table.name, now)}, renamed};
        case 1:
            return {{fmt::format("create table {}{} as select * from {}", in_schema(), name, table.name)}};
        case 2:
            return {{fmt::format("create table {}{} (id integer primary key, {} text, {})", in_schema(), name, tag_column,
                                 column_definition(engine_, random_, names_.column(), true))}};
        default:
            return {{fmt::format("drop table {}{}", table.name, postgres_ && random_.one_in(2) ? " cascade" : "")}};
    }
}

Operation ScriptMaker::of_objects(FuzzTable const& table) {
    auto const& column = random_.of(table.columns);
    auto const name = names_.column();
    switch (random_.below(6)) {
        case 0:
            return {{fmt::format("create {}index {} on {} ({})", random_.one_in(2) ? "unique " : "", name, table.name, column.name)}};
        case 1:
            return {{fmt::format("create view {}{} as select {} from {}", in_schema(), name, column.name, table.name)}};
        case 2:
            if (postgres_)
                return {
                    {"create or replace function \"public\".ungerade() returns trigger language plpgsql as $f$ begin return new; end $f$",
                     fmt::format("create trigger {} before insert or update on {} for each row execute function \"public\".ungerade()",
                                 name, table.name)}};
            return {{fmt::format("create trigger {0} after insert on {1} begin update {1} set {2} = {2} where rowid = new.rowid; end", name,
                                 table.name, column.name)}};
        default:
            return dropped_object();
    }
}

Operation ScriptMaker::dropped_object() {
    auto const found = session_.rows(postgres_ ? "select case c.relkind when 'i' then 'index' when 'v' then 'view' else 'sequence' end, "
                                                 "format('%I.%I', n.nspname, c.relname) from pg_class c join "
                                                 "pg_namespace n on n.oid = c.relnamespace where c.relkind in ('i', 'v', 'S') and "
                                                 "n.nspname <> 'undrop' and n.nspname !~ '^pg_' and n.nspname <> "
                                                 "'information_schema' union all select 'trigger', format('%I on %s', tgname, "
                                                 "tgrelid::regclass) from pg_trigger where not tgisinternal order by 1, 2"
                                               : "select type, '\"' || replace(name, '\"', '\"\"') || '\"' from sqlite_schema where type "
                                                 "<> 'table' and sql is not null and name not like "
                                                 "'undrop\\_%' escape '\\' order by 1, 2");
    if (found.empty()) return {};
    auto const& one = random_.of(found);
    return {{fmt::format("drop {} {}{}", *one[0], *one[1], postgres_ && random_.one_in(2) ? " cascade" : "")}};
}

}  // namespace undrop::test
