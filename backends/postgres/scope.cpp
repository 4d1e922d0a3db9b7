#include "scope.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "observe.hpp"
#include "parse.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

using nlohmann::json;

// Statements that change no relation but those that they name, and rows. What is of another kind than relations is read in any case.
constexpr std::array on_rows{"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt", "CreateTableAsStmt"};
constexpr std::array on_definitions{"CreateStmt",     "AlterTableStmt", "DropStmt",         "IndexStmt",       "ViewStmt",
                                    "CreateTrigStmt", "RuleStmt",       "CreatePolicyStmt", "AlterPolicyStmt", "CommentStmt",
                                    "GrantStmt",      "CreateSeqStmt",  "AlterSeqStmt",     "RenameStmt",      "CreateFunctionStmt",
                                    "CreateEnumStmt", "VariableSetStmt"};
// What DropStmt, CommentStmt, AlterTableStmt and RenameStmt are about, where that is a relation or a part of one.
constexpr std::array on_relations{"OBJECT_TABLE",        "OBJECT_COLUMN",  "OBJECT_INDEX",  "OBJECT_VIEW", "OBJECT_MATVIEW",
                                  "OBJECT_SEQUENCE",     "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE", "",
                                  "OBJECT_TABCONSTRAINT"};

template <class List>
bool in(List const& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// Every relation that a tree names, however deep; `lists`: names are written as lists of words, too.
bool collect(json const& tree, bool lists, Scope& scope) {
    std::vector<json const*> open{&tree};
    while (!open.empty()) {
        auto const& node = *open.back();
        open.pop_back();
        if (!node.is_structured()) continue;
        if (node.is_object()) {
            if (auto name = text_at(node, "relname"); !name.empty()) scope.names.insert(std::move(name));
            if (auto word = text_at(node, "sval"); lists && !word.empty()) scope.names.insert(std::move(word));
            if (node.contains("FuncCall")) scope.writes_rows = true;  // nextval
            for (auto const& [name, child] : node.items())
                if (name == "behavior" && child == "DROP_CASCADE") return false;
        }
        for (auto const& child : node) open.push_back(&child);
    }
    return true;
}

bool add(Node const& node, Scope& scope) {
    auto const rows = in(on_rows, node.type);
    if (!rows && !in(on_definitions, node.type)) return false;
    for (auto const* member : {"removeType", "objtype", "renameType"})
        if (!in(on_relations, text_at(node.body, member))) return false;
    if (node.type == "GrantStmt" && text_at(node.body, "targtype") != "ACL_TARGET_OBJECT") return false;
    scope.writes_rows = scope.writes_rows || rows;
    return collect(node.body, node.type == "DropStmt" || node.type == "CommentStmt", scope);
}

// `near`: what stands or falls with what is named. Foreign keys are followed by one step, from either side, and on to those that refer
// where rows change or go with the rows that they refer to. What has no file is told by an index.
constexpr char const* relations_query = R"sql(
with recursive near(oid) as (
    select c.oid from pg_catalog.pg_class c where c.relname = any ($1::pg_catalog.name[])
    union
    select x.oid from near r cross join lateral (
        select d.refobjid as oid from pg_catalog.pg_depend d where d.classid = 1259 and d.objid = r.oid and d.refclassid = 1259
        union all
        select d.objid from pg_catalog.pg_depend d where d.refclassid = 1259 and d.refobjid = r.oid and d.classid = 1259
        union all
        select coalesce(w.ev_class, p.polrelid, g.tgrelid, f.adrelid)
        from pg_catalog.pg_depend d
        left join pg_catalog.pg_rewrite w on d.classid = 2618 and w.oid = d.objid
        left join pg_catalog.pg_policy p on d.classid = 3256 and p.oid = d.objid
        left join pg_catalog.pg_trigger g on d.classid = 2620 and g.oid = d.objid
        left join pg_catalog.pg_attrdef f on d.classid = 2604 and f.oid = d.objid
        where d.refclassid = 1259 and d.refobjid = r.oid and d.classid in (2618, 3256, 2620, 2604)
        union all
        select d.refobjid from pg_catalog.pg_attrdef f join pg_catalog.pg_depend d on d.classid = 2604 and d.objid = f.oid
        where f.adrelid = r.oid and d.refclassid = 1259
        union all
        select d.objid from pg_catalog.pg_class c join pg_catalog.pg_type t on t.oid = c.reltype
        join pg_catalog.pg_depend d on d.refclassid = 1247 and d.refobjid in (t.oid, t.typarray)
        where c.oid = r.oid and d.classid = 1259
        union all
        select i.indrelid from pg_catalog.pg_index i where i.indexrelid = r.oid
        union all
        select i.inhparent from pg_catalog.pg_inherits i where i.inhrelid = r.oid
        union all
        select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = r.oid
        offset 0) x where x.oid >= 16384
), far(oid) as (
    select x.oid from near r cross join lateral (
        select k.conrelid as oid from pg_catalog.pg_depend d join pg_catalog.pg_constraint k on k.oid = d.objid
        where d.refclassid = 1259 and d.refobjid = r.oid and d.classid = 2606 and k.conrelid <> 0
        union all
        select k.confrelid from pg_catalog.pg_constraint k where k.conrelid = r.oid and k.confrelid <> 0
        union all
        select d.refobjid from pg_catalog.pg_rewrite w join pg_catalog.pg_depend d on d.classid = 2618 and d.objid = w.oid
        where w.ev_class = r.oid and d.refclassid = 1259
        offset 0) x
    union
    select x.oid from far r cross join lateral (
        select k.conrelid as oid from pg_catalog.pg_depend d join pg_catalog.pg_constraint k on k.oid = d.objid
        where d.refclassid = 1259 and d.refobjid = r.oid and d.classid = 2606 and k.contype = 'f' and k.confrelid = r.oid
          and exists (select from pg_catalog.pg_constraint u where u.conrelid = r.oid and u.contype = 'f'
                      and (u.confdeltype not in ('a', 'r') or u.confupdtype not in ('a', 'r') or u.conkey operator(pg_catalog.&&) k.confkey))
        offset 0) x
), member(oid) as (
    select oid from near
    union
    select oid from far
    union
    select x.oid from far r cross join lateral (
        select d.objid as oid from pg_catalog.pg_depend d where d.refclassid = 1259 and d.refobjid = r.oid and d.classid = 1259
        union all
        select i.indexrelid from pg_catalog.pg_index i where i.indrelid = r.oid
        offset 0) x
    union
    select c.oid from pg_catalog.pg_class c where c.reltablespace = 0 and c.relfilenode = 0 and c.relkind = 'c'
)
select pg_catalog.array_agg(s.oid) from member s where s.oid >= 16384)sql";

