// The part of a step that brings attributes of composite types back: their names, and what was saved of their values.
#include <fmt/format.h>
#include <algorithm>

#include "attributes.hpp"
#include "names.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool any_has(std::vector<Table> const& tables, TableName const& type, std::string const& attribute) {
    for (auto const& table : tables)
        for (auto const& column : table.columns)
            if (find_attribute(column.attributes, type.first, type.second, attribute)) return true;
    return false;
}

bool merges(Column const& a, Column const& b) { return !a.attributes.empty() && !b.attributes.empty() && !a.array && !b.array; }

}  // namespace

// Before anything else would take the one for gone and the other for new.
Result<void> StepRunner::rename_attributes_back() {
    auto const& dialect = backend_.dialect();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    std::vector<std::pair<Rename, std::string>> waiting;  // with a name aside, for names may have been swapped
    for (auto const& rename : opposite_.renames) {
        if (rename.column_before.empty() || rename.column_before == rename.column_after || find_table(tables, rename.before)) continue;
        if (any_has(tables, rename.before, rename.column_after) && any_has(before_, rename.after, rename.column_after))
            waiting.emplace_back(rename, fmt::format("undrop_renaming_{}", waiting.size() + 1));
    }
    auto const move = [&](Rename const& rename, std::string const& from, std::string const& to) -> Result<void> {
        return rename_by(fmt::format("alter type {} rename attribute {} to {}", dialect.relation(rename.before.first, rename.before.second),
                                     dialect.quote(from), dialect.quote(to)));
    };
    for (auto const& [rename, aside] : waiting) UNDROP_CHECK(move(rename, rename.column_after, aside));
    for (auto const& [rename, aside] : waiting) {
        auto const moves_away = [&](auto const& one) {
            return one.first.before == rename.before && one.first.column_after == rename.column_before;
        };
        if (!rename.replaced || std::any_of(waiting.begin(), waiting.end(), moves_away) ||
            !any_has(tables, rename.before, rename.column_before))
            continue;
        auto const evicted = fmt::format("undrop_evicted_{}", evicted_.size() + 1);
        UNDROP_CHECK(move(rename, rename.column_before, evicted));
        evicted_.push_back({"", rename.before, evicted});
    }
    for (auto const& [rename, aside] : waiting) {
        UNDROP_CHECK(move(rename, aside, rename.column_before));
        report_.mended.push_back(fmt::format("name of attribute {}.{}", rename.before.second, rename.column_before));
    }
    auto const is_attribute = [](auto const& entry) { return entry.first.kind == "attribute" && entry.second; };
    if (std::none_of(opposite_.wanted.begin(), opposite_.wanted.end(), is_attribute)) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    for (auto const& [is, was] : renamed_in_place(now, opposite_.wanted)) {
        UNDROP_CHECK(rename_by(
            fmt::format("alter type {} rename attribute {} to {} cascade", is.parent, dialect.quote(is.name), dialect.quote(was.name))));
        report_.mended.push_back("name of " + was.text());
    }
    return success();
}

Result<Reader> StepRunner::make_reader(std::vector<Attribute> const& parts) {
    Reader reader{.name = ledger_.table(names::work_prefix + std::to_string(next_id_++)), .attributes = parts};
    UNDROP_CHECK(backend_.run(backend_.dialect().make_reader(reader)));
    readers_.push_back(reader);
    return reader;
}

Result<void> StepRunner::drop_readers() {
    for (auto const& reader : readers_) UNDROP_CHECK(backend_.run(backend_.dialect().drop_reader(reader)));
    readers_.clear();
    return success();
}

// The table, with readers where the snapshot's values have other attributes, or in another order, than the columns' types have now.
Result<Table> StepRunner::as_saved(Snapshot const& snapshot, Table now) {
    for (auto const& name : snapshot.values) {
        auto const* then = snapshot.table.column(name);
        auto const at = std::find_if(now.columns.begin(), now.columns.end(), [&](Column const& c) { return c.name == name; });
        if (!then || at == now.columns.end() || then->attributes.empty() || at->attributes.empty() ||
            same_attributes(then->attributes, at->attributes))
            continue;
        if (!merges(*then, *at))
            return Error{.code = Code::refused,
                         .left = Left::rolled_back,
                         .message = fmt::format("the attributes of the type of {}.{} are not in the order in which its values were saved",
                                                now.text(), name),
                         .next = {.advice = "bring them back in their order in a down script"}};
        UNDROP_TRY(at->reader, make_reader(then->attributes));
    }
    return now;
}

Result<std::map<std::size_t, AttributeMerge>> StepRunner::attribute_merges(Snapshot const& snapshot, Table const& now) {
    std::map<std::size_t, AttributeMerge> found;
    auto const* marked = find_table_by_id(before_, now.id);
    for (std::size_t i = 0; marked && i < snapshot.values.size(); ++i) {
        auto const* then = snapshot.table.column(snapshot.values[i]);
        auto const* column = now.column(snapshot.values[i]);
        // What the opposite step left is what this one found, unless others changed the type meanwhile.
        auto const* left = column ? marked->column_by_id(column->id) : nullptr;
        if (!left || left->full_type() != snapshot.left_types[i] || left->full_type() == then->full_type()) continue;
        if (!merges(*then, *column) || !merges(*left, *column)) continue;
        AttributeMerge merge;
        UNDROP_TRY(merge.saved, make_reader(then->attributes));
        UNDROP_TRY(merge.left, make_reader(left->attributes));
        found.emplace(i, std::move(merge));
    }
    return found;
}

}  // namespace undrop
