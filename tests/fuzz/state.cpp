#include "fuzz/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace undrop::test {
namespace {

constexpr int lines_shown = 12;

// Identities are texts, so that nothing depends on numbers that the database gives.
// Rights that are given and taken back are written down afterwards, and are what they were without that.
constexpr char const* postgres_definitions = R"(
with ns as (select oid, nspname from pg_namespace where nspname not in ('undrop', 'information_schema') and nspname !~ '^pg_'),
r as (select c.*, '"' || n.nspname || '"."' || c.relname || '"' as name from pg_class c join ns n on n.oid = c.relnamespace)
select 'schema ' || nspname, '' from ns
union all
select 'relation ' || name, concat_ws(' ', relkind, relpersistence, reloptions::text,
  nullif(relacl::text, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)::text), pg_get_userbyid(relowner), relrowsecurity, relreplident,
  pg_get_expr(relpartbound, oid), pg_get_partkeydef(oid),
  (select string_agg(inhparent::regclass::text, ',' order by inhseqno) from pg_inherits where inhrelid = r.oid),
  case when relkind in ('v', 'm') then pg_get_viewdef(oid) end)
  from r where relkind not in ('i', 'I', 'c', 't')
union all
select 'column ' || name || '.' || attname, concat_ws(' ', format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, attidentity, attgenerated,
  pg_get_expr(adbin, adrelid), attstorage, attcompression, attislocal, attinhcount, attacl::text)
  from r join pg_attribute a on a.attrelid = r.oid and attnum > 0 and not attisdropped left join pg_attrdef d on d.adrelid = r.oid and d.adnum = attnum
  where relkind not in ('i', 'I', 'S', 't')
union all
select 'constraint ' || coalesce(r.name || '.', '') || conname, pg_get_constraintdef(k.oid) || ' ' || concat_ws(' ', convalidated, condeferrable, condeferred)
  from pg_constraint k join ns on ns.oid = connamespace left join r on r.oid = conrelid
union all
select 'index ' || i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) || concat_ws(' ', indisvalid, indisreplident, indisclustered) from pg_index i join r on r.oid = indrelid where r.relkind <> 't'
union all
select 'trigger ' || r.name || '.' || tgname, pg_get_triggerdef(t.oid) || tgenabled::text from pg_trigger t join r on r.oid = tgrelid where not tgisinternal
union all
select 'rule ' || r.name || '.' || rulename, pg_get_ruledef(u.oid) from pg_rewrite u join r on r.oid = ev_class where rulename <> '_RETURN'
union all
select 'type ' || t.oid::regtype::text, concat_ws(' ', typtype, format_type(typbasetype, typtypmod), typnotnull, typdefault, typacl::text,
  (select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum where enumtypid = t.oid))
  from pg_type t join ns on ns.oid = typnamespace where typtype in ('e', 'd', 'r') or (typtype = 'c' and exists (select from pg_class where oid = typrelid and relkind = 'c'))
union all
select 'function ' || p.oid::regprocedure::text, pg_get_functiondef(p.oid) || coalesce(proacl::text, '') from pg_proc p join ns on ns.oid = pronamespace where prokind in ('f', 'p')
union all
select 'sequence ' || seqrelid::regclass::text, concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle,
  (select refobjid::regclass::text || '.' || attname || deptype::text from pg_depend join pg_attribute on attrelid = refobjid and attnum = refobjsubid
   where classid = 'pg_class'::regclass and objid = seqrelid and deptype in ('a', 'i')))
  from pg_sequence join r on r.oid = seqrelid
union all
select 'comment ' || pg_describe_object(classoid, objoid, objsubid), description from pg_description where objoid in (select oid from r union select oid from pg_type where typnamespace in (select oid from ns))
order by 1)";

