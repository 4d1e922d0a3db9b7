#include <fmt/format.h>

#include "errors.hpp"
#include "postgres_backend.hpp"
#include "postgres_dialect.hpp"
#include "quiet.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// Parents come first: their ALTER TABLE may reach their partitions, whose own states then follow.
constexpr char const* loud_query = R"(
with family as (
    select {0}::pg_catalog.oid as oid, 0 as level
    union select p.relid::pg_catalog.oid, p.level from pg_catalog.pg_partition_tree({0}) p
)
select f.oid, case when t.tgname is not null then 'TRIGGER ' else 'RULE ' end || pg_catalog.quote_ident(coalesce(t.tgname, w.rulename)),
       coalesce(t.tgenabled, w.ev_enabled)
from family f
cross join lateral (select false as rule union all select true) kind
left join pg_catalog.pg_trigger t on not kind.rule and t.tgrelid = f.oid and not t.tgisinternal and t.tgenabled <> 'D'
left join pg_catalog.pg_rewrite w on kind.rule and w.ev_class = f.oid and w.rulename <> '_RETURN' and w.ev_enabled <> 'D'
where t.oid is not null or w.oid is not null
order by f.level, f.oid, 2)";

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
    UNDROP_TRY(auto const done,
               connection_.run(fmt::format("ALTER TABLE ONLY {} {} {}", name.at(0).at(0).value_or(""), verb(state), silenced.what)));
    static_cast<void>(done);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Quiet::quiet(Table const& table) {
    auto& silenced = silenced_[table.id];
    if (silenced.depth++ > 0) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(loud_query, table.id)));
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
declare found text; tried {}; failed int8 := 0;
begin
  for found in select pg_catalog.format('%s', t.{}) from {} as t where pg_catalog.num_nulls(t.{}) = 0 loop
    begin
      tried := found;
    exception when data_exception or check_violation or not_null_violation then
      failed := failed + 1;
    end;
  end loop;
  perform pg_catalog.set_config('undrop.unfitting', failed::text, true);
end)";

}  // namespace

bool PostgresBackend::means_unfitting(Error const& error) const {
    auto const state = sqlstate(error);
    return state.starts_with("22") || state == "23514" || state == "23502";
}

// The type is what the recorded text says between the column's name and a collation.
Result<std::int64_t> PostgresBackend::unfitting(Table const& now, std::string const& column, Object const& wanted) {
    auto const from = wanted.make.find(" ADD COLUMN ");
    auto const* is = now.column(column);
    if (from == std::string::npos || !is || wanted.alter.empty()) return std::int64_t{0};
    auto type = wanted.make.substr(from + std::string_view(" ADD COLUMN ").size());
    auto const quoted = dialect_.quote(column);
    type.erase(0, (type.starts_with(quoted) ? quoted : column).size() + 1);
    type.resize(std::min(type.rfind(';'), type.find(" COLLATE ")));
    if (type == is->type) return std::int64_t{0};
    auto const body = fmt::format(try_each, type, quoted, dialect_.own_rows(now), quoted);
    UNDROP_CHECK(connection_.run("DO LANGUAGE plpgsql " + quote_literal(body)));
    UNDROP_TRY(auto const rows, connection_.rows("select pg_catalog.current_setting('undrop.unfitting')"));
    return std::stoll(rows.at(0).at(0).value_or("0"));
}

}  // namespace undrop::postgres
