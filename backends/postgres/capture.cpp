#include "capture.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "capture_table.hpp"
#include "errors.hpp"
#include "names.hpp"
#include "postgres_dialect.hpp"
#include "store.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Triggers fire in the order of their names, and this is to be the first: one of the user's may write the same row again.
constexpr char const* row_trigger = "\" undrop capture\"";
constexpr char const* refusing_trigger = "\" undrop refuse\"";

std::string condition(std::string const& ledger) {
    return fmt::format("when (pg_catalog.current_setting('undrop.capture', true) = {})", quote_literal(ledger));
}

// What this role may not write, a procedure of its rights does not write either.
Result<std::set<std::string>> writable(Connection& connection) {
    UNDROP_TRY(auto const rows, connection.rows("select c.oid from pg_catalog.pg_class c where c.relkind in ('r', 'p') and "
                                                "pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"));
    std::set<std::string> ids;
    for (auto const& row : rows) ids.insert(row[0].value_or(""));
    return ids;
}

Error cannot_watch(Table const& table, Error error) {
    if (sqlstate(error) != "42501") return error;
    error.code = Code::refused;
    error.message = fmt::format("what the procedure takes of {} could not be saved: this role may write to it, but make no trigger on it",
                                table.text());
    error.next.advice = "run the migration as the role that owns the table (--role)";
    return error;
}

// No function: the table is closed.
Result<void> watch(Connection& connection, std::string const& ledger, Table const& table, std::string const& row_function) {
    bool const closed = row_function.empty();
    PostgresDialect const dialect;
    auto const name = dialect.relation(table.schema, table.name);
    auto const refuse = dialect.relation(ledger, std::string(names::capture_prefix) + "refuse");
    std::string sql;
    if (!closed && table.root.empty())
        sql += fmt::format("create trigger {} after insert or update or delete on {} for each row {} execute function {}(); ", row_trigger,
                           name, condition(ledger), row_function);
    if (!closed) sql += fmt::format("alter table {} enable always trigger {}; ", name, row_trigger);
    sql += fmt::format(
        "create trigger {0} before {1}truncate on {2} for each statement {3} execute function {4}({5}); alter table {2} "
        "enable always trigger {0}",
        refusing_trigger, closed ? "insert or update or delete or " : "", name, condition(ledger), refuse,
        quote_literal(closed ? fmt::format("rows or values of {} were taken, or it was renamed, before in the same script: "
                                           "do what the procedure does to it in a migration of its own",
                                           table.text())
                             : fmt::format("TRUNCATE of {}: what it takes could not be saved; write DELETE", table.text())));
    auto done = connection.run(sql);
    if (!done) return cannot_watch(table, std::move(done).error());
    return success();
}

Result<bool> is_there(Connection& connection, CaptureTable const& unit) {
    UNDROP_TRY(auto const rows, connection.rows(fmt::format("select pg_catalog.to_regclass({}) is not null", quote_literal(unit.left()))));
    return rows.at(0).at(0) == "t";
}

}  // namespace

Statement capture_setting(std::string const& ledger) {
    Statement statement;
    statement.text = "SET undrop.capture = " + quote_literal(ledger);
    return statement;
}

Result<void> begin_capture(Connection& connection, std::string const& ledger, std::vector<Table> const& tables,
                           std::set<std::string> const& closed) {
    PostgresDialect const dialect;
    UNDROP_TRY(auto const writable_here, writable(connection));
    std::set<std::string> ours;
    std::set<std::string> closed_roots;
    auto const root_of = [](Table const& table) { return table.root.empty() ? table.id : table.root; };
    for (auto const& table : tables) {
        if (writable_here.contains(table.id)) ours.insert(root_of(table));
        if (closed.contains(table.id)) closed_roots.insert(root_of(table));
    }
    UNDROP_CHECK(connection.run(
        fmt::format("create function {0}() returns trigger language plpgsql as $$begin raise exception using errcode = '0A000', message = "
                    "TG_ARGV[0]; end$$; revoke all on function {0}() from public",
                    dialect.relation(ledger, std::string(names::capture_prefix) + "refuse"))));
    std::map<std::string, std::string> functions;
    std::vector<Table const*> watched;
    for (auto const& table : tables) {
        if (!ours.contains(root_of(table))) continue;
        watched.push_back(&table);
        auto const guard = dialect.relation(ledger, fmt::format("{}{}_guard", names::capture_prefix, table.id));
        UNDROP_CHECK(connection.run(
            fmt::format("create view {} as select * from {} where false", guard, dialect.relation(table.schema, table.name))));
        UNDROP_CHECK(seal(connection, guard, nullptr));
        if (!table.root.empty() || closed_roots.contains(table.id)) continue;
        CaptureTable const unit(ledger, table);
        for (auto const& statement : unit.statements()) UNDROP_CHECK(connection.run(statement));
        for (auto const* made : {&unit.old_rows(), &unit.left()}) UNDROP_CHECK(seal(connection, *made, &table));
        functions.emplace(table.id, unit.function());
    }
    // A partition has its trigger once its root has.
    std::stable_partition(watched.begin(), watched.end(), [](Table const* table) { return table->root.empty(); });
    for (auto const* table : watched) {
        auto const function = functions.find(root_of(*table));
        UNDROP_CHECK(watch(connection, ledger, *table, function == functions.end() ? std::string() : function->second));
    }
    return success();
}

