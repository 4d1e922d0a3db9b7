// The kinds of objects that the catalog knows on PostgreSQL, read top to bottom; each has one query, in kinds/.
//
// A query is what follows `common` below; its columns are
//   kind, parent, name, make, remove, alter, shape, order   as in Object;
//   addresses   what pg_depend calls it: "classid:objid:objsubid", all of them;
//               further words are names between kinds ("owner:1259:16390:0")
//   needs       addresses of what it needs; what pg_depend knows is added
//   relation    oid of the relation whose lock a change of it takes, or 0
//   rows        xmin of each catalog row that its texts come from, with commas
//   holds_rows
// A row of kind "alias" is no object: its addresses mean the one in `needs`.
//
// All are sent as one query (kinds_sql in locator.hpp), of which each is a table. Nobody's objects are below 16384: where a query says so,
// PostgreSQL's own thousands are passed over by their index.
//
// All texts come out qualified, since search_path is pinned to pg_catalog, pg_temp: what is not in pg_catalog is written with its schema.
#pragma once

#include <string_view>

#include "backend.hpp"  // and so lib/catalog.hpp

namespace undrop::postgres {

namespace kinds {

extern char const schema[];
extern char const extension[];
extern char const remakable[];  // no query: what $remakable stands for
extern char const rare[];       // no query: what $rare stands for
extern char const no_rare[];    // and what it stands for where any_rare says that there are none
extern char const listed[];     // and what $listed does
extern char const any_rare[];
extern char const collation[];
extern char const access_method[];
extern char const language[];
extern char const text_search_parts[];
extern char const text_search[];
extern char const type[];
extern char const attribute[];
extern char const domain[];
extern char const sequence[];
extern char const function[];
extern char const aggregate[];
extern char const cast[];
extern char const operator_[];
extern char const operator_class[];
extern char const conversion[];
extern char const foreign[];
extern char const table[];
extern char const column[];
extern char const column_default[];
extern char const not_null[];
extern char const identity[];
extern char const column_storage[];
extern char const constraint[];
extern char const index[];
extern char const sequence_owner[];
extern char const partition[];
extern char const table_options[];
extern char const statistics[];
extern char const view[];
extern char const rule[];
extern char const trigger[];
extern char const policy[];
extern char const publication[];
extern char const extension_dependency[];
extern char const comment[];
extern char const owner[];
extern char const grants[];
extern char const default_privileges[];
extern char const event_trigger[];

// What most queries read: schemas and relations that are the user's, members of extensions and of range types, columns of partition keys,
// and the types that are enums, domains, ranges or composite. $ledger is replaced, $remakable too, $superuser by whether the role is one,
// or all are asked for, $rare by a list of rarer objects, and $touched: by nothing, or by which relations are asked for; a table comes with
// its indexes and sequences then, and these with it.
inline constexpr char const* common = R"sql(
with ns as (
    select n.oid, n.nspname as name, n.nspowner as owner, n.nspacl as acl, n.xmin as row, quote_ident(n.nspname) as q
    from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> $ledger
), ext as (
    select d.classid, d.objid from pg_extension x join pg_depend d on d.refclassid = 3079 and d.refobjid = x.oid and d.deptype = 'e'
    union all  -- and what its composite types consist of
    select 1259, t.typrelid from pg_extension x join pg_depend d on d.refclassid = 3079 and d.refobjid = x.oid and d.deptype = 'e'
    join pg_type t on d.classid = 1247 and t.oid = d.objid and t.typrelid <> 0
    union all  -- and the functions and casts that a range type brings along
    select d.classid, d.objid from pg_depend d where d.classid in (1255, 2605) and d.refclassid = 1247 and d.deptype = 'i'
), rel as (
    select c.*, c.xmin as row, n.name as schema, n.q as sq, format('%I.%I', n.name, c.relname) as q
    from pg_class c join ns n on n.oid = c.relnamespace
    where c.oid >= 16384 and c.relpersistence <> 't' and not exists (select from ext e where e.classid = 1259 and e.objid = c.oid) $touched
), key as (
    select d.objid as relation, d.objsubid as number
    from pg_partitioned_table p join pg_depend d on d.objid = p.partrelid
    where d.classid = 1259 and d.objsubid > 0 and d.refclassid = 1259 and d.refobjid = d.objid and d.refobjsubid = 0 and d.deptype = 'i'
), typ as (
    select t.*, t.xmin as row, n.name as schema, n.q as sq, format('%I.%I', n.name, t.typname) as q
    from pg_type t join ns n on n.oid = t.typnamespace
    where t.oid >= 16384 and t.typtype in ('e', 'd', 'r') and not exists (select from ext e where e.classid = 1247 and e.objid = t.oid)
    union all
    select t.*, t.xmin, c.schema, c.sq, c.q from rel c join pg_type t on t.oid = c.reltype
    where c.relkind = 'c' and not exists (select from ext e where e.classid = 1247 and e.objid = t.oid)
))sql";

}  // namespace kinds

