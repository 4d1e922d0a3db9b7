#include "concerns.hpp"

#include <fmt/format.h>

#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// Who can read every table but not the store, {0}: pg_dump locks what it dumps, so it ends with an error there. Row security hides saved
// rows from who may read every table, too. Without a store: who will not be able to. At most three.
constexpr char const* readers_query = R"(
with s as (
    select n.oid, n.nspowner as owner from pg_catalog.pg_namespace n where n.nspname = {0}
), a_table as (
    select c.oid, c.relnamespace from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', {0})
), saved as (
    select c.oid, c.relowner, c.relrowsecurity from pg_catalog.pg_class c join s on s.oid = c.relnamespace where c.relkind = 'r'
), reader as (
    select r.oid, r.rolname, r.rolbypassrls,
           exists (select from pg_catalog.pg_roles p where p.rolname = 'pg_read_all_data' and pg_catalog.pg_has_role(r.oid, p.oid, 'USAGE'))
           as reads_all
    from pg_catalog.pg_roles r
    where r.rolcanlogin and not r.rolsuper and pg_catalog.has_database_privilege(r.oid, current_database(), 'CONNECT')
      and r.rolname <> current_user and exists (select from a_table)
      and not exists (select from a_table t where not pg_catalog.has_schema_privilege(r.oid, t.relnamespace, 'USAGE')
                                               or not pg_catalog.has_table_privilege(r.oid, t.oid, 'SELECT'))
), lacking as (
    select r.rolname, case
        when not exists (select from s) then
            not r.reads_all and not pg_catalog.pg_has_role(r.oid, (select u.oid from pg_catalog.pg_roles u where u.rolname = current_user), 'USAGE')
        else exists (select from s where not pg_catalog.has_schema_privilege(r.oid, s.oid, 'USAGE'))
             or exists (select from saved v where not pg_catalog.has_table_privilege(r.oid, v.oid, 'SELECT')) end as rights,
        not r.rolbypassrls and exists (select from saved v where v.relrowsecurity and not pg_catalog.pg_has_role(r.oid, v.relowner, 'USAGE'))
        as rows
    from reader r
)
select l.rolname, l.rights, l.rows from lacking l where l.rights or l.rows order by l.rolname collate "C" limit 3)";

// A dropped column keeps its number.
constexpr int many_columns = 1200;
constexpr int most_columns = 1600;
constexpr char const* columns_query = R"(
select n.nspname || '.' || c.relname, c.relnatts,
       (select pg_catalog.count(*) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and c.relnatts >= {} order by 1)";

// As a shell hands it to pg_dump, which reads names as patterns.
std::string pattern(std::string const& ledger) {
    auto const plain = ledger.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    return plain ? ledger : "'" + quote_identifier(ledger) + "'";
}

Finding of_backup(std::string const& role, bool rights, std::string const& ledger) {
    auto const name = quote_identifier(role);
    auto const all =
        fmt::format("GRANT pg_read_all_data TO {0}, and for saved rows under row level security ALTER ROLE {0} BYPASSRLS", name);
    return {.severity = Finding::Severity::warning,
            .code = "backup",
            .text = fmt::format("{} can read every table, but not {} undrop's store {}: if it makes backups, its pg_dump fails there", role,
                                rights ? "those of" : "all rows of", ledger),
            .next = {.advice =
                         fmt::format("pg_dump -N {} leaves the store out; to have it in the dump, run that as the store's owner, or let a "
                                     "superuser say {}",
                                     pattern(ledger), all)}};
}

Finding of_columns(std::string const& table, std::string const& used, std::string const& there) {
    return {.severity = Finding::Severity::warning,
            .code = "columns",
            .text = fmt::format("{} has used {} of the {} column numbers that a table gets, for the {} columns that it has: each column "
                                "that is added or comes back takes one, and no dropped one is given again",
                                table, used, most_columns, there),
            .next = {.advice = "make the table anew before they are used up: by pg_dump and pg_restore, or under another name that it then "
                               "takes over"}};
}

}  // namespace

Result<std::vector<Finding>> concerns(Connection& connection, Session const& session, std::string const& ledger) {
    std::vector<Finding> found;
    UNDROP_TRY(auto const readers, connection.rows(session.safely(fmt::format(readers_query, quote_literal(ledger)))));
    for (auto const& row : readers) found.push_back(of_backup(row[0].value_or(""), row[1] == "t", ledger));
    UNDROP_TRY(auto const tables, connection.rows(session.safely(fmt::format(columns_query, many_columns))));
    for (auto const& row : tables) found.push_back(of_columns(row[0].value_or(""), row[1].value_or(""), row[2].value_or("")));
    return found;
}

Result<void> gather_statistics(Connection& connection, Table const& table) {
    UNDROP_CHECK(connection.run("ANALYZE (SKIP_LOCKED) " + PostgresDialect().relation(table.schema, table.name)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace undrop::postgres
