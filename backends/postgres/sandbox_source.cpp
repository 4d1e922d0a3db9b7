#include "sandbox_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// A snapshot that pg_dump can share. Formats are those in which COPY's text is read again; nothing may end the wait for a long copy.
constexpr char const* open_snapshot =
    "begin isolation level repeatable read read only;"
    "set local row_security = off; set local statement_timeout = 0; set local lock_timeout = 0;"
    "set local idle_in_transaction_session_timeout = 0; set local DateStyle = 'ISO, YMD'; set local IntervalStyle = 'postgres';"
    "set local extra_float_digits = 3; set local bytea_output = 'hex'; set local TimeZone = 'UTC';"
    "select pg_catalog.pg_export_snapshot()";

// Partitions come with what they are partitions of; what an extension made, with the extension.
constexpr char const* tables_query = R"(
select c.oid, n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind = 'p', n.nspname = {0},
       greatest(c.reltuples, 0)::pg_catalog.int8, a.attname, a.attgenerated <> '',
       (select k.at from pg_catalog.pg_index i cross join lateral pg_catalog.unnest(i.indkey::pg_catalog.int2[]) with ordinality k(number, at)
        where i.indrelid = c.oid and i.indisprimary and k.number = a.attnum), pg_catalog.quote_ident(a.attname)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid
                  and d.deptype = 'e')
order by n.nspname, c.relname, a.attnum)";

// Of tables that are no partitions, from the top.
constexpr char const* children_query = R"(
with recursive child as (
    select i.inhparent, i.inhrelid, 1 as depth
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid where not c.relispartition
    union
    select i.inhparent, i.inhrelid, child.depth + 1
    from child join pg_catalog.pg_inherits i on i.inhparent = child.inhrelid join pg_catalog.pg_class c on c.oid = i.inhrelid
    where not c.relispartition
)
select pg_catalog.format('%I.%I', pn.nspname, p.relname), pg_catalog.format('%I.%I', cn.nspname, c.relname)
from child
join pg_catalog.pg_class p on p.oid = child.inhparent join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
join pg_catalog.pg_class c on c.oid = child.inhrelid join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
group by 1, 2 order by max(child.depth))";

constexpr char const* keys_query = R"(
select k.oid, pg_catalog.format('%I.%I', cn.nspname, c.relname), pg_catalog.format('%I.%I', pn.nspname, p.relname), c.relkind = 'p',
       ca.attname, pa.attname, pg_catalog.format('OPERATOR(%I.%s)', opn.nspname, o.oprname),
       pg_catalog.format_type(ca.atttypid, ca.atttypmod), pg_catalog.quote_ident(ca.attname), pg_catalog.quote_ident(pa.attname),
       c.relname, p.relname, cn.nspname, pn.nspname
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
join pg_catalog.pg_class p on p.oid = k.confrelid join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
cross join lateral unnest(k.conkey, k.confkey, k.conpfeqop) with ordinality x(child, parent, equal, at)
join pg_catalog.pg_attribute ca on ca.attrelid = c.oid and ca.attnum = x.child
join pg_catalog.pg_attribute pa on pa.attrelid = p.oid and pa.attnum = x.parent
join pg_catalog.pg_operator o on o.oid = x.equal join pg_catalog.pg_namespace opn on opn.oid = o.oprnamespace
where k.contype = 'f' and k.conparentid = 0
order by k.oid, x.at)";

constexpr char const* positions_query = R"(
select pg_catalog.format('select pg_catalog.setval(%L, %s)', pg_catalog.format('%I.%I', s.schemaname, s.sequencename), s.last_value)
from pg_catalog.pg_sequences s where s.last_value is not null and s.schemaname !~ '^pg_')";