// A relation that we made has system columns of ours; an index is its table's. `strong`: what a change of the definition takes; `part`: of
// these a part is locked, as a comment on a constraint does, and what takes a part away locks the whole. GRANT on a column does neither,
// but leaves its row: what is not named in the script's text can do that only where somebody wrote a function. The last SELECT: a schema
// that goes or gets another name, and kinds of objects whose parts may be on any relation.
constexpr char const* reach_query = R"sql(
with part as materialized (
    select coalesce(f.adrelid, k.conrelid, w.ev_class, g.tgrelid, p.polrelid) as oid
    from (select l.classid, l.objid from pg_catalog.pg_locks l where l.pid = pg_catalog.pg_backend_pid() and l.granted
          and l.locktype = 'object' and l.classid in (2604, 2606, 2618, 2620, 3256)
          and l.mode <> 'AccessShareLock') o
    left join pg_catalog.pg_attrdef f on o.classid = 2604 and f.oid = o.objid
    left join pg_catalog.pg_constraint k on o.classid = 2606 and k.oid = o.objid
    left join pg_catalog.pg_rewrite w on o.classid = 2618 and w.oid = o.objid
    left join pg_catalog.pg_trigger g on o.classid = 2620 and g.oid = o.objid
    left join pg_catalog.pg_policy p on o.classid = 3256 and p.oid = o.objid
), held as (
    select l.relation as oid,
           pg_catalog.bool_or(l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')) as strong,
           pg_catalog.bool_or(l.mode = 'RowExclusiveLock') as wrote
    from pg_catalog.pg_locks l
    where l.pid = pg_catalog.pg_backend_pid() and l.granted and l.locktype = 'relation'
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    group by 1
), own as (
    select pg_catalog.age(pg_catalog.pg_current_xact_id()::pg_catalog.xid) as age,
           exists (select from pg_catalog.pg_proc p where p.oid >= 16384) as runs_code
), reached as (
    select h.oid, h.strong, h.wrote from held h
    union all
    select p.oid, true, false from part p where p.oid > 0
    union all
    select c.oid, true, false from pg_catalog.pg_class c
    where (select runs_code from own) and pg_catalog.age(c.xmin) <= (select age from own) and c.relnatts * 0 = 0 and {3}
    union all
    select a.attrelid, true, false from pg_catalog.pg_attribute a
    where (select runs_code from own) and pg_catalog.age(a.xmin) <= (select age from own) and a.attnum * 0 = 0 and {1}
)
select coalesce(i.indrelid, c.oid), pg_catalog.bool_or(
           r.strong or r.wrote and (c.relkind not in ('r', 'S', 'i', 'I') or c.relispartition or c.relkind = 'S' and not {2}
                                    or exists (select from pg_catalog.pg_inherits h where c.oid in (h.inhrelid, h.inhparent)))),
       pg_catalog.bool_or(c.relkind = 'r')
from reached r
cross join lateral (select k.oid, k.relkind, k.relispartition from pg_catalog.pg_class k where k.oid = r.oid offset 0) c
left join lateral (select x.indrelid from pg_catalog.pg_index x where x.indexrelid = c.oid offset 0) i on true
cross join lateral (
    select k.oid, k.relkind, k.relname, k.relnamespace, k.relpersistence from pg_catalog.pg_class k
    where k.oid = coalesce(i.indrelid, c.oid) offset 0) t
join pg_catalog.pg_namespace n on n.oid = t.relnamespace
where t.oid >= 16384 and not t.oid = any ($1::pg_catalog.oid[]) and t.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> {0} and t.relpersistence <> 't'
  and not t.relname = any ($2::pg_catalog.name[])
  and not exists (select from pg_catalog.pg_attribute a where a.attrelid = t.oid and a.attname = 'tableoid' and {1})
group by 1
union all
select 0::pg_catalog.oid, true, false
where exists (select from pg_catalog.pg_locks l where l.pid = pg_catalog.pg_backend_pid() and l.granted and l.locktype = 'object'
              and (l.mode = 'AccessExclusiveLock' and l.classid = 2615
                   or l.mode <> 'AccessShareLock' and l.classid not in (1247, 1255, 2604, 2606, 2615, 2618, 2620, 3256, 3381))))sql";

