#include "tables.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

#include "postgres_dialect.hpp"
#include "try.hpp"
#include "types.hpp"

namespace undrop::postgres {

namespace {

struct Kept {
    std::string_view type;  // pg_type.typname, in pg_catalog
    char const* stored;
};

// Types that are built in and hold no oid are kept as they are, without their modifiers; every other as text.
// Texts are compared byte by byte, also when a server's locale changes.
constexpr char const* text = "text collate pg_catalog.\"C\"";
constexpr std::array kept{
    Kept{"bool", "boolean"},
    Kept{"int2", "smallint"},
    Kept{"int4", "integer"},
    Kept{"int8", "bigint"},
    Kept{"float4", "real"},
    Kept{"float8", "double precision"},
    Kept{"numeric", "numeric"},
    Kept{"text", text},
    Kept{"varchar", text},
    Kept{"bytea", "bytea"},
    Kept{"date", "date"},
    Kept{"time", "time without time zone"},
    Kept{"timetz", "time with time zone"},
    Kept{"timestamp", "timestamp without time zone"},
    Kept{"timestamptz", "timestamp with time zone"},
    Kept{"interval", "interval"},
    Kept{"uuid", "uuid"},
    Kept{"json", "json"},
    Kept{"jsonb", "jsonb"},
    Kept{"xml", "xml"},  // its output function would leave the declaration out
    Kept{"inet", "inet"},
    Kept{"cidr", "cidr"},
    Kept{"macaddr", "macaddr"},
    Kept{"macaddr8", "macaddr8"},
};

// pg_get_expr locks a relation that it is given, and a default refers to none.
// A unique index tells rows apart only if it is valid, whole, immediate, over plain columns, none of which can be NULL or is computed.
constexpr char const* query = R"(
select c.oid, n.nspname, c.relname, c.relkind, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       case when t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace then t.typname end,
       a.attgenerated <> '', a.attidentity = 'a', a.attnotnull,
       case when a.attgenerated = '' then pg_catalog.pg_get_expr(d.adbin, 0) end,
       pg_catalog.array_position(k.columns, a.attnum),
       case when c.relispartition then pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid end,
       case when t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace then t.oid end
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
left join lateral (
    select (i.indkey::int2[])[0:i.indnkeyatts - 1] as columns
    from pg_catalog.pg_index i join pg_catalog.pg_class ic on ic.oid = i.indexrelid
    where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
      and (i.indimmediate or i.indisprimary)
      and not exists (select from pg_catalog.pg_attribute ka where ka.attrelid = c.oid and (not ka.attnotnull or ka.attgenerated <> '')
                      and ka.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
    order by i.indisprimary desc, i.indnkeyatts, ic.relname limit 1) k on true
where c.relkind in ({2}) and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> {0}
  and not exists (select from pg_catalog.pg_depend e where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid
                  and e.deptype = 'e') {1}
order by n.nspname collate "C", c.relname collate "C", c.oid, a.attnum)";

// Every unique index that holds for all rows at once, by table: attribute numbers; and for those of its columns that it takes for equal
// without their being the same bytes, its operator and collation. What else is unique (UniqueRule), a row for each part: as the database
// writes it, where names are qualified. And of tables that have such: what computes their columns, and the columns' own collations.
constexpr char const* unique_query = R"(
with r as (
    select i.indexrelid, i.indrelid, i.indnkeyatts, i.indclass, i.indcollation, i.indpred, k.conexclop,
           coalesce(k.conname, ic.relname) as name, i.indexprs is null and i.indpred is null and not i.indisexclusion as on_columns,
           {3} as nulls_equal
    from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_class ic on ic.oid = i.indexrelid
    left join pg_catalog.pg_constraint k on k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x')
    where (i.indisunique or i.indisexclusion) and i.indisvalid and c.relkind in ('r', 'p') and c.relpersistence <> 't'
      and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> {0} {1}
      and (i.indexprs is not null or i.indpred is not null or i.indisexclusion or {3}
           or exists (select from pg_catalog.pg_attribute a
                      where a.attrelid = c.oid and a.attgenerated <> '' and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]))))
select i.indrelid, pg_catalog.array_to_string((i.indkey::int2[])[0:i.indnkeyatts - 1], ' '),
       (select pg_catalog.string_agg(pg_catalog.format(E'%s\t%s\t%I\t%I', i.indkey[g.at],
                   (select pg_catalog.format(E'%I\t%s', en.nspname, e.oprname)
                    from pg_catalog.pg_amop ao join pg_catalog.pg_operator e on e.oid = ao.amopopr
                    join pg_catalog.pg_namespace en on en.oid = e.oprnamespace
                    where ao.amopfamily = oc.opcfamily and ao.amoplefttype = oc.opcintype and ao.amoprighttype = oc.opcintype
                      and ao.amopstrategy = 3), ln.nspname, l.collname), E'\n')
        from pg_catalog.generate_series(0, i.indnkeyatts - 1) g(at)
        join pg_catalog.pg_opclass oc on oc.oid = i.indclass[g.at]
        join pg_catalog.pg_type ot on ot.oid = oc.opcintype
        left join pg_catalog.pg_collation l on l.oid = i.indcollation[g.at]
        left join pg_catalog.pg_namespace ln on ln.oid = l.collnamespace
        where not l.collisdeterministic or ot.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace),
       null::pg_catalog.name, null, null, null, null, null, null, i.indexrelid, 0