// Extensions and roles that the target's own objects count on.
constexpr char const* extensions_query = "select e.extname from pg_catalog.pg_extension e order by 1";
constexpr char const* roles_query = R"(
select distinct r.rolname from pg_catalog.pg_shdepend d join pg_catalog.pg_roles r on r.oid operator(pg_catalog.=) d.refobjid
where d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_authid'::pg_catalog.regclass
  and d.dbid operator(pg_catalog.=) (select b.oid from pg_catalog.pg_database b where b.datname operator(pg_catalog.=) pg_catalog.current_database())
  and r.rolname !~ '^pg_' order by 1)";

Result<std::vector<std::string>> names(PostgresBackend& backend, char const* sql) {
    UNDROP_TRY(auto const rows, backend.rows(sql));
    std::vector<std::string> result;
    for (auto const& row : rows) result.push_back(row[0].value_or(""));
    return result;
}

std::string listed(std::vector<std::string> const& names) { return fmt::format("{}", fmt::join(names, ", ")); }

std::vector<std::string> missing(std::vector<std::string> const& wanted, std::vector<std::string> const& there) {
    std::vector<std::string> result;
    for (auto const& name : wanted)
        if (std::find(there.begin(), there.end(), name) == there.end()) result.push_back(name);
    return result;
}

Error bad_mask(Mask const& mask, std::string const& why) {
    return Error{.code = Code::usage,
                 .left = Left::untouched,
                 .message = fmt::format("the mask {}.{} {}", mask.table, mask.column, why),
                 .next = {.advice = "a mask is TABLE.COLUMN=EXPRESSION, the expression SQL over the table's columns"}};
}

}  // namespace

Result<std::unique_ptr<SandboxSource>> SandboxSource::open(std::unique_ptr<PostgresBackend> connection, SandboxWish const& wish) {
    std::unique_ptr<SandboxSource> source(new SandboxSource(std::move(connection)));
    UNDROP_TRY(auto const exported, source->backend_->rows(open_snapshot));
    source->snapshot_ = exported.at(0).at(0).value_or("");
    UNDROP_CHECK(source->read(wish.ledger));
    UNDROP_CHECK(source->put_on(wish.data.masks));
    return source;
}

Result<void> SandboxSource::read(std::string const& ledger) {
    UNDROP_TRY(auto const path, backend_->rows("select pg_catalog.current_setting('search_path')"));
    UNDROP_CHECK(backend_->run("set local search_path = pg_catalog, pg_temp"));
    UNDROP_TRY(auto const rows, backend_->rows(fmt::format(fmt::runtime(tables_query), quote_literal(ledger))));
    std::string last;
    std::map<int, std::string> key;
    auto const end_table = [&] {
        for (auto const& [at, name] : key) tables_.back().key.push_back(name);
        key.clear();
    };
    for (auto const& row : rows) {
        if (row[0] != last) {
            if (!tables_.empty()) end_table();
            last = row[0].value_or("");
            auto& table = tables_.emplace_back();
            table.schema = row[1].value_or("");
            table.name = row[2].value_or("");
            table.sql = row[3].value_or("");
            table.partitioned = row[4] == "t";
            table.ours = row[5] == "t";
            table.rows = std::stoll(row[6].value_or("0"));
        }
        if (row[7] && row[8] != "t") tables_.back().columns.push_back({*row[7], {}});
        if (row[9]) key[std::stoi(*row[9])] = row[10].value_or("");
    }
    if (!tables_.empty()) end_table();
    UNDROP_CHECK(read_keys());
    UNDROP_TRY(positions_, names(*backend_, positions_query));
    // Masks are the user's, with the user's names.
    UNDROP_CHECK(
        backend_->rows(fmt::format("select pg_catalog.set_config('search_path', {}, true)", quote_literal(path.at(0).at(0).value_or("")))));
    return success();
}

Result<void> SandboxSource::read_keys() {
    UNDROP_TRY(auto const rows, backend_->rows(keys_query));
    std::string last;
    for (auto const& row : rows) {
        if (row[0] != last) {
            last = row[0].value_or("");
            auto& key = keys_.emplace_back();
            key.child = row[1].value_or("");
            key.parent = row[2].value_or("");
            key.child_partitioned = row[3] == "t";
        }
        keys_.back().pairs.push_back({row[8].value_or(""), row[9].value_or(""), row[6].value_or(""), row[7].value_or("")});
    }
    return success();
}

