// Rights on tables that a step wants, and extensions that a statement names: what is lacking is told before the step (P7).
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <cctype>
#include <string_view>

#include "locator.hpp"
#include "parse.hpp"
#include "postgres_backend.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

Finding finding(char const* code, std::string text, std::string advice) {
    return {.severity = Finding::Severity::stop, .code = code, .text = std::move(text), .next = {.advice = std::move(advice)}};
}

// Who owns a schema may drop what is in it.
constexpr char const* lacking_query = R"(
select v.schema, v.name, string_agg(v.wanted, ', ' order by v.wanted), pg_catalog.pg_get_userbyid(c.relowner), current_user
from (values {}) v(schema, name, wanted) join pg_catalog.pg_namespace n on n.nspname = v.schema
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = v.name
where not case v.wanted when 'OWNER' then pg_catalog.pg_has_role(c.relowner, 'USAGE')
                        when 'DROP' then pg_catalog.pg_has_role(c.relowner, 'USAGE') or pg_catalog.pg_has_role(n.nspowner, 'USAGE')
                        when 'DELETE' then pg_catalog.has_table_privilege(c.oid, v.wanted)
                        else pg_catalog.has_table_privilege(c.oid, v.wanted) or pg_catalog.has_any_column_privilege(c.oid, v.wanted) end
group by 1, 2, c.relowner order by 1, 2)";

constexpr char const* extension_query = R"(
select x.extversion, pg_catalog.pg_has_role(x.extowner, 'USAGE'), pg_catalog.pg_get_userbyid(x.extowner),
       exists (select from pg_catalog.pg_available_extension_versions v where v.name = x.extname and v.version = x.extversion)
from pg_catalog.pg_extension x where x.extname = {})";

}  // namespace

Result<std::vector<Finding>> PostgresBackend::missing_rights(WantedRights const& wanted) {
    std::vector<Finding> found;
    std::vector<std::string> values;
    for (auto const& [table, rights] : wanted)
        for (auto const& right : rights)
            values.push_back(fmt::format("({}, {}, {})", quote_literal(table.first), quote_literal(table.second), quote_literal(right)));
    if (values.empty()) return found;
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(lacking_query, fmt::join(values, ", "))));
    for (auto const& row : rows) {
        auto const name = row[0].value_or("") + "." + row[1].value_or("");
        auto const rights = row[2].value_or("");
        auto const owner = row[3].value_or("");
        auto const me = row[4].value_or("");
        if (rights.find("OWNER") != std::string::npos || rights.find("DROP") != std::string::npos)
            found.push_back(finding("rights", fmt::format("{} belongs to {}, and {} may not alter or drop it", name, owner, me),
                                    fmt::format("run it as the owner or a member of that role (--role, or another user in the URL), or let "
                                                "a superuser say GRANT {} TO {}",
                                                quote_identifier(owner), quote_identifier(me))));
        else
            found.push_back(finding(
                "rights",
                fmt::format("{} has no right to {} on {}, which belongs to {}, and could not bring its rows back", me, rights, name, owner),
                fmt::format("let its owner say GRANT {} ON {} TO {}", rights,
                            PostgresDialect().relation(row[0].value_or(""), row[1].value_or("")), quote_identifier(me))));
    }
    return found;
}

Result<std::vector<Finding>> PostgresBackend::cannot_let_go(Statement const& statement, std::vector<std::string> const& lose) {
    std::vector<Finding> found;
    constexpr std::string_view word = "extension";
    auto const same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    if (std::search(statement.text.begin(), statement.text.end(), word.begin(), word.end(), same) == statement.text.end()) return found;
    auto const node = parse(statement);
    if (!node) return found;
    Place const where{"", statement.line, statement.column};
    auto const add = [&](std::string text, std::string advice) {
        found.push_back(finding("extension", std::move(text), std::move(advice)));
        found.back().where = where;
    };
    if (node->type == "CreateExtensionStmt") {
        auto const name = text_at(node->body, "extname");
        UNDROP_TRY(auto const rows,
                   connection_.rows(fmt::format("select 1 from pg_catalog.pg_extension where extname = {0} union all select 1 "
                                                "from pg_catalog.pg_available_extensions where name = {0}",
                                                quote_literal(name))));
        if (rows.empty())
            add(fmt::format("extension {} is not installed on this server", name),
                "install the server's package that has it (`select * from pg_available_extensions` lists what is there)");
        return found;
    }
    if (node->type != "DropStmt" || text_at(node->body, "removeType") != "OBJECT_EXTENSION") return found;
    UNDROP_TRY(auto const unknown, unknown_objects(connection_, ledger_));
    for (auto const& object : at(node->body, "objects")) {
        auto const name = text_at(at(object, "String"), "sval");
        UNDROP_TRY(auto const rows, connection_.rows(fmt::format(extension_query, quote_literal(name))));
        if (rows.empty()) continue;
        auto const version = rows[0][0].value_or("");
        auto const what = "extension " + name;
        auto const is_unknown = std::any_of(unknown.begin(), unknown.end(), [&](auto const& one) {
            return one.second == what || one.second == "extension " + quote_identifier(name);
        });
        if (rows[0][1] != "t")
            add(fmt::format("extension {} belongs to {}, and this role may not drop it", name, rows[0][2].value_or("")),
                "run this step as its owner (--role, or another user in the URL)");
        else if (is_unknown && std::find(lose.begin(), lose.end(), what) == lose.end())
            add(rows[0][3] == "t"
                    ? fmt::format("extension {} {} could not be made again by this role: only a superuser may create it, or it has "
                                  "tables of its own with others' rows",
                                  name, version)
                    : fmt::format("extension {0} {1} could not be made again: version {1} of it is not installed on this server", name,
                                  version),
                fmt::format(
                    "`-- undrop: lose {}` at the top of the file lets it go; or run this step as a superuser, on a server that has it",
                    what));
    }
    return found;
}

}  // namespace undrop::postgres
