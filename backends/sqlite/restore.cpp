// Triggers off and on, and the positions of AUTOINCREMENT.
#include <fmt/format.h>

#include <charconv>

#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/tokens.hpp"
#include "sqlite/virtual_table.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

constexpr std::string_view prefix = "main.";

Result<std::int64_t> number_of(std::string const& position) {
    std::int64_t number = 0;
    auto const [end, failed] = std::from_chars(position.data(), position.data() + position.size(), number);
    if (failed != std::errc{} || end != position.data() + position.size())
        return refused(fmt::format("{} is no position of a sequence", position));
    return number;
}

}  // namespace

// The switches are the connection's: they stay off until each table is loud again. Rows come back in any order, and no action of a foreign
// key may write over what users wrote: check_constraints() counts what came of it. SQLite takes a violation that the script left for the
// end of the transaction off its list only while foreign keys are on; there they stay on, deferred.
Result<void> SqliteBackend::quiet(Table const& table) {
    quieted_.insert(lower(table.name));
    if (quiet_++ > 0) return outcome::success();
    set(handle(), Switch::triggers, false);
    kept_foreign_keys_ = is_on(handle(), Switch::foreign_keys);
    if (!kept_foreign_keys_) return outcome::success();
    if (has_deferred_violations(handle())) return connection_.exec("PRAGMA defer_foreign_keys = ON");
    if (!orphans_) {
        UNDROP_TRY(orphans_, violations());
    }
    set(handle(), Switch::foreign_keys, false);
    return outcome::success();
}

Result<void> SqliteBackend::loud(Table const&) {
    if (quiet_ == 0 || --quiet_ > 0) return outcome::success();
    set(handle(), Switch::triggers, before_ ? before_->triggers : true);
    set(handle(), Switch::foreign_keys, kept_foreign_keys_);
    return outcome::success();
}

// Triggers keep a full-text index of a table up to date, and those were off.
Result<void> SqliteBackend::rebuild_indexes() {
    if (quieted_.empty()) return outcome::success();
    UNDROP_CHECK(sync(Tracker::Cause::own));
    for (auto const& entry : tracker_.entries()) {
        auto const what = entry.kind == Kind::virtual_table ? virtual_table(entry.sql) : VirtualTable{};
        if (!what.is_index()) continue;
        // Of a view nobody knows here what it reads.
        auto const* source = tracker_.find(*what.content);
        if (source == nullptr || quieted_.contains(lower(source->name))) UNDROP_CHECK(connection_.run(rebuild_index(entry.name)));
    }
    quieted_.clear();
    return outcome::success();
}

Result<void> SqliteBackend::defer_references(std::vector<Table> const&) { return outcome::success(); }
Result<void> SqliteBackend::check_references() { return outcome::success(); }

// Only where somebody has asked for such statistics (ANALYZE); a table that went took its own along.
Result<void> SqliteBackend::gather_statistics(Table const& table) {
    UNDROP_TRY(auto const wanted, connection_.number("select count(*) from main.sqlite_schema where name = 'sqlite_stat1'"));
    if (wanted == 0) return outcome::success();
    return connection_.exec("ANALYZE main." + quote(table.name));
}

Result<std::map<std::string, std::string>> SqliteBackend::positions() {
    std::map<std::string, std::string> found;
    UNDROP_TRY(auto const exists, connection_.number("select count(*) from main.sqlite_schema where name = 'sqlite_sequence'"));
    if (exists == 0) return found;
    UNDROP_TRY(auto const rows, connection_.rows("select name, seq from main.sqlite_sequence where name is not null and seq is not null"));
    for (auto const& row : rows) found[fmt::format("{}{}", prefix, *row[0])] = *row[1];
    return found;
}

Result<bool> SqliteBackend::is_behind(std::string const&, std::string const& now, std::string const& then) {
    UNDROP_TRY(auto const is, number_of(now));
    UNDROP_TRY(auto const was, number_of(then));
    return is < was;
}

Result<NamedObjects> SqliteBackend::named_objects() { return NamedObjects{}; }

Result<void> SqliteBackend::set_position(std::string const& sequence, std::string const& position) {
    auto const table = literal(sequence.starts_with(prefix) ? sequence.substr(prefix.size()) : sequence);
    UNDROP_TRY(auto const wanted, number_of(position));
    UNDROP_TRY(auto const exists, connection_.number("select count(*) from main.sqlite_schema where name = 'sqlite_sequence'"));
    if (exists == 0) return refused(fmt::format("{} has no AUTOINCREMENT, so it has no position", sequence));
    UNDROP_CHECK(
        connection_.run(fmt::format("update main.sqlite_sequence set seq = max(coalesce(seq, 0), {1}) where name = {0};"
                                    "insert into main.sqlite_sequence (name, seq) select {0}, {1} "
                                    "where not exists (select 1 from main.sqlite_sequence where name = {0})",
                                    table, wanted)));
    return outcome::success();
}

}  // namespace undrop::sqlite