constexpr char const* sqlite_definitions =
    "select type || ' ' || name || ' on ' || tbl_name, coalesce(sql, '') from sqlite_schema where tbl_name not like 'undrop\\_%' escape "
    "'\\' and "
    "name not like 'undrop\\_%' escape '\\' order by 1";

// As the type writes it: the cast to text says '::1/128' of an inet.
constexpr char const* postgres_literal = "quote_nullable(case when num_nulls({0}) = 0 then format('%s', {0}) end)";

// quote() ends a text at its first NUL character, and has no literal for infinity.
constexpr char const* sqlite_literal =
    "case when typeof({0}) = 'text' and instr(cast({0} as blob), x'00') > 0 then 'cast(x''' || hex({0}) || ''' as text)' "
    "when typeof({0}) = 'real' and abs({0}) = 9e999 then case when {0} > 0 then '9e999' else '-9e999' end else quote({0}) end";

std::string text_of(FuzzRow const& row) {
    std::string text;
    for (auto const& [column, value] : row) text += (text.empty() ? "" : ", ") + column + "=" + value.substr(0, 80);
    return text;
}

struct Lines {
    std::string text;
    int count = 0;
    void add(std::string const& line) {
        if (++count <= lines_shown) text += line + "\n";
    }
};

void compare_rows(State const& expected, State const& found, Lines& lines) {
    std::set<std::string> names;
    for (auto const& [name, rows] : expected.rows) names.insert(name);
    for (auto const& [name, rows] : found.rows) names.insert(name);
    for (auto const& name : names) {
        if (!expected.rows.contains(name) || !found.rows.contains(name)) {
            lines.add((expected.rows.contains(name) ? "missing table " : "further table ") + name);
            continue;
        }
        auto const& left = expected.rows.at(name);
        auto const& right = found.rows.at(name);
        std::vector<FuzzRow> only;
        std::set_difference(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(only));
        for (auto const& row : only) lines.add(fmt::format("{}: expected {}", name, text_of(row)));
        only.clear();
        std::set_difference(right.begin(), right.end(), left.begin(), left.end(), std::back_inserter(only));
        for (auto const& row : only) lines.add(fmt::format("{}: found    {}", name, text_of(row)));
    }
}

}  // namespace

State state_of(Session& session, Engine engine) {
    bool const postgres = engine == Engine::postgres;
    State state;
    for (auto const& line : session.rows(postgres ? postgres_definitions : sqlite_definitions))
        state.definitions[*line[0]] = line[1].value_or("");
    for (auto const& table : fuzz_tables(session, engine)) {
        std::string cells;
        for (auto const& column : table.columns)
            cells += (cells.empty() ? "" : ", ") + fmt::format(fmt::runtime(postgres ? postgres_literal : sqlite_literal), column.name);
        auto& rows = state.rows[table.name];
        if (cells.empty()) cells = "1 where false";
        for (auto const& line :
             session.rows(fmt::format("select {} from {}{}", cells, postgres && !table.partitioned ? "only " : "", table.name))) {
            FuzzRow row;
            for (std::size_t n = 0; n < table.columns.size(); ++n) row[table.columns[n].name] = line[n].value_or("NULL");
            rows.push_back(std::move(row));
        }
        std::sort(rows.begin(), rows.end());
    }
    return state;
}

std::string difference(State const& expected, State const& found) {
    Lines lines;
    for (auto const& [what, text] : expected.definitions)
        if (!found.definitions.contains(what))
            lines.add("missing: " + what + ": " + text);
        else if (found.definitions.at(what) != text)
            lines.add(fmt::format("{}: expected {}\n    found    {}", what, text, found.definitions.at(what)));
    for (auto const& [what, text] : found.definitions)
        if (!expected.definitions.contains(what)) lines.add("further: " + what + ": " + text);
    compare_rows(expected, found, lines);
    return lines.text;
}

std::string difference_of_rows(State const& expected, State const& found) {
    Lines lines;
    compare_rows(expected, found, lines);
    return lines.text;
}

}  // namespace undrop::test