Result<void> join_captured(Connection& connection, std::string const& ledger, std::vector<Table> const& tables) {
    for (auto const& table : tables) {
        CaptureTable const unit(ledger, table);
        UNDROP_TRY(auto const there, is_there(connection, unit));
        if (!there) continue;
        for (auto const& statement : unit.join_chains()) UNDROP_CHECK(connection.run(statement));
    }
    return success();
}

Result<std::vector<Captured>> read_captured(Connection& connection, std::string const& ledger, std::vector<Table> const& tables) {
    std::vector<Captured> found;
    for (auto const& table : tables) {
        if (!table.root.empty()) continue;
        CaptureTable const unit(ledger, table);
        UNDROP_TRY(auto const there, is_there(connection, unit));
        if (!there) continue;
        UNDROP_TRY(auto const any,
                   connection.rows(fmt::format("select exists (select from {}) or exists (select from {})", unit.old_rows(), unit.left())));
        if (any.at(0).at(0) != "t") continue;
        Captured captured{.table = table, .left = table, .number = unit.number(), .old_rows = unit.old_rows()};
        captured.left.schema = ledger;
        captured.left.name = fmt::format("{}{}_left", names::capture_prefix, table.id);
        captured.left.partitioned = false;
        found.push_back(std::move(captured));
    }
    return found;
}

// The triggers first, each table for itself, so that no writer waits for more than one; then nothing refers to what the store has.
Result<void> end_capture(Connection& connection, Session const& session, std::string const& ledger, Options const& options) {
    UNDROP_TRY(auto const triggers,
               connection.rows(session.safely(fmt::format(
                   "select pg_catalog.format('DROP TRIGGER IF EXISTS %I ON %I.%I', t.tgname, n.nspname, c.relname) from "
                   "pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid join pg_catalog.pg_namespace n on n.oid = "
                   "c.relnamespace join pg_catalog.pg_proc f on f.oid = t.tgfoid join pg_catalog.pg_namespace s on s.oid = f.pronamespace "
                   "where s.nspname = {} and pg_catalog.starts_with(f.proname, {}) and t.tgparentid = 0",
                   quote_literal(ledger), quote_literal(names::capture_prefix)))));
    UNDROP_TRY(auto const kept,
               connection.rows(session.safely(
                   fmt::format("select pg_catalog.format(case c.relkind when 'v' then 'DROP VIEW IF EXISTS %I.%I' else 'DROP TABLE IF "
                               "EXISTS %I.%I' end, n.nspname, c.relname) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on "
                               "n.oid = c.relnamespace where n.nspname = {0} and pg_catalog.starts_with(c.relname, {1}) and c.relkind in "
                               "('r', 'v') union all select pg_catalog.format('DROP FUNCTION IF EXISTS %I.%I()', n.nspname, f.proname) "
                               "from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace where n.nspname = {0} "
                               "and pg_catalog.starts_with(f.proname, {1})",
                               quote_literal(ledger), quote_literal(names::capture_prefix)))));
    auto const alone = [&](std::string const& sql) -> Result<void> {
        auto done = connection.run(fmt::format("BEGIN; SET LOCAL lock_timeout = {}; {}; COMMIT", options.lock_timeout.count(), sql));
        if (done) return success();
        if (!connection.lost() && !connection.idle()) (void)connection.run("ROLLBACK");
        return std::move(done).error();
    };
    for (auto const& row : triggers) UNDROP_CHECK(alone(row[0].value_or("")));
    std::string all;
    for (auto const& row : kept) all += (all.empty() ? "" : "; ") + row[0].value_or("");
    return all.empty() ? success() : alone(all);
}

Result<bool> follow_captured(Connection& connection, Table const& left, std::string const& old_rows, std::string const& pairs) {
    PostgresDialect const dialect;
    auto const number = CaptureTable(left.schema, left).number();
    UNDROP_CHECK(connection.run(fmt::format("insert into {} (n, l) select o.n, {} from {} o join {} as t on t.{} = o.n", pairs,
                                            dialect.row_id(left, "t"), old_rows, dialect.own_rows(left), number)));
    return true;
}

}  // namespace undrop::postgres
