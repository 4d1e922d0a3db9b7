// What PostgresBackend looks at, before a script and after it.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "beyond.hpp"
#include "capture.hpp"
#include "catalog.hpp"
#include "postgres_backend.hpp"
#include "tables.hpp"
#include "try.hpp"

namespace undrop::postgres {

Result<std::vector<Table>> PostgresBackend::tables(std::string const& ledger) {
    ledger_ = ledger;
    return known_.tables(
        [&](std::string const* relations) { return read_tables(connection_, session_, ledger, relations); },
        [&](auto const& before, Touched const& touched) { return read_tables_again(connection_, session_, ledger, before, touched); });
}

Result<void> PostgresBackend::mark(std::string const& ledger) {
    ledger_ = ledger;
    UNDROP_TRY(mark_, take_mark(connection_, session_.transaction(), ledger));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// Sequences that the script can move are read late where these are few: that locks only what it is about to change.
Result<void> PostgresBackend::enter_script() {
    if (reads_sequences_late_) {
        UNDROP_TRY(auto const relations, moving_relations());
        UNDROP_TRY(sequences_, read_sequences(connection_, session_, ledger_, relations));
        reads_sequences_late_ = false;
    }
    narrow_ = known_.narrow();
    return session_.enter_script();
}

// A sandbox is small, and its catalog is known from one step to the next.
void PostgresBackend::look_only_at(std::vector<Statement> const* statements, ComesBack const& comes_back) {
    known_.want(statements && !alone_ ? scope_of(*statements, comes_back) : std::nullopt);
}

Result<std::optional<std::vector<Table>>> PostgresBackend::missed() {
    std::optional<std::vector<Table>> missed(std::in_place);
    if (!narrow_) return missed;
    UNDROP_TRY(auto const reached, reach(connection_, narrow_->scope, narrow_->relations, session_.transaction(), ledger_));
    if (reached.definitions) return std::optional<std::vector<Table>>();
    if (reached.unchanged.empty()) return missed;
    UNDROP_TRY(auto const touched, known_.touched());  // what `tables` tells of by now
    std::vector<std::string> more;
    std::set_intersection(reached.unchanged.begin(), reached.unchanged.end(), touched.relations.begin(), touched.relations.end(),
                          std::back_inserter(more));
    auto const oids = fmt::format("{{{}}}", fmt::join(more, ","));
    UNDROP_TRY(missed, read_tables(connection_, session_, ledger_, &oids));
    return missed;
}

// Whose sequences a script can move, and once it runs, which it made; null: any.
Result<std::optional<std::string>> PostgresBackend::moving_relations() {
    auto const narrow = narrow_ ? narrow_ : known_.narrow();
    if (!narrow || narrow->scope.writes_rows) return std::optional<std::string>();
    if (!narrow_) return std::optional(narrow->relations);
    UNDROP_TRY(auto const touched, known_.touched());
    return std::optional(joined(narrow->relations, touched.array()));
}

Result<Observed> PostgresBackend::observed() {
    if (!mark_) return Error{.code = Code::usage, .message = "nothing was marked, so nothing can be observed"};
    UNDROP_TRY(auto seen, observe(connection_, *mark_, script_sets_counters_));
    UNDROP_TRY(auto const intact, run_lock_.intact());
    if (!intact) seen.refused.push_back("the script released the lock that keeps other migrators out (pg_advisory_unlock_all)");
    return seen;
}

Result<bool> PostgresBackend::read_old(Table const& table, OldRows which, std::vector<std::string> const& saved,
                                       std::string const& store_table) {
    return second_.read_old(table, which, saved, store_table, session_.transaction(), session_.role());
}

Result<std::string> PostgresBackend::files_of(Table const& table) {
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(
                                    "select pg_catalog.string_agg(c.oid::pg_catalog.text || ' ' || c.relfilenode, ',' order by c.oid) "
                                    "from pg_catalog.pg_class c where c.relkind = 'r' and (c.oid = {0} or c.oid in "
                                    "(select p.relid from pg_catalog.pg_partition_tree({0}) p))",
                                    table.id)));
    return rows.at(0).at(0).value_or("");
}

