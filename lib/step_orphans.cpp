// The part of a step that does what the options say about conflicts (OnConflict::stop) and orphans: rows and values that came back and
// refer to what is gone.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "aside.hpp"
#include "balanced.hpp"
#include "merge.hpp"
#include "orphans.hpp"
#include "references.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr char const* foreign_key = "foreign_key";

bool has(std::vector<std::string> const& names, std::string const& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// What is done about the orphans of one foreign key among what came back from one snapshot.
class OrphanMerge {
public:
    // `fill`: SQL of what the snapshot's column has in rows that nothing is saved of; empty: nothing may be there.
    OrphanMerge(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, ForeignKey const& key, OnOrphan wish,
                std::string fill, std::string const& strangers)
        : backend_(backend),
          dialect_(backend.dialect()),
          s_(s),
          now_(now),
          wish_(wish),
          target_(wish == OnOrphan::keep ? why::orphaned : why::emptied),
          fill_(std::move(fill)),
          aside_(Aside(backend, ledger, s).table()),
          store_(ledger.table(s.store)),
          orphan_(is_orphan(backend.dialect(), key, strangers)) {
        for (auto const& name : key.columns)
            if (s.kind == Snapshot::Kind::column ? name == s.column : s.kind != Snapshot::Kind::updated || is_cell(name))
                columns_.push_back(name);
    }

    // Gives how many rows were changed or taken out again.
    Result<std::int64_t> settle() {
        if (columns_.empty()) return std::int64_t{0};
        std::vector<std::string> cells{""};
        if (s_.kind == Snapshot::Kind::updated) cells = columns_;
        std::int64_t marked = 0;
        for (auto const& cell : cells) {
            UNDROP_TRY(auto const more, mark(cell));
            marked += more;
        }
        if (marked == 0) return std::int64_t{0};
        if (wish_ == OnOrphan::keep && s_.kind != Snapshot::Kind::column && s_.kind != Snapshot::Kind::updated)
            return backend_.run(fmt::format("delete from {} as t where {} and {}", dialect_.own_rows(now_), is_marked(""), orphan_));
        UNDROP_CHECK(may_be_set());
        return set();
    }

private:
    [[nodiscard]] bool is_cell(std::string const& name) const {
        auto const at = std::find(s_.values.begin(), s_.values.end(), name);
        if (at == s_.values.end()) return false;
        return s_.left_types[static_cast<std::size_t>(at - s_.values.begin())] == s_.table.column(name)->full_type();
    }

    // Condition: a row of the snapshot's (its key under `alias`) is the table's (alias t).
    [[nodiscard]] std::string is_row(char const* alias) const {
        std::vector<std::string> terms;
        for (std::size_t i = 0; i < s_.table.key.size(); ++i) {
            auto const& name = s_.table.key[i];
            terms.push_back(dialect_.equal(*now_.column(name), "t." + dialect_.quote(name), fmt::format("{}.k{}", alias, i + 1)));
        }
        return balanced(terms, " and ");
    }

    [[nodiscard]] std::string is_marked(std::string const& cell) const {
        return fmt::format("exists (select 1 from {} as a where a.cell = {} and a.why = '{}' and {})", aside_, dialect_.literal(cell),
                           target_, is_row("a"));
    }

    // Before the rows are changed: afterwards they are no orphans any more. A row may be one by several foreign keys.
    Result<std::int64_t> mark(std::string const& cell) {
        return backend_.run(fmt::format(
            "update {} as a set why = '{}' where a.cell = {} and a.why in ('{}', '{}') and exists (select 1 from {} as t where {} and {})",
            aside_, target_, dialect_.literal(cell), why::restored, why::emptied, dialect_.own_rows(now_), is_row("a"), orphan_));
    }

    Result<void> may_be_set() const {
        for (auto const& name : columns_) {
            auto const* recorded = s_.table.column(name);
            auto const must_not = now_.column(name)->not_null || (recorded && recorded->not_null);
            if (has(s_.table.key, name)) return cannot_be_set(name, "is part of its key");
            if (must_not && (wish_ == OnOrphan::null || (s_.kind == Snapshot::Kind::column && fill_.empty())))
                return cannot_be_set(name, "must not be NULL");
        }
        return success();
    }

    [[nodiscard]] Error cannot_be_set(std::string const& column, char const* why) const {
        auto const keeps = s_.kind == Snapshot::Kind::table || s_.kind == Snapshot::Kind::deleted;
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = fmt::format("rows of {} refer to rows that are not there, and {} {}", s_.table.text(), column, why),
                     .next = {.command = keeps ? "down --on-orphan keep" : "",
                              .advice = keeps ? "leaves such rows in the snapshot; or make the rows again that they refer to"
                                              : "make the rows again that they refer to, or delete them"}};
    }

    // Values as the opposite step had left them; or NULL.
    Result<std::int64_t> set() {
        auto const updated = s_.kind == Snapshot::Kind::updated;
        std::vector<std::string> values;
        std::vector<std::string> any;
        for (auto const& name : columns_) {
            auto const at = std::find(s_.values.begin(), s_.values.end(), name) - s_.values.begin();
            auto const left = updated ? dialect_.load(*now_.column(name), fmt::format("s.w{}", at + 1)) : fill_.empty() ? "null" : fill_;
            any.push_back(is_marked(updated ? name : ""));
            values.push_back(fmt::format("{0} = case when {1} then {2} else t.{0} end", dialect_.quote(name), any.back(),
                                         wish_ == OnOrphan::null ? "null" : left));
        }
        return backend_.run(fmt::format("update {} as t set {} from {} as s where {} and ({}) and {}", dialect_.own_rows(now_),
                                        fmt::join(values, ", "), store_, is_row("s"), balanced(any, " or "), orphan_));
    }

    Backend& backend_;
    Dialect const& dialect_;
    Snapshot const& s_;
    Table const& now_;
    OnOrphan wish_;
    char const* target_;
    std::string fill_;
    std::string aside_;
    std::string store_;
    std::string orphan_;
    std::vector<std::string> columns_;  // of the foreign key, as far as the snapshot gave them back
};

}  // namespace

