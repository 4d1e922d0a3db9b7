// The schema as it is made anew in an empty database. The catalog's texts are those of a way back: a few things are otherwise there.
#include <fmt/format.h>

#include <array>

#include "catalog.hpp"
#include "implicit_casts.hpp"
#include "locator.hpp"
#include "names.hpp"
#include "postgres_backend.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// Those under which the catalog's texts were read, as far as a statement's meaning depends on them.
constexpr char const* settings =
    "SET client_encoding = 'UTF8';\n"
    "SET client_min_messages = warning;\n"
    "SET check_function_bodies = off;\n"
    "SET default_table_access_method = heap;\n"
    "SET default_tablespace = '';\n"
    "SET row_security = off;\n"
    "SET standard_conforming_strings = on;\n"
    "SET xmloption = content;\n"
    "SET DateStyle = 'ISO, YMD';\n"
    "SET IntervalStyle = 'postgres';\n"
    "SET search_path = pg_catalog, pg_temp;";

constexpr char const* unfilled = R"sql(
select c.sq, c.relname from rel c where c.relkind = 'm' and not c.relispopulated)sql";

// Tables that cannot be made without some of their columns, where others come before these: all columns up to the last of them.
constexpr char const* inlined = R"sql(
, columns as (
    select a.attrelid, a.attnum, a.attname,
           exists (select from key k where k.relation = a.attrelid and k.number = a.attnum) as inlined,
           concat(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
                  case when a.attcollation <> t.typcollation then ' COLLATE ' || a.attcollation::regcollation::text end,
                  case when a.attgenerated <> '' then format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid)) end)
               as definition
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped
)
select c.sq, c.relname, c.q, l.number, string_agg(x.definition, ', ' order by x.attnum) filter (where x.inlined),
       string_agg(x.definition, ', ' order by x.attnum)
from rel c
cross join lateral (select max(x.attnum) as number from columns x where x.attrelid = c.oid and x.inlined) l
join columns x on x.attrelid = c.oid and x.attnum <= l.number
where c.relkind = 'p' and not c.relispartition and c.reloftype = 0
group by 1, 2, 3, 4
having not bool_and(x.inlined))sql";

// What no object says: the columns' order of a table that inherits, whose parents' columns come first where it is made; security
// labels; rights on what an extension brought along.
constexpr char const* unsaid = R"sql(
select format('order of the columns of %s, which is not that of what it inherits', c.q)
from rel c
where c.relkind in ('r', 'p') and exists (select from pg_inherits i where i.inhrelid = c.oid)
  and array(select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) <>
      array(select a.attname from pg_attribute a
            left join lateral (
                select i.inhseqno, b.attnum from pg_inherits i
                join pg_attribute b on b.attrelid = i.inhparent and b.attname = a.attname and b.attnum > 0 and not b.attisdropped
                where i.inhrelid = c.oid order by 1 limit 1) p on true
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by p.inhseqno nulls last, p.attnum, a.attnum)
union all
select format('security label on %s', pg_describe_object(l.classoid, l.objoid, l.objsubid)) from pg_seclabel l
where not exists (select from ext e where e.classid = l.classoid and e.objid = l.objoid)
union all
select format('rights on %s', pg_describe_object(a.classid, a.objid, 0))
from (
    select 1255 as classid, p.oid as objid, p.proacl as acl, acldefault('f', p.proowner) as standard from pg_proc p
    union all
    select 1259, c.oid, c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner) from pg_class c
    union all
    select 1247, t.oid, t.typacl, acldefault('T', t.typowner) from pg_type t where t.typrelid = 0
) a
join pg_depend d on d.classid = a.classid and d.objid = a.objid and d.refclassid = 3079 and d.deptype = 'e'
left join pg_init_privs i on i.classoid = a.classid and i.objoid = a.objid and i.objsubid = 0
where a.objid >= 16384 and coalesce(a.acl, a.standard) <> coalesce(i.initprivs, a.standard)
)sql";

// Its name keeps it out of the catalog (P9). By what is in it, and not by whom we trust: a schema is the same whoever asks.
std::string no_store() {
    return fmt::format(
        "select format('schema %I, which is no store of undrop''s', n.nspname) from pg_namespace n where n.nspname = $ledger and (select "
        "count(*) from pg_class c where c.relnamespace = n.oid and c.relkind = 'r' and c.relname in ('{}', '{}', '{}')) < 3",
        names::meta, names::event, names::script);
}

