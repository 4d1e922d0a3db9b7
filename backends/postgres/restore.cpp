#include <fmt/format.h>
#include <array>

#include "errors.hpp"
#include "fitting.hpp"
#include "postgres_backend.hpp"
#include "postgres_dialect.hpp"
#include "quiet.hpp"
#include "sequences.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// Parents come first: their ALTER TABLE may reach their partitions, whose own states then follow. An identity column takes no value while
// it is GENERATED ALWAYS.
constexpr char const* loud_query = R"(
with family as (
    select {0}::pg_catalog.oid as oid, 0 as level
    union select p.relid::pg_catalog.oid, p.level from pg_catalog.pg_partition_tree({0}) p
)
select f.oid, 'TRIGGER ' || pg_catalog.quote_ident(t.tgname) as what, t.tgenabled as state, f.level
from family f cross join lateral (select * from pg_catalog.pg_trigger g where g.tgrelid = f.oid offset 0) t
where not t.tgisinternal and t.tgenabled <> 'D'
union all
select f.oid, 'RULE ' || pg_catalog.quote_ident(w.rulename), w.ev_enabled, f.level
from family f join pg_catalog.pg_rewrite w on w.ev_class = f.oid and w.rulename <> '_RETURN' and w.ev_enabled <> 'D'
union all
select f.oid, 'COLUMN ' || pg_catalog.quote_ident(a.attname), 'I', f.level
from family f join pg_catalog.pg_class c on c.oid = f.oid and not c.relispartition
cross join lateral (select * from pg_catalog.pg_attribute k where k.attrelid = f.oid offset 0) a
where a.attidentity = 'a' and not a.attisdropped
order by level, oid, what)";

constexpr char always_identity = 'I';

char const* verb(char state) {
    switch (state) {
        case 'D':
            return "DISABLE";
        case 'R':
            return "ENABLE REPLICA";
        case 'A':
            return "ENABLE ALWAYS";
        default:
            return "ENABLE";
    }
}

}  // namespace

