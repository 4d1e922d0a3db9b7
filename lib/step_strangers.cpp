// The part of a step that sees to it that nothing comes back under a stranger: a number that a row had may be another row's by now, drawn
// anew, and what referred to the old row would refer to that one. No foreign key objects.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "aside.hpp"
#include "merge.hpp"
#include "references.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string value(Snapshot const& s, std::string const& column) {
    auto const at = std::find(s.values.begin(), s.values.end(), column);
    return at == s.values.end() ? std::string{} : fmt::format("v{}", at - s.values.begin() + 1);
}

}  // namespace

// Asked before any row comes back, for what comes back is noted then; and once everything is called again what it was called when it was
// saved.
Result<void> StepRunner::look_for_strangers() {
    may_meet_strangers_ = false;
    if (step_.direction == Direction::up || options_.on_conflict == OnConflict::stop || settles_orphans()) return success();
    auto const refers = std::count_if(opposite_.snapshots.begin(), opposite_.snapshots.end(), [](Snapshot const& s) {
        return s.of_rows() || s.kind == Snapshot::Kind::column || s.kind == Snapshot::Kind::table;
    });
    if (refers < 2) return success();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    for (auto const& snapshot : opposite_.snapshots) {
        auto const* table = told_by_number(snapshot) ? find_table(tables, table_name(snapshot.table)) : nullptr;
        auto const* column = table ? table->column(snapshot.table.key.front()) : nullptr;
        if (!column || !is_number(*column)) continue;
        auto const number = value(snapshot, column->name);
        UNDROP_TRY(auto const taken,
                   backend_.rows(fmt::format("select 1 from {} as s join {} as t on {} limit 1", ledger_.table(snapshot.store),
                                             backend_.dialect().own_rows(*table),
                                             backend_.dialect().equal(*column, "t." + backend_.dialect().quote(column->name),
                                                                      "s." + (number.empty() ? "k1" : number)))));
        if (!taken.empty()) may_meet_strangers_ = true;
    }
    return success();
}

// A query for the numbers that rows of this parent had, and others have by now; "" where there are none.
Result<std::string> StepRunner::numbers_of_strangers(ForeignKey const& key) {
    std::string numbers;
    if (key.columns.size() != 1) return numbers;
    auto const& dialect = backend_.dialect();
    for (auto const& snapshot : opposite_.snapshots) {
        auto const number = value(snapshot, key.parents_columns.front());
        if (table_name(snapshot.table) != TableName{key.parents_schema, key.parent} || !told_by_number(snapshot) || number.empty() ||
            snapshot.table.key != key.parents_columns)
            continue;
        Aside aside(backend_, ledger_, snapshot);
        UNDROP_TRY(bool const noted, aside.is_there());
        if (!noted) continue;
        auto const cell = snapshot.kind == Snapshot::Kind::updated ? key.parents_columns.front() : std::string{};
        numbers += fmt::format("{}select {} from {} as s join {} as a on {} where a.cell = {} and a.why = '{}'",
                               numbers.empty() ? "" : " union all ",
                               dialect.load(*snapshot.table.column(key.parents_columns.front()), "s." + number),
                               ledger_.table(snapshot.store), aside.table(), aside.is_row("a"), dialect.literal(cell), why::key_taken);
    }
    return numbers;
}

Result<void> StepRunner::refuse_strangers(std::vector<ComeBack> const& back) {
    auto const& dialect = backend_.dialect();
    UNDROP_TRY(auto catalog, backend_.catalog_after(ledger_.name(), catalog_));
    catalog.insert(catalog_.begin(), catalog_.end());  // a key that stepped aside is one all the same
    for (auto const& [snapshot, now] : back) {
        UNDROP_TRY(auto const keys, foreign_keys_of(now, catalog));
        for (auto const& key : keys) {
            UNDROP_TRY(auto const numbers, numbers_of_strangers(key));
            if (numbers.empty() || !now.column(key.columns.front())) continue;
            auto const& column = key.columns.front();
            if (snapshot->kind == Snapshot::Kind::column && snapshot->column != column) continue;
            auto const cell = snapshot->kind == Snapshot::Kind::updated ? column : std::string{};
            std::vector<std::string> is_row;
            for (std::size_t i = 0; i < snapshot->table.key.size(); ++i) {
                auto const& name = snapshot->table.key[i];
                is_row.push_back(dialect.equal(*now.column(name), "t." + dialect.quote(name), fmt::format("a.k{}", i + 1)));
            }
            UNDROP_TRY(auto const rows, backend_.rows(fmt::format(
                                            "select count(*) from {} as a join {} as t on {} where a.cell = {} and a.why = '{}' and "
                                            "t.{} in ({})",
                                            Aside(backend_, ledger_, *snapshot).table(), dialect.own_rows(now), fmt::join(is_row, " and "),
                                            dialect.literal(cell), why::restored, dialect.quote(column), numbers)));
            if (auto const count = number_of(rows.at(0).at(0)); count > 0)
                return Error{
                    .code = Code::refused,
                    .left = Left::rolled_back,
                    .message = fmt::format("{} rows of {} would come back under strangers: the rows of {} that their {} refers to "
                                           "do not come back, since other rows have their numbers by now",
                                           count, now.text(), key.parent, column),
                    .next = {.command = "down --on-orphan keep",
                             .advice = "leaves such rows and values in the snapshot, and null puts NULL there; or give the rows that "
                                       "came since other numbers first"}};
        }
    }
    for (auto const& [snapshot, now] : back) UNDROP_CHECK(Aside(backend_, ledger_, *snapshot).forget_restored());
    return success();
}

}  // namespace undrop