from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> {0} {1}
union all
select r.indrelid, null, null, r.name, pg_catalog.pg_get_indexdef(r.indexrelid, g.at, false),
       (select pg_catalog.format('OPERATOR(%I.%s)', en.nspname, e.oprname)
        from pg_catalog.pg_operator e join pg_catalog.pg_namespace en on en.oid = e.oprnamespace
        where e.oid = coalesce(r.conexclop[g.at],
                               (select ao.amopopr from pg_catalog.pg_opclass oc join pg_catalog.pg_amop ao on ao.amopfamily = oc.opcfamily
                                and ao.amoplefttype = oc.opcintype and ao.amoprighttype = oc.opcintype and ao.amopstrategy = 3
                                where oc.oid = r.indclass[g.at - 1]))),
       (select pg_catalog.format('%I.%I', ln.nspname, l.collname)
        from pg_catalog.pg_collation l join pg_catalog.pg_namespace ln on ln.oid = l.collnamespace where l.oid = r.indcollation[g.at - 1]),
       pg_catalog.pg_get_expr(r.indpred, r.indrelid), r.nulls_equal::pg_catalog.text, r.on_columns::pg_catalog.text, r.indexrelid, g.at
from r cross join lateral pg_catalog.generate_series(1, r.indnkeyatts) g(at)
union all
select a.attrelid, a.attnum::pg_catalog.text, null, null, case when a.attgenerated <> '' then pg_catalog.pg_get_expr(d.adbin, a.attrelid) end,
       null, (select pg_catalog.format('%I.%I', ln.nspname, l.collname) from pg_catalog.pg_collation l
              join pg_catalog.pg_namespace ln on ln.oid = l.collnamespace where l.oid = a.attcollation), null, null, null, null, null
from pg_catalog.pg_attribute a left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid in (select r.indrelid from r) and a.attnum > 0 and not a.attisdropped and (a.attgenerated <> '' or a.attcollation <> 0)
order by 11, 12)";

bool yes(Cell const& cell) { return cell && *cell == "t"; }

Column column_of(Row const& row) {
    Column column;
    column.id = row[4].value_or("");
    column.name = row[5].value_or("");
    column.type = row[6].value_or("");
    auto const found = std::find_if(kept.begin(), kept.end(), [&](Kept const& k) { return row[7] && k.type == *row[7]; });
    column.as_text = found == kept.end();
    column.stored_type = column.as_text ? text : found->stored;
    column.generated = yes(row[8]);
    column.identity = yes(row[9]);
    column.not_null = yes(row[10]);
    column.default_sql = row[11].value_or("");
    return column;
}

void set_key(Table& table, std::map<int, std::string> const& by_position) {
    for (auto const& [position, name] : by_position) table.key.push_back(name);
}

// Lines of attribute number, schema and name of an operator, schema and name of a collation.
void set_equality(Table& table, std::string const& found) {
    std::istringstream lines(found);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::array<std::string, 5> field;
        for (auto& each : field) std::getline(fields, each, '\t');
        for (auto& column : table.columns) {
            if (column.id != field[0]) continue;
            column.equals = "OPERATOR(" + field[1] + "." + field[2] + ")";
            if (!field[4].empty()) column.collation = field[3] + "." + field[4];
        }
    }
}

// What a rule's parts have in common stands with each of them.
void add_part(Table& table, Row const& row) {
    if (row[11] == "1") {
        auto& rule = table.rules.emplace_back();
        rule.name = row[3].value_or("");
        rule.condition = row[7].value_or("");
        rule.nulls_equal = row[8] == "true";
        rule.on_columns = row[9] == "true";
    }
    table.rules.back().parts.push_back(
        {.expression = row[4].value_or(""), .equals = row[5].value_or("="), .collation = row[6].value_or("")});
}

// A row of values is not of the table's type.
bool takes_whole_row(Table const& table, UniqueRule const& rule) {
    auto const takes = [&](std::string const& expression) {
        return expression.find(table.name + ".*") != std::string::npos ||
               expression.find(quote_identifier(table.name) + ".*") != std::string::npos;
    };
    return takes(rule.condition) ||
           std::any_of(rule.parts.begin(), rule.parts.end(), [&](UniqueRule::Part const& p) { return takes(p.expression); });
}