Result<void> Quiet::set(Silenced const& silenced, char state) {
    UNDROP_TRY(auto const name, connection_.rows(fmt::format("select {}::pg_catalog.regclass::pg_catalog.text", silenced.relation)));
    auto const table = name.at(0).at(0).value_or("");
    if (silenced.state == always_identity)
        UNDROP_CHECK(connection_.run(
            fmt::format("ALTER TABLE {} ALTER {} SET GENERATED {}", table, silenced.what, state == 'D' ? "BY DEFAULT" : "ALWAYS")));
    else
        UNDROP_CHECK(connection_.run(fmt::format("ALTER TABLE ONLY {} {} {}", table, verb(state), silenced.what)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Quiet::quiet(Table const& table) {
    auto& silenced = silenced_[table.id];
    if (silenced.depth++ > 0) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_TRY(auto const rows, connection_.repeated(fmt::format(loud_query, "$1"), std::array{Cell(table.id)}));
    for (auto const& row : rows) silenced.all.push_back({*row[0], *row[1], row[2].value_or("O").at(0)});
    for (auto const& one : silenced.all) UNDROP_CHECK(set(one, 'D'));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Quiet::loud(Table const& table) {
    auto& silenced = silenced_[table.id];
    if (--silenced.depth > 0) return BOOST_OUTCOME_V2_NAMESPACE::success();
    for (auto const& one : silenced.all) UNDROP_CHECK(set(one, one.state));
    silenced_.erase(table.id);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

namespace {

// Each value is tried by itself, as the assignment that ALTER COLUMN makes would; a subtransaction each is slow, and comes only before a
// refusal.
constexpr char const* try_each = R"(
declare found text; tried {0}; failed int8 := 0;
begin
  begin
    for found in select pg_catalog.format('%s', t.{1}) from {2} as t where pg_catalog.num_nulls(t.{1}) = 0 loop
      tried := found;
    end loop;
  exception when data_exception or check_violation or not_null_violation then
    for found in select pg_catalog.format('%s', t.{1}) from {2} as t where pg_catalog.num_nulls(t.{1}) = 0 loop
      begin
        tried := found;
      exception when data_exception or check_violation or not_null_violation then
        failed := failed + 1;
      end;
    end loop;
  end;
  perform pg_catalog.set_config('undrop.unfitting', failed::text, true);
end)";

}  // namespace

Result<Numbered> PostgresBackend::number_rows(Table const& table, std::string const& column, std::string const& identity,
                                              std::string const& position, std::string const& where) {
    auto const rows = dialect_.own_rows(table);
    auto const fill = [&](std::string const& sequence) {
        return run(fmt::format("update {} as t set {} = pg_catalog.nextval({}) where {}", rows, dialect_.quote(column),
                               quote_literal(sequence), where));
    };
    UNDROP_TRY(auto const own,
               connection_.rows(fmt::format("select pg_catalog.pg_get_serial_sequence({}, {})",
                                            quote_literal(dialect_.relation(table.schema, table.name)), quote_literal(column))));
    if (own.at(0).at(0)) {
        UNDROP_TRY(auto const count, fill(*own[0][0]));
        return Numbered{.rows = count, .position = {}};
    }
    constexpr std::string_view options = " START WITH ";  // what follows it in the recorded text, up to its end
    auto const from = identity.find(options);
    auto const until = identity.rfind(");");
    if (from == std::string::npos || until == std::string::npos)
        return Error{.message = fmt::format("the recorded identity of {}.{} is not one", table.text(), column)};
    auto const sequence = dialect_.relation(ledger_, "undrop_numbers");
    UNDROP_CHECK(run(fmt::format("create sequence {}{}", sequence, identity.substr(from, until - from))));
    if (!position.empty()) UNDROP_CHECK(set_position(sequence, position));
    UNDROP_TRY(auto const count, fill(sequence));
    UNDROP_TRY(auto const now, connection_.rows(fmt::format("select last_value, is_called from {}", sequence)));
    UNDROP_CHECK(run("drop sequence " + sequence));
    return Numbered{
        .rows = count,
        .position = position_of({.oid = {}, .name = {}, .last = *now.at(0).at(0), .called = now[0][1] == "t", .increment = {}})};
}

bool PostgresBackend::means_unfitting(Error const& error) const {
    auto const state = sqlstate(error);
    return state.starts_with("22") || state == "23514" || state == "23502" || state == "23505" || state == "23P01";
}

namespace {

// Rows that a constraint or a unique index does not take: it is made for an empty table of the same columns, which is asked for each row.
// The transaction is rolled back afterwards.
Result<std::int64_t> unfitting_rows(Connection& connection, std::string const& trial, std::string const& table, std::string const& rows,
                                    std::string const& text) {
    auto make = text;
    make.resize(std::min(make.size(), make.find(";\n")));  // what follows says where its index is kept
    for (auto const* word : {" INITIALLY DEFERRED", " DEFERRABLE"})
        if (auto const at = make.rfind(word); at != std::string::npos) make.erase(at, std::string_view(word).size());
    auto const at = make.find(" " + table + " ");
    if (at == std::string::npos) return std::int64_t{0};
    make.replace(at + 1, table.size(), trial);
    UNDROP_CHECK(connection.run(fmt::format("create table {} (like {})", trial, table)));
    UNDROP_CHECK(connection.run(make));
    UNDROP_TRY(auto const wrong, connection.rows(fmt::format(
                                     "select pg_catalog.format('t.%I is null', a.attname) from pg_catalog.pg_attribute a "
                                     "join pg_catalog.pg_attribute b on b.attrelid = {1} and b.attname = a.attname and not b.attnotnull "
                                     "where a.attrelid = {0} and a.attnotnull and a.attnum > 0 "
                                     "union all select pg_catalog.format('not (%s)', pg_catalog.pg_get_expr(conbin, conrelid)) "
                                     "from pg_catalog.pg_constraint where conrelid = {0} and contype = 'c'",
                                     quote_literal(trial) + "::pg_catalog.regclass", quote_literal(table) + "::pg_catalog.regclass")));
    std::int64_t failed = 0;
    for (auto const& condition : wrong) {
        UNDROP_TRY(auto const count, connection.rows(fmt::format("select count(*) from {} as t where {}", rows, *condition[0])));
        failed += std::stoll(count.at(0).at(0).value_or("0"));
    }
    if (failed > 0) return failed;
    UNDROP_TRY(auto const all, connection.rows("select count(*) from " + rows));
    UNDROP_TRY(auto const taken, connection.run(fmt::format("insert into {} select * from {} on conflict do nothing", trial, rows)));
    return std::stoll(all.at(0).at(0).value_or("0")) - taken;
}

// Rows of a table that the bounds of a partition, which it is to be, do not take. Of the default partition of the same parent: those that
// they do take, which may not be there any more. The transaction is rolled back afterwards.
Result<std::int64_t> misplaced_rows(Connection& connection, std::string const& trial, std::string const& table, std::string const& rows,
                                    std::string const& make) {
    constexpr std::string_view head = "ALTER TABLE ONLY ";
    constexpr std::string_view attach = " ATTACH PARTITION ";
    auto const at = make.find(attach);
    auto const parent = make.substr(head.size(), at - head.size());
    auto bounds = make.substr(at + attach.size());
    auto const is_its = bounds.starts_with(table + " ");
    auto const values = bounds.rfind(" FOR VALUES ");
    bounds.erase(0, values != std::string::npos ? values : bounds.rfind(" DEFAULT;"));
    UNDROP_TRY(auto const others, connection.rows(fmt::format(
                                      "select pg_catalog.format('%s', d.oid::pg_catalog.regclass), d.oid = {}::pg_catalog.regclass from "
                                      "pg_catalog.pg_partitioned_table p join pg_catalog.pg_class d on d.oid = p.partdefid "
                                      "where p.partrelid = {}::pg_catalog.regclass",
                                      quote_literal(table), quote_literal(parent))));
    auto const is_default = !others.empty() && others[0][1] == "t";
    if (!is_its && !is_default) return std::int64_t{0};
    if (!others.empty()) UNDROP_CHECK(connection.run(fmt::format("alter table {} detach partition {}", parent, *others[0][0])));
    UNDROP_CHECK(connection.run(fmt::format("create table {} (like {} including generated including constraints)", trial, parent)));
    UNDROP_CHECK(connection.run(fmt::format("alter table only {} attach partition {}{}", parent, trial, bounds)));
    UNDROP_TRY(
        auto const condition,
        connection.rows(fmt::format("select pg_catalog.pg_get_partition_constraintdef({}::pg_catalog.regclass)", quote_literal(trial))));
    if (!condition.at(0).at(0)) return std::int64_t{0};
    UNDROP_TRY(auto const count,
               connection.rows(fmt::format("select count(*) from {} as t where {} ({})", rows, is_its ? "not" : "", *condition[0][0])));
    return std::stoll(count.at(0).at(0).value_or("0"));
}

}  // namespace

// The type is what the recorded text says between the column's name and a collation.
Result<std::int64_t> PostgresBackend::unfitting(Table const& now, std::string const& column, Object const& wanted) {
    if (column.empty() && wanted.holds_rows) return std::int64_t{0};  // a table's text says nothing of its rows
    if (column.empty()) {
        UNDROP_TRY(auto const name, connection_.rows(fmt::format("select pg_catalog.format('%I.%I', {}, {})", quote_literal(now.schema),
                                                                 quote_literal(now.name))));
        auto const attaches = wanted.make.find(" ATTACH PARTITION ") != std::string::npos;
        UNDROP_TRY(auto const counted, attaches ? Result<std::optional<std::int64_t>>(std::nullopt)
                                                : rows_not_fitting(connection_, dialect_.own_rows(now), wanted.make));
        if (counted) return *counted;
        UNDROP_TRY(auto const reads, connection_.rows("select pg_catalog.current_setting('transaction_read_only')"));
        if (reads.at(0).at(0) == "on") return std::int64_t{0};
        return (attaches ? misplaced_rows : unfitting_rows)(connection_, dialect_.relation(ledger_, "undrop_trial"),
                                                            name.at(0).at(0).value_or(""), dialect_.own_rows(now), wanted.make);
    }
    auto const from = wanted.make.find(" ADD COLUMN ");
    auto const* is = now.column(column);
    if (from == std::string::npos || !is || wanted.alter.empty()) return std::int64_t{0};
    auto type = wanted.make.substr(from + std::string_view(" ADD COLUMN ").size());
    auto const quoted = dialect_.quote(column);
    type.erase(0, (type.starts_with(quoted) ? quoted : column).size() + 1);
    type.resize(std::min(type.rfind(';'), type.find(" COLLATE ")));
    if (type == is->type) return std::int64_t{0};
    auto const body = fmt::format(try_each, type, quoted, dialect_.own_rows(now));
    UNDROP_CHECK(connection_.run("DO LANGUAGE plpgsql " + quote_literal(body)));
    UNDROP_TRY(auto const rows, connection_.rows("select pg_catalog.current_setting('undrop.unfitting')"));
    return std::stoll(rows.at(0).at(0).value_or("0"));
}

}  // namespace undrop::postgres