constexpr char const* columns_of_view = R"sql(
select format('CREATE VIEW %s AS SELECT%s;', c.q,
              (select string_agg(format(' NULL::%s%s AS %I', format_type(a.atttypid, a.atttypmod),
                                        case when a.attcollation <> t.typcollation
                                             then ' COLLATE ' || a.attcollation::regcollation::text end, a.attname), ',' order by a.attnum)
               from pg_attribute a join pg_type t on t.oid = a.atttypid
               where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
from rel c where c.relkind = 'v' and c.sq = $1 and c.relname = $2)sql";

Result<Rows> told(Connection& connection, char const* sql, std::string const& ledger) {
    return catalog_rows(connection, catalog_sql(sql, ledger));
}

Result<void> put_columns_in_place(Connection& connection, std::string const& ledger, Catalog& catalog) {
    UNDROP_TRY(auto const rows, told(connection, inlined, ledger));
    for (auto const& row : rows) {
        auto const found = catalog.find(ObjectId{"table", *row[0], *row[1]});
        if (found == catalog.end()) continue;
        auto& table = found->second;
        auto const before = " (" + *row[4] + ")";
        table.make.replace(table.make.find(before), before.size(), " (" + *row[5] + ")");
        for (auto& [id, column] : catalog) {
            if (id.kind != "column" || id.parent != *row[2] || column.order > std::stoi(*row[3])) continue;
            constexpr std::string_view add = " ADD COLUMN ";
            column.make.insert(column.make.find(add) + add.size(), "IF NOT EXISTS ");
            for (auto const& need : column.needs)
                if (need != found->first && need.kind != "column") table.needs.push_back(need);
        }
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// What a new database has already, and would otherwise keep where this one has it not.
struct Given {
    char const* kind;
    std::string_view make;
    char const* take_away;
    int rank;
};
constexpr std::array<Given, 3> given{{
    {"comment on schema", "COMMENT ON SCHEMA public IS 'standard public schema';", "COMMENT ON SCHEMA public IS NULL;", 80},
    {"owner of schema", "ALTER SCHEMA public OWNER TO pg_database_owner;", "", 85},
    {"grants on schema",
     "REVOKE ALL ON SCHEMA public FROM PUBLIC;\nREVOKE ALL ON SCHEMA public FROM pg_database_owner;\n"
     "GRANT CREATE, USAGE ON SCHEMA public TO pg_database_owner;\nGRANT USAGE ON SCHEMA public TO PUBLIC;",
     "REVOKE ALL ON SCHEMA public FROM PUBLIC;", 90},
}};

void expect_public(WholeSchema& found) {
    auto& catalog = found.catalog;
    ObjectId const open{"schema", "", "public"};
    if (!catalog.contains(open)) {
        found.settings += "\nDROP SCHEMA IF EXISTS public;";
        return;
    }
    catalog.at(open).make = "CREATE SCHEMA IF NOT EXISTS public;";
    for (auto const& one : given) {
        ObjectId const id{one.kind, "", "public"};
        if (auto const is = catalog.find(id); is == catalog.end())
            catalog.emplace(id, Object{.make = one.take_away, .needs = {open}, .section = Section::after_data, .rank = one.rank});
        else if (is->second.make == one.make)
            catalog.erase(is);
    }
}

}  // namespace

Result<WholeSchema> PostgresBackend::describe(std::string const& ledger) {
    UNDROP_TRY(auto const reading, read_catalog(connection_, ledger, Extensions::all));
    WholeSchema found{.catalog = reading.catalog(), .settings = settings};
    for (auto const& [address, name] : reading.unknown())
        if (address.find('#') == std::string::npos) found.unknown.push_back(name);
    expect_public(found);
    UNDROP_TRY(auto const empty, told(connection_, unfilled, ledger));
    for (auto const& row : empty) {
        auto const view = found.catalog.find(ObjectId{"materialized_view", *row[0], *row[1]});
        constexpr std::string_view filled = "WITH DATA;";
        if (view == found.catalog.end() || !view->second.make.ends_with(filled)) continue;
        view->second.make.replace(view->second.make.size() - filled.size(), filled.size(), "WITH NO DATA;");
    }
    UNDROP_CHECK(put_columns_in_place(connection_, ledger, found.catalog));
    for (auto const& query : {std::string(unsaid), no_store()}) {
        UNDROP_TRY(auto const others, told(connection_, query.c_str(), ledger));
        for (auto const& row : others) found.unknown.push_back(*row[0]);
    }
    for (auto& [id, object] : found.catalog) object.make = without_implicit_casts(std::move(object.make));
    return found;
}

Result<std::string> PostgresBackend::stand_in(ObjectId const& id) {
    if (id.kind != "view") return std::string{};
    std::vector<Cell> const parameters{Cell{id.parent}, Cell{id.name}};
    UNDROP_TRY(auto const rows, catalog_rows(connection_, catalog_sql(columns_of_view, ""), parameters));
    return rows.empty() ? std::string{} : rows[0][0].value_or("");
}

}  // namespace undrop::postgres