void set_computed(Table& table, Row const& row) {
    for (auto& column : table.columns) {
        if (column.id != row[1]) continue;
        column.computed = row[4].value_or("");
        if (column.equals.empty()) column.collation = row[6].value_or("");
    }
}

constexpr char const* ordinary = "'r', 'p'";
constexpr char const* materialized = "'m'";

// `relations`: oids as an array, where not all tables are asked for.
Result<Rows> ask(Connection& connection, Session const& session, char const* sql, std::string const& ledger, std::string const* relations,
                 char const* kinds = ordinary) {
    std::vector<Cell> parameters;
    if (relations) parameters.emplace_back(*relations);
    auto const* const where = relations ? "and c.oid = any ($1::pg_catalog.oid[])" : "";
    auto const* const nulls_equal = connection.server_version() >= 150000 ? "i.indnullsnotdistinct" : "false";
    return connection.repeated(session.safely(fmt::format(fmt::runtime(sql), quote_literal(ledger), where, kinds, nulls_equal)),
                               parameters);
}

Result<void> read_unique(Connection& connection, Session const& session, std::string const& ledger, std::string const* relations,
                         std::vector<Table>& tables) {
    UNDROP_TRY(auto const rows, ask(connection, session, unique_query, ledger, relations));
    std::map<std::string, Table*> by_id;
    for (auto& table : tables) by_id.emplace(table.id, &table);
    for (auto const& row : rows) {
        auto const found = by_id.find(*row[0]);
        if (found == by_id.end()) continue;
        if (!row[1]) {
            add_part(*found->second, row);
            continue;
        }
        if (!row[10]) {
            set_computed(*found->second, row);
            continue;
        }
        set_equality(*found->second, row[2].value_or(""));
        std::vector<std::string> names;
        std::istringstream numbers(row[1].value_or(""));
        for (std::string number; numbers >> number;)
            if (auto const* column = found->second->column_by_id(number)) names.push_back(column->name);
        if (!names.empty() && names != found->second->key) found->second->unique.push_back(std::move(names));
    }
    for (auto& table : tables) std::erase_if(table.rules, [&](UniqueRule const& rule) { return takes_whole_row(table, rule); });
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<std::vector<Table>> read(Connection& connection, Session const& session, std::string const& ledger, std::string const* relations,
                                char const* kinds = ordinary) {
    UNDROP_TRY(auto const rows, ask(connection, session, query, ledger, relations, kinds));
    std::vector<Table> tables;
    std::map<int, std::string> key;  // of the table at hand, by position in the index
    for (auto const& row : rows) {
        if (tables.empty() || tables.back().id != *row[0]) {
            if (!tables.empty()) set_key(tables.back(), key);
            key.clear();
            auto& table = tables.emplace_back();
            table.id = *row[0];
            table.schema = *row[1];
            table.name = *row[2];
            table.partitioned = *row[3] == "p";
            table.root = row[13].value_or("");
        }
        if (!row[4]) continue;  // a table without columns
        tables.back().columns.push_back(column_of(row));
        if (row[12]) key[std::stoi(*row[12])] = *row[5];
    }
    if (!tables.empty()) set_key(tables.back(), key);
    if (kinds == ordinary) UNDROP_CHECK(read_unique(connection, session, ledger, relations, tables));
    std::vector<std::pair<std::string, Column*>> own;  // columns of users' types
    auto row = rows.begin();
    for (auto& table : tables) {
        for (auto& column : table.columns) {
            while (*row->at(0) != table.id || row->at(4) != column.id) ++row;
            if (row->at(14)) own.emplace_back(*row->at(14), &column);
        }
    }
    UNDROP_CHECK(describe_types(connection, session, own));
    return tables;
}

}  // namespace

Result<std::vector<Table>> read_tables(Connection& connection, Session const& session, std::string const& ledger,
                                       std::string const* relations) {
    return read(connection, session, ledger, relations);
}

Result<std::vector<Table>> read_materialized_views(Connection& connection, Session const& session, std::string const& ledger) {
    return read(connection, session, ledger, nullptr, materialized);
}

Result<std::optional<std::vector<Table>>> read_tables_again(Connection& connection, Session const& session, std::string const& ledger,
                                                            std::vector<Table> const& before, Touched const& touched) {
    std::optional<std::vector<Table>> nothing;
    if (touched.all || touched.types) return nothing;
    auto const relations = touched.array();
    UNDROP_TRY(auto tables, read(connection, session, ledger, &relations));
    for (auto const& table : before)
        if (!touched.relations.contains(table.id)) tables.push_back(table);
    std::sort(tables.begin(), tables.end(),
              [](Table const& a, Table const& b) { return std::tie(a.schema, a.name) < std::tie(b.schema, b.name); });
    return std::optional<std::vector<Table>>(std::move(tables));
}

}  // namespace undrop::postgres