// Relations, parts of them and what is said of anything. With a publication, say, go its places for tables that nobody names; and what
// needs a function may be on any table.
constexpr std::array on_relations_alone{"check",
                                        "clustered_on",
                                        "column",
                                        "column_storage",
                                        "default",
                                        "exclusion",
                                        "foreign_key",
                                        "identity",
                                        "index",
                                        "index_partition",
                                        "materialized_view",
                                        "not_null",
                                        "partition",
                                        "policy",
                                        "primary_key",
                                        "replica_identity",
                                        "row_security",
                                        "rule",
                                        "sequence",
                                        "sequence_owner",
                                        "statistics",
                                        "storage",
                                        "table",
                                        "trigger",
                                        "trigger_state",
                                        "unique",
                                        "view",
                                        "view_default"};

bool takes_nothing_along(ObjectId const& id) {
    return in(on_relations_alone, id.kind) || id.kind.starts_with("comment on ") || id.kind.starts_with("owner of ") ||
           id.kind.starts_with("grants on ");
}

std::string array_of(std::set<std::string> const& names) {
    std::string array;
    for (auto const& name : names) {
        array += array.empty() ? "{\"" : ",\"";
        for (char const c : name) array += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
        array += '"';
    }
    return array.empty() ? "{}" : array + "}";
}

}  // namespace

bool Scope::holds(Scope const& other) const { return std::includes(names.begin(), names.end(), other.names.begin(), other.names.end()); }

std::optional<Scope> scope_of(std::vector<Statement> const& statements, ComesBack const& comes_back) {
    if (!std::all_of(comes_back.objects.begin(), comes_back.objects.end(), takes_nothing_along)) return std::nullopt;
    Scope scope{.names = comes_back.relations};
    if (PostgresDialect().foresee(statements).opaque) return std::nullopt;
    for (auto const& statement : statements) {
        auto const node = parse(statement);
        if (!node || !add(*node, scope)) return std::nullopt;
    }
    return scope;
}

Result<std::string> relations_of(Connection& connection, Scope const& scope) {
    UNDROP_TRY(auto const rows, connection.repeated(relations_query, std::array{Cell(array_of(scope.names))}));
    return rows.at(0).at(0).value_or("{}");
}

Result<Reach> reach(Connection& connection, Scope const& scope, std::string const& relations, std::string const& transaction,
                    std::string const& ledger) {
    auto const sql = fmt::format(reach_query, quote_literal(ledger), made_by(transaction, "a.xmin"), scope.writes_rows ? "true" : "false",
                                 made_by(transaction, "c.xmin"));
    UNDROP_TRY(auto const rows, connection.rows(sql, std::array{Cell(relations), Cell(array_of(scope.names))}));
    Reach reach;
    for (auto const& row : rows) {
        if (row[1] == "t")
            reach.definitions = true;
        else if (row[2] == "t")
            reach.unchanged.insert(row[0].value_or(""));
    }
    return reach;
}

}  // namespace undrop::postgres