// Under the names that tables and columns had when the step began, as all that it saves: renames of the opposite step lead from there.
void StepRunner::keep_overwritten() {
    for (auto& snapshot : overwritten_) {
        auto const* before = find_table_by_id(before_, snapshot.table.id);
        auto const name_before = [&](std::string const& name) {
            auto const* then = before ? before->column_by_id(snapshot.table.column(name)->id) : nullptr;
            return then ? then->name : name;
        };
        for (auto* names : {&snapshot.table.key, &snapshot.values})
            for (auto& name : *names) name = name_before(name);
        auto columns = snapshot.table.columns;
        for (auto& column : columns) column.name = name_before(column.name);
        snapshot.table.columns = std::move(columns);
        if (before) snapshot.table.schema = before->schema;
        if (before) snapshot.table.name = before->name;
        saved_.push_back(std::move(snapshot));
    }
    overwritten_.clear();
}

// OnConflict::stop, once all is counted.
Result<void> StepRunner::no_conflicts() const {
    if (options_.on_conflict != OnConflict::stop) return success();
    std::string found;
    for (auto const& merged : report_.merged) {
        auto const add = [&](std::int64_t count, char const* what) {
            if (merged.snapshot != 0 && count > 0)
                found += fmt::format("{}{} of {}: {}", found.empty() ? "" : ", ", count, merged.what, what);
        };
        add(merged.changed_since, "changed since");
        add(merged.key_taken, "key taken since");
        add(merged.not_found, "changed or deleted since");
    }
    if (found.empty()) return success();
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = "what was written since stands in the way: " + found,
                 .next = {.command = fmt::format("plan {}", name_of(step_.direction)),
                          .advice = "counts them; --on-conflict keep-current goes on and leaves them as they are, keep-old puts the saved "
                                    "values over them, and saves those"}};
}

// Foreign keys of what comes back step aside until its orphans are settled, or else those that would be checked before all is there; who
// refers to rows of the step's own is asked before.
Result<void> StepRunner::set_references_aside() {
    if (!settles_orphans() && !may_cross(opposite_.snapshots)) return success();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    for (auto& one : in_use_)
        if (auto const* table = find_table(tables, one.table)) {
            UNDROP_TRY(one.references, backend_.references(*table));
        }
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    if (!settles_orphans()) {
        UNDROP_TRY(references_, set_aside(crossing_references(now, opposite_.snapshots)));
        return success();
    }
    for (auto const& [id, object] : now) {
        auto const of_it = [&id = id](Snapshot const& s) { return names_table(id.parent, table_name(s.table)); };
        if (id.kind != foreign_key || object.remove.empty() || std::none_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), of_it))
            continue;
        UNDROP_CHECK(backend_.run(object.remove));
        references_.emplace(id, object);
    }
    return success();
}

Result<std::vector<ForeignKey>> StepRunner::foreign_keys_of(Table const& now, Catalog const& catalog) {
    std::map<ObjectId, std::string> definitions;
    for (auto const& [id, object] : catalog)
        if (id.kind == foreign_key && names_table(id.parent, table_name(now))) definitions.emplace(id, object.make);
    for (auto const& [id, object] : references_)
        if (names_table(id.parent, table_name(now))) definitions.emplace(id, object.make);
    for (auto const& [id, object] : opposite_.wanted)
        if (id.kind == foreign_key && object && names_table(id.parent, table_name(now))) definitions.emplace(id, object->make);
    std::vector<std::string> texts;
    for (auto const& [id, text] : definitions) texts.push_back(text);
    return backend_.foreign_keys(now, texts);
}

