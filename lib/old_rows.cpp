// Working tables of old rows; see rows.hpp.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "names.hpp"
#include "rows.hpp"
#include "save.hpp"
#include "try.hpp"

namespace undrop {

Result<OldRowsTable> make_old_rows(Backend& backend, Ledger const& ledger, Table const& table, std::int64_t id) {
    OldRowsTable old{.table = table, .store = ledger.table(names::work_prefix + std::to_string(id)), .values = plain_columns(table)};
    std::string definitions = "n bigint not null primary key, state text not null";
    auto const& dialect = backend.dialect();
    for (auto const& place : dialect.row_places(table)) definitions += ", " + place.definition;
    for (std::size_t i = 0; i < old.values.size(); ++i)
        definitions += fmt::format(", v{} {}", i + 1, dialect.working_type(*table.column(old.values[i])));
    // Looked up by key for each present row: without an index that would take the square of the rows' number on SQLite.
    std::vector<std::string> key;
    for (auto const& name : table.key)
        key.push_back(fmt::format("v{}", std::find(old.values.begin(), old.values.end(), name) - old.values.begin() + 1));
    if (!key.empty()) definitions += fmt::format(", unique ({})", fmt::join(key, ", "));
    UNDROP_CHECK(backend.run(fmt::format("create table {} ({})", old.store, definitions)));
    UNDROP_CHECK(backend.seal(old.store, &table));
    return old;
}

Result<void> rows_can_be_told(Dialect const& dialect, Table const& table) {
    if (!table.key.empty() || !dialect.row_locator(table).empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("rows of {} could not be put back: it has no key, and no name is left for the rows' own numbers",
                                        table.text()),
                 .next = {.advice = fmt::format("give it a primary key first, or let its old rows go: `-- undrop: lose {}` at the top of "
                                                "the script",
                                                table.text())}};
}

std::vector<std::string> saved_values(Dialect const& dialect, OldRowsTable const& old) {
    std::vector<std::string> saved;
    for (auto const& name : old.values) saved.push_back(dialect.save(*old.table.column(name), "t." + dialect.quote(name)));
    return saved;
}

Result<OldRowsTable> copy_rows(Backend& backend, Ledger const& ledger, Table const& table, std::int64_t id) {
    UNDROP_TRY(auto copied, make_old_rows(backend, ledger, table, id));
    auto const& dialect = backend.dialect();
    std::vector<std::string> noted{"row_number() over ()", "'u'"};
    for (auto const& place : dialect.row_places(table)) noted.push_back(place.expression);
    for (auto& value : saved_values(dialect, copied)) noted.push_back(std::move(value));
    UNDROP_CHECK(
        backend.run(fmt::format("insert into {} select {} from {} as t", copied.store, fmt::join(noted, ", "), dialect.own_rows(table))));
    copied.complete = true;
    return copied;
}

}  // namespace undrop