struct Kind {
    std::string_view name;  // or its beginning, up to a blank: "comment on"
    int rank;
    Section section;
    char const* sql;    // null: comes with the query of the kind above
    bool rare = false;  // one of kinds/rare.cpp
};

inline constexpr Kind known_kinds[] = {
    {"schema", 10, Section::before_data, kinds::schema},
    {"extension", 12, Section::before_data, kinds::extension},
    {"collation", 13, Section::before_data, kinds::collation},
    {"access_method", 26, Section::before_data, kinds::access_method, true},
    {"language", 24, Section::before_data, kinds::language, true},
    {"transform", 29, Section::before_data, nullptr},
    {"text_search_parser", 20, Section::before_data, kinds::text_search_parts, true},
    {"text_search_template", 20, Section::before_data, nullptr},
    {"text_search_dictionary", 21, Section::before_data, kinds::text_search, true},
    {"text_search_configuration", 22, Section::before_data, nullptr},
    {"text_search_mapping", 23, Section::before_data, nullptr},
    {"type", 15, Section::before_data, kinds::type},
    {"attribute", 16, Section::before_data, kinds::attribute},
    {"domain_check", 53, Section::after_data, kinds::domain},
    {"domain_not_null", 40, Section::after_data, nullptr},
    {"sequence", 20, Section::before_data, kinds::sequence},
    {"function", 25, Section::before_data, kinds::function},
    {"procedure", 25, Section::before_data, nullptr},
    {"aggregate", 26, Section::before_data, kinds::aggregate},
    {"cast", 27, Section::before_data, kinds::cast},
    {"operator", 26, Section::before_data, kinds::operator_, true},
    {"operator_family", 27, Section::before_data, kinds::operator_class, true},
    {"operator_family_member", 28, Section::before_data, nullptr},
    {"operator_class", 29, Section::before_data, nullptr},
    {"conversion", 27, Section::before_data, kinds::conversion, true},
    {"foreign_data_wrapper", 27, Section::before_data, kinds::foreign, true},
    {"server", 28, Section::before_data, nullptr},
    {"foreign_table", 33, Section::before_data, nullptr},
    {"table", 30, Section::before_data, kinds::table},
    {"column", 31, Section::before_data, kinds::column},
    {"default", 32, Section::before_data, kinds::column_default},
    {"view_default", 62, Section::after_data, nullptr},
    {"not_null", 40, Section::after_data, kinds::not_null},
    {"identity", 41, Section::after_data, kinds::identity},
    {"column_storage", 42, Section::after_data, kinds::column_storage},
    {"primary_key", 50, Section::after_data, kinds::constraint},
    {"unique", 50, Section::after_data, nullptr},
    {"exclusion", 50, Section::after_data, nullptr},
    {"check", 53, Section::after_data, nullptr},
    {"foreign_key", 55, Section::after_data, nullptr},
    {"index", 51, Section::after_data, kinds::index},
    {"sequence_owner", 53, Section::after_data, kinds::sequence_owner},
    {"partition", 52, Section::after_data, kinds::partition},
    {"index_partition", 52, Section::after_data, nullptr},
    {"storage", 45, Section::after_data, kinds::table_options},
    {"replica_identity", 56, Section::after_data, nullptr},
    {"clustered_on", 62, Section::after_data, nullptr},
    {"row_security", 75, Section::after_data, nullptr},
    {"statistics", 57, Section::after_data, kinds::statistics},
    {"view", 60, Section::after_data, kinds::view},
    {"materialized_view", 61, Section::after_data, nullptr},
    {"rule", 65, Section::after_data, kinds::rule},
    {"trigger", 70, Section::after_data, kinds::trigger},
    {"trigger_state", 71, Section::after_data, nullptr},
    {"policy", 75, Section::after_data, kinds::policy},
    {"publication", 76, Section::after_data, kinds::publication},
    {"publication_table", 77, Section::after_data, nullptr},
    {"publication_schema", 77, Section::after_data, nullptr},
    {"extension_dependency", 78, Section::after_data, kinds::extension_dependency},
    {"comment on", 80, Section::after_data, kinds::comment},
    {"owner of", 85, Section::after_data, kinds::owner},
    {"grants on", 90, Section::after_data, kinds::grants},
    {"default_privileges", 95, Section::after_data, kinds::default_privileges},
    {"event_trigger", 99, Section::after_data, kinds::event_trigger, true},
};

}  // namespace undrop::postgres
