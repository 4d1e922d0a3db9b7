#include "reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <array>
#include <vector>

#include "errors.hpp"
#include "names.hpp"
#include "postgres_dialect.hpp"

namespace undrop::postgres {

namespace {

constexpr std::array tables{names::meta, names::event, names::script, names::object, names::snapshot, names::footprint, names::check};

}  // namespace

std::string ledger_tables() {
    std::vector<std::string> literals;
    for (auto const* table : tables) literals.push_back(quote_literal(table));
    return fmt::format("{}", fmt::join(literals, ", "));
}

Error with_rights_that_lack(Connection& connection, std::string const& ledger, Error error) {
    constexpr std::string_view insufficient_privilege = "42501";
    if (sqlstate(error) != insufficient_privilege) return error;
    auto const rows = connection.rows(fmt::format(
        "select current_user, pg_catalog.pg_get_userbyid(n.nspowner), pg_catalog.has_schema_privilege(n.oid, 'USAGE'), "
        "(select pg_catalog.string_agg(c.relname, ' ' order by c.relname) from pg_catalog.pg_class c where c.relnamespace = n.oid and "
        "c.relkind = 'r' and c.relname::pg_catalog.text = any (array[{}]) and not pg_catalog.has_table_privilege(c.oid, 'SELECT')), "
        "pg_catalog.pg_has_role(n.nspowner, 'MEMBER') from pg_catalog.pg_namespace n where n.nspname = {}",
        ledger_tables(), quote_literal(ledger)));
    if (!rows.has_value() || rows.value().empty()) return error;
    auto const& row = rows.value().front();
    auto const role = row[0].value_or("");
    auto const owner = row[1].value_or("");
    auto const schema = quote_identifier(ledger);
    std::vector<std::string> lacks;
    std::vector<std::string> grants;
    if (row[2] != "t") {
        lacks.push_back("USAGE on schema " + schema);
        grants.push_back(fmt::format("GRANT USAGE ON SCHEMA {} TO {};", schema, quote_identifier(role)));
    }
    std::vector<std::string> unreadable;
    for (auto rest = row[3].value_or(""); !rest.empty();) {
        auto const end = std::min(rest.find(' '), rest.size());
        unreadable.push_back(schema + "." + quote_identifier(rest.substr(0, end)));
        rest.erase(0, end + 1);
    }
    if (!unreadable.empty()) {
        lacks.push_back(fmt::format("SELECT on {}", fmt::join(unreadable, ", ")));
        grants.push_back(fmt::format("GRANT SELECT ON {} TO {};", fmt::join(unreadable, ", "), quote_identifier(role)));
    }
    if (lacks.empty()) return error;
    error.code = Code::refused;
    error.message = fmt::format("{} may not read undrop's store, which is {}'s: it lacks {}", role, owner, fmt::join(lacks, " and "));
    auto const as_owner = row[4] == "t" ? fmt::format("say --role {}; or ", owner) : std::string();
    error.next = {.advice = fmt::format("{}let {} say: {}", as_owner, owner, fmt::join(grants, " "))};
    return error;
}

}  // namespace undrop::postgres
