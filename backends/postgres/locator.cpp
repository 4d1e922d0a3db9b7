#include "locator.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errors.hpp"
#include "kinds.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

std::vector<std::string> words(std::string_view text, char separator) {
    std::vector<std::string> out;
    while (!text.empty()) {
        auto const end = text.find(separator);
        if (end != 0) out.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return out;
}

// "subject relation xmin,xmin" and, on the following lines, "classid:objid name".
std::string Locator::text() const {
    auto out = fmt::format("{} {} {}", subject, relation, fmt::join(rows, ","));
    for (auto const& [address, name] : unknown) out += fmt::format("\n{} {}", address, name);
    return out;
}

Locator Locator::parse(std::string_view text) {
    Locator out;
    auto const lines = words(text, '\n');
    if (lines.empty()) return out;
    auto const head = words(lines[0], ' ');
    if (!head.empty()) out.subject = head[0];
    if (head.size() > 1) out.relation = head[1];
    if (head.size() > 2) out.rows = words(head[2], ',');
    for (std::size_t i = 1; i < lines.size(); ++i) {
        auto const blank = lines[i].find(' ');
        if (blank != std::string::npos) out.unknown.emplace(lines[i].substr(0, blank), lines[i].substr(blank + 1));
    }
    return out;
}

Result<OwnLocks> own_locks(Connection& connection) {
    UNDROP_TRY(auto const rows, connection.rows(R"sql(
        select case l.locktype when 'relation' then '1259:' || l.relation else l.classid || ':' || l.objid end,
               l.mode = 'AccessExclusiveLock'
        from pg_catalog.pg_locks l
        where l.pid = pg_catalog.pg_backend_pid() and l.granted and l.locktype in ('relation', 'object')
          and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))sql"));
    OwnLocks locks;
    for (auto const& row : rows) {
        locks.changed.insert(row[0].value_or(""));
        if (row[1] == "t") locks.removed.insert(row[0].value_or(""));
    }
    return locks;
}

Result<void> pin_search_path(Connection& connection) {
    // Compiling these queries takes longer than running them, and so does planning them.
    UNDROP_CHECK(
        connection.rows("select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), "
                        "pg_catalog.set_config('jit', 'off', true), pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true)"));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<Rows> catalog_rows(Connection& connection, std::string const& sql, std::span<Cell const> parameters) {
    auto rows = connection.repeated(sql, parameters);
    if (rows.has_value()) return rows;
    auto error = std::move(rows).error();
    // "could not open relation with OID", "cache lookup failed"
    return sqlstate(error) == "XX000" ? dropped_meanwhile(std::move(error)) : error;
}

Error dropped_meanwhile(Error error) {
    error.code = Code::busy;
    error.message = "another session dropped an object while the catalog was read";
    error.next.advice = "try again";
    return error;
}

std::string catalog_sql(char const* query, std::string const& ledger, bool touched, Extensions extensions, bool rare) {
    std::string sql = std::string(kinds::common) + query;
    auto const put = [&](std::string_view mark, std::string const& text) {
        for (auto at = sql.find(mark); at != std::string::npos; at = sql.find(mark, at + text.size())) sql.replace(at, mark.size(), text);
    };
    put("$listed", kinds::listed);
    put("$rare", rare ? kinds::rare : kinds::no_rare);
    put("$superuser", extensions == Extensions::all ? "true" : "(select r.rolsuper from pg_roles r where r.rolname = current_user)");
    put("$remakable", extensions == Extensions::all ? "true" : kinds::remakable);
    put("$ledger", quote_literal(ledger));
    put("$touched", touched ? "and c.oid = any ($1::oid[])" : "");
    return sql;
}

std::string any_rare_sql() {
    constexpr std::string_view mark = "$listed";
    std::string sql = kinds::any_rare;
    return sql.replace(sql.find(mark), mark.size(), kinds::listed);
}

// Each query is a table of its own, with its own names.
std::string kinds_sql(std::string const& ledger, bool touched, Extensions extensions, bool rare) {
    constexpr std::string_view blank = " \n";
    constexpr std::string_view rares = "$rare";
    std::string all = "\n$rare\n";
    char const* between = "";
    for (auto const& known : known_kinds) {
        if (!known.sql || (known.rare && !rare)) continue;
        std::string_view sql = known.sql;
        sql.remove_prefix(sql.find_first_not_of(blank));
        if (sql.starts_with(rares)) sql.remove_prefix(sql.find_first_not_of(blank, rares.size()));
        bool const names_more = sql.starts_with(',');
        if (names_more) sql.remove_prefix(1);
        all += fmt::format(
            "{}select k.kind::text, k.parent::text, k.name::text, k.make::text, k.remove::text, k.alter::text, k.shape::text, k.n::text, "
            "k.addresses::text, k.needs::text, k.relation::text, k.rows::text, k.holds_rows from ({}{}) "
            "k(kind, parent, name, make, remove, alter, shape, n, addresses, needs, relation, rows, holds_rows)\n",
            between, names_more ? "with" : "", sql);
        between = "union all\n";
    }
    return catalog_sql(all.c_str(), ledger, touched, extensions, rare);
}

}  // namespace undrop::postgres