Result<std::int64_t> StepRunner::settle_orphans_of(Snapshot const& snapshot, Table const& now, std::vector<Table> const& tables) {
    std::int64_t settled = 0;
    UNDROP_TRY(auto const keys, foreign_keys_of(now));
    auto fill = snapshot.kind == Snapshot::Kind::column ? backfill_of(table_name(snapshot.table), snapshot.column) : std::string{};
    if (!fill.empty()) fill = "(" + fill + ")";
    if (fill.empty() && snapshot.kind == Snapshot::Kind::column) fill = snapshot.table.column(snapshot.column)->default_sql;
    for (auto const& key : keys) {
        auto const has_column = [&](std::string const& name) { return now.column(name) != nullptr; };
        if (!find_table(tables, {key.parents_schema, key.parent}) || !std::all_of(key.columns.begin(), key.columns.end(), has_column))
            continue;
        UNDROP_TRY(auto const strangers, numbers_of_strangers(key));
        OrphanMerge merge(backend_, ledger_, snapshot, now, key, options_.on_orphan, fill, strangers);
        UNDROP_TRY(auto const rows, in_quiet(backend_, now, [&] { return merge.settle(); }));
        auto const whole = snapshot.kind == Snapshot::Kind::table || snapshot.kind == Snapshot::Kind::deleted;
        if (whole && options_.on_orphan == OnOrphan::keep)
            expected_[now.id].deleted += rows;
        else
            expected_[now.id].updated += rows;
        settled += rows;
    }
    return settled;
}

Result<std::vector<StepRunner::ComeBack>> StepRunner::what_came_back(std::vector<Table> const& tables) {
    std::vector<ComeBack> back;
    for (auto const& snapshot : opposite_.snapshots) {
        auto const* table = find_table(tables, table_name(snapshot.table));
        if (snapshot.kind == Snapshot::Kind::sequence || !snapshot.keyed() || !table) continue;
        UNDROP_TRY(bool const noted, Aside(backend_, ledger_, snapshot).is_there());
        auto const has_column = [&](std::string const& name) { return table->column(name) != nullptr; };
        if (!noted || !std::all_of(snapshot.table.key.begin(), snapshot.table.key.end(), has_column)) continue;
        UNDROP_TRY(auto now, as_saved(snapshot, *table));
        back.emplace_back(&snapshot, std::move(now));
    }
    return back;
}

// What comes back may be what other rows that came back refer to: until nothing changes any more.
Result<void> StepRunner::settle_orphans(std::vector<Table> const& tables) {
    if (!notes_restored()) return success();
    UNDROP_TRY(auto const back, what_came_back(tables));
    if (!settles_orphans()) return refuse_strangers(back);
    for (bool progress = true; progress;) {
        progress = false;
        for (auto const& [snapshot, now] : back) {
            UNDROP_TRY(auto const settled, settle_orphans_of(*snapshot, now, tables));
            progress = progress || settled > 0;
        }
    }
    for (auto const& [snapshot, now] : back) UNDROP_CHECK(count_orphans(*snapshot));
    return success();
}

Result<void> StepRunner::count_orphans(Snapshot const& snapshot) {
    Aside aside(backend_, ledger_, snapshot);
    for (auto& merged : report_.merged) {
        if (merged.snapshot != snapshot.id) continue;
        auto const cell = snapshot.kind == Snapshot::Kind::updated ? merged.what.substr(snapshot.table.text().size() + 1) : std::string{};
        UNDROP_TRY(auto counts, aside.counts(cell));
        merged.orphaned = counts[why::orphaned];
        merged.emptied = counts[why::emptied];
        merged.restored -= merged.orphaned + merged.emptied;
    }
    return aside.forget_restored();
}

// Those of rows that nobody saved have to hold all the same.
Result<void> StepRunner::bring_references_back() {
    if (references_.empty()) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    for (auto const& id : in_making_order(references_)) {
        auto const wanted = opposite_.wanted.find(id);
        if (now.contains(id) || (wanted != opposite_.wanted.end() && !wanted->second)) continue;
        auto const& make = references_.at(id).make;
        auto made = backend_.naming_orphans(make, [&]() -> Result<void> {
            UNDROP_CHECK(backend_.run(make));
            return success();
        });
        if (!made) return minding_keyless(std::move(made).error());
    }
    return success();
}

// Which of their rows an option would be about nothing tells.
Error StepRunner::minding_keyless(Error error) const {
    if (!settles_orphans()) return error;
    std::set<std::string> keyless;
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind != Snapshot::Kind::sequence && snapshot.kind != Snapshot::Kind::view && !snapshot.keyed())
            keyless.insert(snapshot.table.text());
    if (keyless.empty()) return error;
    error.message += fmt::format("; saved rows of {} have no key, and --on-orphan does nothing for them", fmt::join(keyless, ", "));
    error.next = {.advice = "make the missing rows again, or give the table a key in a migration of its own before rows go from it"};
    return error;
}

}  // namespace undrop