Result<void> SandboxSource::put_on(std::vector<Mask> const& masks) {
    for (auto const& mask : masks) {
        std::vector<SourceTable*> found;
        for (auto& table : tables_)
            if (!table.ours && (table.text() == mask.table || table.name == mask.table)) found.push_back(&table);
        if (found.empty()) return bad_mask(mask, "names no table of the target");
        if (found.size() > 1) return bad_mask(mask, fmt::format("names more than one table: {}, {}", found[0]->text(), found[1]->text()));
        auto& table = *found.front();
        auto const column =
            std::find_if(table.columns.begin(), table.columns.end(), [&](SourceColumn const& c) { return c.name == mask.column; });
        if (column == table.columns.end()) return bad_mask(mask, "names no column that holds values of its own");
        if (!column->mask.empty()) return bad_mask(mask, "is the second one of that column");
        auto const quoted = quote_identifier(mask.column);
        for (auto const& key : keys_)
            for (auto const& pair : key.pairs)
                if ((key.child == table.sql && (pair.child == mask.column || pair.child == quoted)) ||
                    (key.parent == table.sql && (pair.parent == mask.column || pair.parent == quoted)))
                    return bad_mask(mask, "names a column of a foreign key, which the rows would no longer fulfil");
        column->mask = mask.expression;
        // Said now, before anything is made.
        auto tried = backend_->run(
            fmt::format("savepoint undrop_mask; select ({}) from only {} limit 0; release undrop_mask", mask.expression, table.sql));
        if (tried) continue;
        auto error = bad_mask(mask, "is none that the database understands");
        error.native = tried.error().native;
        return error;
    }
    return masks.empty() ? Result<void>(success()) : hand_masks_down();
}

// A child's rows are rows of its parents: where it has no mask of its own, theirs hold.
Result<void> SandboxSource::hand_masks_down() {
    UNDROP_TRY(auto const rows, backend_->rows(children_query));
    auto const find = [&](std::optional<std::string> const& sql) {
        return std::find_if(tables_.begin(), tables_.end(), [&](SourceTable const& table) { return table.sql == sql; });
    };
    for (auto const& row : rows) {
        auto const parent = find(row[0]);
        auto const child = find(row[1]);
        if (parent == tables_.end() || child == tables_.end()) continue;
        for (auto const& masked : parent->columns)
            for (auto& column : child->columns)
                if (column.name == masked.name && column.mask.empty()) column.mask = masked.mask;
    }
    return success();
}

Result<void> prove_fit(PostgresBackend& target, PostgresBackend& server) {
    UNDROP_TRY(auto const extensions, names(target, extensions_query));
    UNDROP_TRY(auto const available, names(server, "select x.name from pg_catalog.pg_available_extensions x"));
    if (auto const lacking = missing(extensions, available); !lacking.empty())
        return Error{.code = Code::refused,
                     .left = Left::untouched,
                     .message = fmt::format("the sandbox's server has not installed what the target uses: extension {}", listed(lacking)),
                     .next = {.advice = "Install it there, or let the sandbox be made on the target's server, without --sandbox."}};
    UNDROP_TRY(auto const roles, names(target, roles_query));
    UNDROP_TRY(auto const known, names(server, "select r.rolname from pg_catalog.pg_roles r"));
    auto const lacking = missing(roles, known);
    if (lacking.empty()) return success();
    std::string create;
    for (auto const& role : lacking) create += fmt::format("CREATE ROLE {} NOLOGIN; ", quote_identifier(role));
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("the sandbox's server has no role {}, which the target's schema names", listed(lacking)),
                 .next = {.advice = fmt::format("Say there: {}or rehearse with --sandbox local, which makes them by itself.", create)}};
}

}  // namespace undrop::postgres
