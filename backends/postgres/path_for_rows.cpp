#include "path_for_rows.hpp"

#include "connection.hpp"
#include "postgres_dialect.hpp"
#include "session.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

// Built-in functions are in no dependency; what is written in C knows no search path, and what sets its own needs none.
constexpr char const* any_called = R"(
select exists (
    select from pg_catalog.pg_depend d join pg_catalog.pg_proc p on p.oid = d.refobjid join pg_catalog.pg_language l on l.oid = p.prolang
    where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.refobjid >= 16384 and l.lanname not in ('c', 'internal')
      and not exists (select from pg_catalog.unnest(p.proconfig) as s(setting) where s.setting like 'search\_path=%')
      and (d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
           or d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              and exists (select from pg_catalog.pg_index i where i.indexrelid = d.objid)
           or d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
              and exists (select from pg_catalog.pg_attrdef f join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
                          where f.oid = d.objid and a.attgenerated <> '')))::pg_catalog.text)";

Result<void> set_path(Connection& connection, std::string const& path) {
    UNDROP_TRY(auto const rows, connection.rows("select pg_catalog.set_config('search_path', " + quote_literal(path) + ", true)"));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

constexpr char const* pinned_path = "pg_catalog, pg_temp";

}  // namespace

Result<std::string> path_for_rows(Connection& connection, Session& session) {
    UNDROP_TRY(auto const called, connection.repeated(any_called));
    if (called.at(0).at(0).value_or("") != "true") return std::string{};
    return authors_path(connection, session);
}

Result<std::string> authors_path(Connection& connection, Session& session) {
    // Between a script's statements its own settings hold, and must stay.
    UNDROP_TRY(auto const current, connection.rows("select pg_catalog.current_setting('search_path')"));
    if (current.at(0).at(0).value_or("") != pinned_path) return std::string{};
    bool const in_step = !session.transaction().empty();  // whoever only reads has no author's settings, but those of the session
    if (in_step) UNDROP_CHECK(session.enter_script());
    UNDROP_TRY(auto const authors, connection.rows(in_step ? "select pg_catalog.current_setting('search_path')"
                                                           : "select reset_val from pg_catalog.pg_settings where name = 'search_path'"));
    if (in_step) UNDROP_CHECK(session.leave_script());
    auto const path = authors.at(0).at(0).value_or("");
    return path.empty() ? path : "pg_catalog, " + path + ", pg_temp";
}

Result<std::int64_t> run_under_path(Connection& connection, std::string const& path, std::string const& sql) {
    UNDROP_CHECK(set_path(connection, path));
    UNDROP_TRY(auto const rows, connection.run(sql));
    UNDROP_CHECK(set_path(connection, pinned_path));
    return rows;
}

Result<Rows> rows_under_path(Connection& connection, Session& session, std::string const& sql) {
    UNDROP_TRY(auto const path, authors_path(connection, session));
    if (path.empty()) return connection.rows(sql);
    UNDROP_CHECK(set_path(connection, path));
    UNDROP_TRY(auto rows, connection.rows(sql));
    UNDROP_CHECK(set_path(connection, pinned_path));
    return rows;
}

}  // namespace undrop::postgres
