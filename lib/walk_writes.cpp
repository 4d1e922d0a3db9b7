// The rounds of a rehearsal in which an application writes between up and down.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <utility>

#include "application_statements.hpp"
#include "grade.hpp"
#include "try.hpp"
#include "walk.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// What the database does not take of undrop's own doing here says nothing about the migration.
Result<void> Walk::pass_over(Error error, Rehearsed& found) {
    if (ends_all(error)) return error;
    found.notes.push_back("what an application would write could not be tried: " + error.message);
    return success();
}

// What its down script writes may depend on what is in tables that the up made, or be to such as the up never touched.
DownWrites Walk::down_writes(Migration const& migration, State const& after) const {
    DownWrites found;
    if (options_.derive || !migration.down) return found;
    auto const statements = backend_.dialect().split(*migration.down);
    if (!statements) return {.tables = {}, .text = {}, .any = true};
    auto const foreseen = backend_.dialect().foresee(statements.value());
    found.any = foreseen.opaque || std::any_of(foreseen.touches.begin(), foreseen.touches.end(), [](Foreseen::Touch const& touch) {
                    return touch.kind == Foreseen::Touch::Kind::rewrite_rows;
                });
    if (!found.any) return found;
    std::vector<Table> tables;
    for (auto const& [name, rows] : after.tables) tables.push_back(rows->table);
    found.tables = resolve(foreseen, tables).writes;
    found.text = migration.down->text;
    return found;
}

// Once more, with an application that writes between the up and the down; and another time with writes that only the up allows, which may
// have the down refused, so that nothing else would be seen.
Result<void> Walk::go_with_writes(Migration const& migration, State& after_up, Rehearsed& found) {
    auto const wrote = writes_.write(now_, after_up, passed_over_ || down_writes(migration, after_up).any, found.notes);
    if (!wrote) return pass_over(wrote.error(), found);
    UNDROP_CHECK(go_back_from(migration, wrote.value(), "an application has written", after_up, found));
    if (!applied_ || found.grade > Grade::exact_with_snapshot || !writes_.dares()) return success();
    if (!wrote.value().empty()) {
        UNDROP_TRY(bool const again, go_up_afresh(migration, touched_.value_or(wrote.value())));
        if (!again) return success();
    }
    std::vector<std::string> what;
    auto const dared = writes_.dare(what);
    if (!dared) return pass_over(dared.error(), found);
    return go_back_from(migration, dared.value(),
                        fmt::format("an application has written to {} what the up newly allows", fmt::join(what, ", ")), after_up, found);
}

// The step that went last saved what an application had written: another one is to start from what was there before.
Result<bool> Walk::go_up_afresh(Migration const& migration, std::set<TableName> const& tables) {
    Rehearsed tried;
    UNDROP_TRY(bool const down, go(migration, Direction::down, "down", tried));
    if (!down) return false;
    UNDROP_CHECK(writes_.put_back(now_, tables));
    return go(migration, Direction::up, "up again", tried);
}

// From what was written to these tables. The database is as an up left it, before and after.
Result<void> Walk::go_back_from(Migration const& migration, std::set<TableName> const& tables, std::string const& where, State& after_up,
                                Rehearsed& found) {
    if (tables.empty()) return success();
    if (touched_) touched_->insert(tables.begin(), tables.end());
    UNDROP_TRY(auto written, keeper_.take(after_up, Touched(tables)));
    Rehearsed tried;
    UNDROP_TRY(bool const down, go(migration, Direction::down, "down", tried));
    if (down) {
        UNDROP_CHECK(judge_writes(migration, after_up, written, found));
        UNDROP_TRY(bool up, go(migration, Direction::up, "up again", tried));
        if (!up) {
            found.notes.push_back(fmt::format("after an application's writes and the down the up fails: {}", tried.reason));
            UNDROP_CHECK(writes_.put_back(now_, touched_.value_or(tables)));
            UNDROP_TRY(up, go(migration, Direction::up, "up again", tried));
            if (!up) return success();
        }
    } else {
        found.notes.push_back(fmt::format("where {}, the down is refused: {}", where, tried.reason));
        found.refused_in_use = true;
    }
    keeper_.release(std::move(written));
    if (auto const back = writes_.put_back(after_up, touched_.value_or(tables)); !back) UNDROP_CHECK(pass_over(back.error(), found));
    UNDROP_TRY(auto const left, keeper_.compare(after_up, touched_));
    if (left.none()) return success();
    UNDROP_TRY(auto really, keeper_.take(after_up, touched_));
    keeper_.release(std::exchange(after_up, std::move(really)));
    return success();
}

Result<void> Walk::judge_writes(Migration const& migration, State const& after_up, State const& written, Rehearsed& found) {
    auto const wrong = writes_.missing(now_, after_up, written, touched_, last_);
    if (!wrong) return pass_over(wrong.error(), found);
    if (wrong.value().empty()) return success();
    if (passed_over_) found.derived = fmt::format("{}, where nobody has written ({})", name_of(found.grade), found.because);
    found.grade = Grade::lossy;
    found.step = "down";
    found.reason = fmt::format("where an application writes between up and down: {}", fmt::join(wrong.value(), "; "));
    if (!options_.derive && migration.down) found.where.file = migration.down->file;
    return success();
}

}  // namespace undrop