Result<bool> PostgresBackend::follow(Table const& then, Table const& now, std::string const& old_rows, std::string const& pairs,
                                     std::string const& files) {
    if (now.schema == ledger_) return follow_captured(connection_, now, old_rows, pairs);
    if (then.id != now.id) return false;
    if (!files.empty()) {
        UNDROP_TRY(auto const present, files_of(now));
        return present == files ? follow_rows(connection_, now, old_rows, pairs) : Result<bool>(false);
    }
    UNDROP_TRY(auto const written, written_by_us(now, "t"));
    if (written.empty()) return false;  // the table has another file, and in that no place is what it was
    return follow_rows(connection_, now, old_rows, pairs);
}

Result<Catalog> PostgresBackend::catalog(std::string const& ledger) {
    return known_.catalog(
        [&](std::string const* relations) { return read_catalog(connection_, ledger, Extensions::remakable, relations); },
        [&](auto const& before, Touched const& touched) { return read_catalog_again(connection_, ledger, before, touched); });
}

Result<Catalog> PostgresBackend::catalog_after(std::string const& ledger, Catalog const& before) {
    UNDROP_TRY(auto now, catalog(ledger));
    if (alone_) return now;  // every change is ours
    return ours_of(connection_, before, now);
}

Result<std::vector<std::string>> PostgresBackend::removed_unknown(Catalog const& before) {
    return postgres::removed_unknown(connection_, before);
}
std::set<std::string> PostgresBackend::unknown(Catalog const& catalog) const { return unknown_of(catalog); }
Result<std::vector<std::string>> PostgresBackend::made_unknown(Catalog const& before, Catalog const& now) {
    return postgres::made_unknown(connection_, before, now);
}

Result<std::vector<std::string>> PostgresBackend::changed_beyond(std::vector<std::string> const& said) {
    if (!mark_) return std::vector<std::string>{};
    return postgres::changed_beyond(connection_, *mark_, said, script_sets_counters_);
}

Result<std::vector<std::string>> PostgresBackend::mentions(std::string const& word) { return postgres::mentions(connection_, word); }

Result<std::map<std::string, std::string>> PostgresBackend::positions() {
    UNDROP_TRY(auto const relations, moving_relations());
    UNDROP_TRY(auto const sequences, read_sequences(connection_, session_, ledger_, relations));
    std::map<std::string, std::string> positions;
    for (auto const& sequence : sequences) positions.emplace(sequence.name, position_of(sequence));
    return positions;
}

Result<bool> PostgresBackend::is_behind(std::string const& sequence, std::string const& now, std::string const& then) {
    return postgres::is_behind(connection_, sequence, now, then);
}

// Members of extensions go with these.
Result<NamedObjects> PostgresBackend::named_objects() {
    UNDROP_TRY(auto const relations, moving_relations());
    UNDROP_TRY(
        auto const rows,
        connection_.repeated(fmt::format(
            "select o.word, n.nspname, o.name, o.oid from ("
            "select case c.relkind when 'S' then 'sequence' when 'v' then 'view' else 'materialized view' end as word, c.relnamespace as "
            "home, c.relname as "
            "name, "
            "c.oid, 1259 as class from pg_catalog.pg_class c where c.oid >= 16384 and c.relkind in ('S', 'm', 'v') and c.relpersistence <> "
            "'t' {0} union all "
            "select 'type', t.typnamespace, t.typname, t.oid, 1247 from pg_catalog.pg_type t where t.oid >= 16384 and t.typtype in ('e', "
            "'d', 'r', 'm') union "
            "all "
            "select 'type', t.typnamespace, t.typname, t.oid, 1247 from pg_catalog.pg_class c "
            "join pg_catalog.pg_type t on t.oid = c.reltype where c.relkind = 'c' {0}) o "
            "join pg_catalog.pg_namespace n on n.oid = o.home where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', {1}) "
            "and (o.word = 'sequence' or not exists (select from pg_catalog.pg_depend d where d.classid = o.class and d.objid = o.oid "
            "and d.deptype = 'e')) "
            "union all select 'schema', '', n.nspname, n.oid from pg_catalog.pg_namespace n where n.nspname !~ '^pg_' and n.nspname not in "
            "('information_schema', {1})",
            relations ? fmt::format("and c.oid = any ('{}'::pg_catalog.oid[])", *relations) : "", quote_literal(ledger_))));
    NamedObjects found;
    for (auto const& row : rows)
        found[row[0].value_or("")].emplace(std::pair{row[1].value_or(""), row[2].value_or("")}, row[3].value_or(""));
    return found;
}

}  // namespace undrop::postgres
