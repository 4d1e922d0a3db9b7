#include "fuzz/tables.hpp"

#include <algorithm>
#include <map>

namespace undrop::test {
namespace {

constexpr char const* postgres_columns = R"(
with t as (
  select c.oid, c.relkind, '"' || replace(n.nspname, '"', '""') || '"."' || replace(c.relname, '"', '""') || '"' as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('undrop', 'information_schema') and n.nspname !~ '^pg_')
select t.name, '"' || replace(a.attname, '"', '""') || '"', format_type(a.atttypid, a.atttypmod), a.attnotnull,
  a.attgenerated <> '' , exists (select from pg_index i where i.indrelid = t.oid and i.indisunique and a.attnum = any (i.indkey)),
  f.name, '"' || replace(fa.attname, '"', '""') || '"', a.attidentity <> '' or coalesce(pg_get_expr(d.adbin, d.adrelid) ~ 'nextval', false),
  t.relkind = 'p', true,
  exists (select from pg_index i where i.indrelid = t.oid and i.indisprimary and a.attnum = any (i.indkey)),
  t.relkind = 'r' and exists (select from pg_inherits h where t.oid in (h.inhrelid, h.inhparent)),
  exists (select from pg_index i where i.indrelid = t.oid and i.indisunique and i.indpred is null and a.attnum = any (i.indkey))
from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
left join lateral (select k.confrelid, k.confkey[1] as key from pg_constraint k
  where k.contype = 'f' and k.conrelid = t.oid and k.conkey = array[a.attnum] and k.conparentid = 0 order by k.oid limit 1) k on true
left join t f on f.oid = k.confrelid left join pg_attribute fa on fa.attrelid = k.confrelid and fa.attnum = k.key
order by t.name, a.attnum)";

constexpr char const* postgres_partitions = R"(
select '"' || replace(pn.nspname, '"', '""') || '"."' || replace(p.relname, '"', '""') || '"',
  '"' || replace(n.nspname, '"', '""') || '"."' || replace(c.relname, '"', '""') || '"'
from pg_inherits i join pg_class c on c.oid = i.inhrelid and c.relispartition join pg_namespace n on n.oid = c.relnamespace
join pg_class p on p.oid = i.inhparent and not p.relispartition join pg_namespace pn on pn.oid = p.relnamespace
where n.nspname <> 'undrop' order by 1, 2)";

constexpr char const* sqlite_columns = R"(
select t.name, c.name, c.type, c."notnull", c.hidden > 1,
  (c.pk > 0 or exists (select 1 from pragma_index_list(t.name) i, pragma_index_info(i.name) k where i."unique" and k.name = c.name)),
  (select f."table" from pragma_foreign_key_list(t.name) f where f."from" = c.name and f.seq = 0 limit 1),
  (select f."to" from pragma_foreign_key_list(t.name) f where f."from" = c.name and f.seq = 0 limit 1),
  (c.pk > 0 and c.type = 'INTEGER' and (select count(*) from pragma_table_info(t.name) p where p.pk > 0) = 1), 0,
  not exists (select 1 from pragma_table_list(t.name) l where l.wr), c.pk > 0, 0,
  (c.pk > 0 or exists (select 1 from pragma_index_list(t.name) i, pragma_index_info(i.name) k
                       where i."unique" and not i.partial and k.name = c.name))
from sqlite_schema t, pragma_table_xinfo(t.name) c
where t.type = 'table' and t.name not like 'sqlite\_%' escape '\' and t.name not like 'undrop\_%' escape '\' and c.hidden <> 1
and t.sql like 'create table%'
order by t.name, c.cid)";

bool yes(std::optional<std::string> const& cell) { return cell == "t" || cell == "1"; }

}  // namespace

FuzzColumn const* FuzzTable::column(std::string const& column_name) const {
    auto const found = std::find_if(columns.begin(), columns.end(), [&](auto const& each) { return each.name == column_name; });
    return found == columns.end() ? nullptr : &*found;
}

bool FuzzTable::draws() const {
    return std::any_of(columns.begin(), columns.end(), [](auto const& each) { return each.drawn; });
}

std::vector<std::string> FuzzTable::key() const {
    std::vector<std::string> names;
    for (auto const& each : columns)
        if (each.primary) names.push_back(each.name);
    for (auto const& each : columns)
        if (names.empty() && each.tells && each.not_null) names.push_back(each.name);
    return names;
}

FuzzTable const* find(std::vector<FuzzTable> const& tables, std::string const& name) {
    auto const found = std::find_if(tables.begin(), tables.end(), [&](auto const& each) { return each.name == name; });
    return found == tables.end() ? nullptr : &*found;
}

std::vector<FuzzTable> fuzz_tables(Session& session, Engine engine) {
    bool const postgres = engine == Engine::postgres;
    auto const name_of = [&](std::string const& text) { return postgres ? text : quoted_name(text); };
    std::vector<FuzzTable> tables;
    for (auto const& line : session.rows(postgres ? postgres_columns : sqlite_columns)) {
        auto const name = name_of(*line[0]);
        if (tables.empty() || tables.back().name != name)
            tables.push_back({.name = name,
                              .columns = {},
                              .partitioned = yes(line[9]),
                              .in_family = yes(line[12]),
                              .numbered = yes(line[10]),
                              .partitions = {}});
        tables.back().columns.push_back({.name = name_of(*line[1]),
                                         .type = *line[2],
                                         .not_null = yes(line[3]),
                                         .written = !yes(line[4]),
                                         .unique = yes(line[5]),
                                         .tells = yes(line[13]),
                                         .primary = yes(line[11]),
                                         .parent = line[6] ? name_of(*line[6]) : "",
                                         .parent_column = line[7] ? name_of(*line[7]) : "",
                                         .drawn = yes(line[8])});
    }
    // SQLite lets tables refer to what is not there.
    for (auto& table : tables)
        for (auto& column : table.columns)
            if (auto const* parent = find(tables, column.parent); !parent || !parent->column(column.parent_column)) column.parent.clear();
    if (!postgres) return tables;
    for (auto const& line : session.rows(postgres_partitions))
        for (auto& table : tables)
            if (table.name == *line[0]) table.partitions.push_back(*line[1]);
    return tables;
}

std::string quoted_name(std::string const& name) {
    std::string out = "\"";
    for (char const c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

std::string quoted_text(std::string const& text) {
    std::string out = "'";
    for (char const c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
}

}  // namespace undrop::test
