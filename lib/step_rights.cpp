// The part of a step that makes sure of its way back before it commits (P7): what it took must be such that this role can make it again.
#include <fmt/format.h>
#include <algorithm>
#include <cctype>

#include "added_columns.hpp"
#include "drift.hpp"
#include "rules.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

Error refusal(std::vector<Finding> const& found, std::string const& file) {
    Error error{.code = Code::refused, .left = Left::rolled_back, .where = {file, 0, 0}, .next = found.front().next};
    for (auto const& finding : found) error.message += (error.message.empty() ? "" : "\n") + finding.text;
    error.trail = {"looking for the way back"};
    return error;
}

}  // namespace

// Of a migration that is not meant to be taken back nothing has to come back.
Result<void> StepRunner::can_come_back(Catalog const& now) {
    if (step_.direction == Direction::down || (step_.up && !reason_of(*step_.up).empty())) return success();
    Catalog changed;
    // What is there in another form was changed by who may, or has the new name of something else.
    for (auto const& [id, object] : catalog_) {
        auto const is = now.find(id);
        if (is == now.end() || (grants_rights(id) && !is->second.same(object))) changed.emplace(id, object);
    }
    UNDROP_TRY(auto const found, backend_.cannot_make(changed));
    if (!found.empty()) return refusal(found, script_.file);
    return rows_can_come_back();
}

Result<void> StepRunner::rows_can_come_back() {
    Backend::WantedRights wanted;
    for (auto const& snapshot : saved_) {
        auto& rights = wanted[table_name(snapshot.table)];
        if (snapshot.kind == Snapshot::Kind::deleted) rights.insert({"SELECT", "INSERT"});
        if (snapshot.kind == Snapshot::Kind::updated) rights.insert({"SELECT", "UPDATE"});
    }
    for (auto const& print : footprints_)
        if (print.of == Footprint::Of::rows && !step_.down) wanted[{print.schema, print.table}].insert({"SELECT", "DELETE"});
    std::erase_if(wanted, [](auto const& entry) { return entry.second.empty(); });
    UNDROP_TRY(auto const found, backend_.missing_rights(wanted));
    return found.empty() ? Result<void>(success()) : Result<void>(refusal(found, script_.file));
}

// What others put on what goes (an index on its column) goes with it where the database takes it along anyway. What else needs it (a view)
// goes only where that was said: its definition is in the ledger then, with this step.
Result<void> StepRunner::take_along() {
    auto const differs = [&](auto const& entry) {
        auto const is = catalog_.find(entry.first);
        return entry.second && entry.first.kind == "table" && is != catalog_.end() && !is->second.same(*entry.second);
    };
    if (std::any_of(opposite_.wanted.begin(), opposite_.wanted.end(), differs)) {
        UNDROP_TRY(auto recorded, ledger_.objects(opposite_.step));
        auto const wanted = opposite_.wanted;
        for (auto const& [id, added] : keep_added_columns(recorded, catalog_, opposite_.wanted, {})) {
            // A script that builds the table anew has let them go by now: they are saved, and not made up empty.
            auto const table =
                std::find_if(scripted_.begin(), scripted_.end(), [&](Table const& t) { return is_relation(id, table_name(t)); });
            auto const is_there = [&](std::string const& name) {
                return table != scripted_.end() && std::any_of(table->columns.begin(), table->columns.end(), [&](Column const& column) {
                           return std::equal(column.name.begin(), column.name.end(), name.begin(), name.end(),
                                             [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
                       });
            };
            if (std::all_of(added.names.begin(), added.names.end(), is_there))
                report_.notes.push_back(text_of(id, added));
            else
                opposite_.wanted.insert_or_assign(id, wanted.at(id));
        }
    }
    // The view that this is on is made anew without its column.
    for (auto const& id : added_to_columns(catalog_, opposite_, {}).along) opposite_.wanted.emplace(id, std::nullopt);
    if (added_since(catalog_, opposite_, {}).in_the_way.empty()) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    auto added = added_since(now, opposite_, {});
    auto const waits = [](Evicted const& evicted) { return !evicted.kind.empty(); };
    if (std::any_of(evicted_.begin(), evicted_.end(), waits))
        for (auto& id : added_since(catalog_, opposite_, {}).in_the_way)
            if (now.contains(id) && std::find(added.in_the_way.begin(), added.in_the_way.end(), id) == added.in_the_way.end())
                added.in_the_way.push_back(std::move(id));
    std::erase_if(added.in_the_way, [&](ObjectId const& id) { return !catalog_.contains(id); });  // the script's own
    if (added.in_the_way.empty()) return success();
    std::string names;
    for (auto const& id : added.in_the_way) names += (names.empty() ? "" : ", ") + id.text();
    auto const holds =
        std::find_if(added.in_the_way.begin(), added.in_the_way.end(), [&](ObjectId const& id) { return now.at(id).holds_rows; });
    if (!options_.accept_drift || holds != added.in_the_way.end())
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = fmt::format("others have made what needs what the rollback removes: {}", names),
                     .next = added_next(holds != added.in_the_way.end())};
    for (auto const& id : added.in_the_way) opposite_.wanted.emplace(id, std::nullopt);
    report_.notes.push_back("others had made these, which needed what went; they went too, their definitions are in the ledger: " + names);
    return success();
}

}  // namespace undrop
