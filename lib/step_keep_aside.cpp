// The part of a step that renames columns away instead of dropping them (`-- undrop: keep-aside t.c`), and brings them back.
//
// What the drop would have taken along (NOT NULL, indexes, constraints) goes as it would have gone, and comes back by the mend. A column
// that may be NULL keeps its default: rows inserted meanwhile then have what the way back would give them, and NULLs stay what users wrote.
// Of one that must not be NULL the default goes, too, and NULL tells which rows came later.
#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <string_view>

#include "fault.hpp"
#include "keep_aside.hpp"
#include "merge.hpp"
#include "restore.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Kinds of objects that the database drops with a column and keeps with a renamed one.
constexpr std::array<std::string_view, 8> goes_with_it{"not_null",  "default",     "check", "unique",
                                                       "exclusion", "foreign_key", "index", "statistics"};

// Where columns are objects of the catalog; else they are part of their table's text.
ObjectId const* object_of(Catalog const& catalog, TableName const& table, std::string const& column) {
    auto const found = std::find_if(catalog.begin(), catalog.end(), [&](auto const& entry) {
        return entry.first.kind == "column" && entry.first.name == column && names_table(entry.first.parent, table);
    });
    return found == catalog.end() ? nullptr : &found->first;
}

bool needs(Object const& object, ObjectId const& id) {
    return std::find(object.needs.begin(), object.needs.end(), id) != object.needs.end();
}

// What goes with the column, less what its new rows live by.
Catalog going_with(Catalog const& catalog, ObjectId const& column, bool may_be_null) {
    auto const numbers_itself = std::any_of(
        catalog.begin(), catalog.end(), [&](auto const& entry) { return entry.first.kind == "identity" && needs(entry.second, column); });
    Catalog going;
    for (auto const& [id, object] : catalog) {
        auto const goes = std::find(goes_with_it.begin(), goes_with_it.end(), id.kind) != goes_with_it.end();
        if (!goes || object.remove.empty() || !needs(object, column)) continue;
        if (may_be_null ? id.kind == "default" : numbers_itself && id.kind == "not_null") continue;
        going.emplace(id, object);
    }
    return going;
}

Error cannot_be_kept(KeptColumn const& kept, std::string const& why, std::string advice) {
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("{}.{} cannot be kept aside: {}", kept.table.text(), kept.column, why),
                 .next = {.advice = std::move(advice)}};
}

// As the column is called to its users.
Error in_users_words(Error error, KeptColumn const& kept, Script const& script, Statement const& statement) {
    for (auto* text : {&error.message, &error.native})
        for (std::size_t at = 0; (at = text->find(kept.name, at)) != std::string::npos; at += kept.column.size())
            text->replace(at, kept.name.size(), kept.column);
    error.where = {script.file, statement.line, statement.column};
    return error;
}

}  // namespace

Result<void> StepRunner::find_kept_columns() {
    keeps_.clear();
    if (part_ && part_->takes_back) return success();
    if (part_ && !names_to_keep(script_).empty()) return kept_in_parts(script_);
    UNDROP_TRY(keeps_, columns_to_keep(backend_.dialect(), step_.version, step_.direction, script_, statements_, before_));
    for (auto& kept : keeps_) {
        UNDROP_TRY(auto const about, backend_.estimated_rows(kept.table));
        kept.rows = about.value_or(0);
        if (kept.rows >= worth_keeping_aside) continue;
        UNDROP_TRY(auto const rows, backend_.rows("select count(*) from " + backend_.dialect().own_rows(kept.table)));
        kept.rows = number_of(rows.at(0).at(0));
    }
    return success();
}

Result<void> StepRunner::run_statement(std::size_t number) {
    auto const& statement = statements_[number];
    UNDROP_CHECK(note_key_that_goes(statement));
    UNDROP_CHECK(number_rows(statement));
    auto const kept = std::find_if(keeps_.begin(), keeps_.end(), [&](KeptColumn const& k) { return k.statement == number; });
    UNDROP_CHECK(kept == keeps_.end() ? backend_.run_script(script_, statement) : keep_aside(*kept, statement));
    return find_numbered_rows();
}

Result<void> StepRunner::keep_aside(KeptColumn const& kept, Statement const& statement) {
    if (auto const* column = object_of(catalog_, table_name(kept.table), kept.column))
        UNDROP_CHECK(rename_away(kept, statement, *column));
    else if (auto renamed = rename_away_in_text(kept); !renamed)
        return in_users_words(std::move(renamed).error(), kept, script_, statement);
    Snapshot aside;
    aside.id = next_id_++;
    aside.kind = Snapshot::Kind::aside;
    aside.table = kept.table;
    aside.column = kept.column;
    aside.position = kept.name;
    aside.rows = kept.rows;
    report_.notes.push_back(fmt::format("{} is not dropped, but kept aside as {}: snapshot {}, until `undrop snapshots purge {}` drops it",
                                        aside.what(), kept.name, aside.id, aside.id));
    kept_.push_back(std::move(aside));
    return success();
}

// What the database refuses to drop is not renamed either. Nothing is read meanwhile but whether it was this column.
Result<void> StepRunner::try_to_drop(KeptColumn const& kept, Statement const& statement) {
    auto const& dialect = backend_.dialect();
    UNDROP_CHECK(backend_.run("savepoint undrop_aside"));
    UNDROP_CHECK(backend_.run_script(script_, statement));
    auto const there =
        backend_.rows(fmt::format("select t.{} from {} as t where false", dialect.quote(kept.column), dialect.own_rows(kept.table)));
    UNDROP_CHECK(backend_.run("rollback to savepoint undrop_aside; release savepoint undrop_aside"));
    if (!there) return success();
    return cannot_be_kept(kept, "the statement means another table", "write the table's schema into the statement");
}

// The script's own settings hold: nothing is read, and all that is run is qualified.
Result<void> StepRunner::rename_away(KeptColumn const& kept, Statement const& statement, ObjectId const& column) {
    auto const may_be_null = !kept.table.column(kept.column)->not_null;
    for (auto const& [id, object] : catalog_)
        if (may_be_null && id.kind == "default" && needs(object, column))
            for (auto const& need : object.needs)
                if (need.kind == "function" || need.kind == "sequence")
                    return cannot_be_kept(kept, "its default needs " + need.text(), "take the directive out: the drop saves its values");
    UNDROP_CHECK(try_to_drop(kept, statement));
    auto const going = going_with(catalog_, column, may_be_null);
    auto const order = in_making_order(going);
    for (auto id = order.rbegin(); id != order.rend(); ++id) {
        UNDROP_CHECK(backend_.run("savepoint undrop_aside"));
        auto const removed = backend_.run(going.at(*id).remove);
        if (!removed && removed.error().code == Code::busy) return removed.error();
        // An earlier statement of the script may have taken it away; whether nothing is left is asked in the end.
        UNDROP_CHECK(backend_.run(removed ? "release savepoint undrop_aside"
                                          : "rollback to savepoint undrop_aside; release savepoint undrop_aside"));
    }
    auto const& dialect = backend_.dialect();
    UNDROP_CHECK(backend_.run(fmt::format("alter table {} rename column {} to {}", dialect.relation(kept.table.schema, kept.table.name),
                                          dialect.quote(kept.column), dialect.quote(kept.name))));
    return success();
}

// Under its new name the column is dropped and added again as a plain one, which tells whether it may be dropped, and how the table's text
// is then. That is taken back, and the table rebuilt by that text. `rows`, since `run` takes away what stands in a rename's way.
Result<void> StepRunner::rename_away_in_text(KeptColumn const& kept) {
    auto const& dialect = backend_.dialect();
    auto const relation = dialect.relation(kept.table.schema, kept.table.name);
    auto const name = dialect.quote(kept.name);
    UNDROP_CHECK(backend_.rows(fmt::format("alter table {} rename column {} to {}", relation, dialect.quote(kept.column), name)));
    UNDROP_TRY(auto const renamed, backend_.catalog(ledger_.name()));
    ObjectId const id{"table", kept.table.schema, kept.table.name};
    auto plain = *kept.table.column(kept.column);
    auto const keeps_default = !plain.not_null && !plain.default_sql.empty();
    plain.name = kept.name;
    UNDROP_CHECK(backend_.rows("savepoint undrop_aside"));
    UNDROP_CHECK(backend_.rows(fmt::format("alter table {} drop column {}", relation, name)));
    auto const added = backend_.rows(dialect.add_bare_column(kept.table, plain) +
                                     (keeps_default ? fmt::format(" default ({})", plain.default_sql) : std::string{}));
    if (!added)
        return cannot_be_kept(kept, "its default cannot be given to a column that is there",
                              "take the directive out: the drop saves its values");
    UNDROP_TRY(auto const as_plain, backend_.catalog(ledger_.name()));
    UNDROP_CHECK(backend_.rows("rollback to undrop_aside"));
    UNDROP_CHECK(backend_.rows("release undrop_aside"));
    UNDROP_TRY(auto const now, backend_.catalog(ledger_.name()));
    UNDROP_CHECK(backend_.reshape(id, now.at(id), as_plain.at(id)));
    // What hangs on a table that is rebuilt has gone with it.
    Wanted wanted{{id, as_plain.at(id)}};
    for (auto const& [other, object] : renamed)
        if (needs(object, id)) wanted.emplace(other, object);
    UNDROP_TRY(auto const rebuilt, backend_.catalog(ledger_.name()));
    auto const rest = plan_mend(rebuilt, wanted);
    UNDROP_CHECK(run_mend(backend_, rest.before_data));
    return run_mend(backend_, rest.after_data);
}

// Once all has run: the application finds what it would find after the drop, but for one column under another name.
Result<void> StepRunner::kept_as_dropped(std::vector<Table> const& after, Catalog const& now) const {
    for (auto const& kept : kept_) {
        KeptColumn const column{.table = kept.table, .column = kept.column, .name = kept.position};
        auto const* table = find_table_by_id(after, kept.table.id);
        if (!table) continue;  // dropped by the same script, and saved
        if (table->column(kept.column))
            return cannot_be_kept(column, "the same script adds a column of that name",
                                  "take the directive out, or add it in a migration of its own");
        if (!table->column(kept.position)) continue;  // the same
        auto const inherits = [&](Table const& other) {
            auto const* before = find_table_by_id(before_, other.id);
            return before && other.id != table->id && other.column(kept.position) && !before->column(kept.position) &&
                   std::none_of(kept_.begin(), kept_.end(), [&](Snapshot const& k) { return k.table.id == other.id; });
        };
        if (auto const heir = std::find_if(after.begin(), after.end(), inherits); heir != after.end())
            return cannot_be_kept(column, heir->text() + " inherits it", "take the directive out: the drop saves its values");
        auto const* object = object_of(now, table_name(*table), kept.position);
        if (!object) continue;
        auto const left = going_with(now, *object, !kept.table.column(kept.column)->not_null);
        if (!left.empty())
            return cannot_be_kept(column, left.begin()->first.text() + " would stay with it",
                                  "take the directive out, or drop that in the script first");
    }
    return success();
}

// A column that is gone comes back as one whose snapshot is gone does.
Result<void> StepRunner::verify_aside() {
    std::vector<Snapshot> there;
    for (auto& aside : opposite_.aside) {
        UNDROP_TRY(auto fault, fault_of(backend_, ledger_, aside, Depth::rows));
        if (fault.empty() && !table_with(before_, aside)) fault = fmt::format("has no column any more: {} is gone", aside.position);
        if (fault.empty()) {
            there.push_back(std::move(aside));
            continue;
        }
        if (!goes_without(options_, aside, step_.direction)) return will_not_restore(aside, fault, step_.direction);
        report_.notes.push_back(fmt::format("{} {}: its rows have the default", name_of(aside), fault));
        std::erase_if(opposite_.renames, [&](Rename const& rename) {
            return rename.before == table_name(aside.table) && rename.column_after == aside.position;
        });
        aside.kind = Snapshot::Kind::column;
        passed_over_.push_back(std::move(aside));
    }
    opposite_.aside = std::move(there);
    return success();
}

// Rows that came later have nothing in a column that was NOT NULL, and there is nothing to save of them.
std::string StepRunner::worth_saving(Table const& table, std::string const& column) const {
    for (auto const& aside : opposite_.aside)
        if (aside.position == column && table_with(before_, aside) == find_table(before_, table_name(table)) &&
            aside.table.column(aside.column)->not_null)
            return fmt::format("t.{} is not null", backend_.dialect().quote(column));
    return {};
}

// A down script that makes the column itself is merged with what was kept, as with any snapshot (P2); so it is made one, in the next round.
StepRunner::Round StepRunner::save_aside_of_script() {
    Foresight needed;
    for (auto const& aside : opposite_.aside) {
        auto const* before = table_with(before_, aside);
        auto const* now = before ? find_table_by_id(scripted_, before->id) : nullptr;
        if (now && now->column(aside.column) && now->column(aside.position)) needed.columns.insert({table_name(*before), aside.position});
    }
    return foresight_.covers(needed) ? Round::done : once_more(needed);
}

// Before columns get their old names back.
Result<void> StepRunner::bring_aside_back() {
    for (auto const& aside : opposite_.aside) {
        UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
        auto const* table = table_with(tables, aside);
        if (!table) continue;  // the down script took it, and it is saved
        UNDROP_CHECK(table->column(aside.column) ? merge_aside(aside, *table) : fill_aside(aside, *table));
    }
    return success();
}

Result<void> StepRunner::fill_aside(Snapshot const& aside, Table const& table) {
    auto column = *table.column(aside.position);
    auto const& dialect = backend_.dialect();
    UNDROP_TRY(auto const counts, backend_.rows(fmt::format("select count(*), count(t.{}) from {} as t", dialect.quote(column.name),
                                                            dialect.own_rows(table))));
    auto const there = aside.table.column(aside.column)->not_null ? number_of(counts.at(0).at(1)) : number_of(counts.at(0).at(0));
    Merged merged;
    merged.what = aside.what();
    merged.snapshot = aside.id;
    merged.rows = aside.rows;
    merged.restored = there;
    merged.inserted_since = number_of(counts.at(0).at(0)) - there;
    merged.defaulted = true;
    if (merged.inserted_since > 0) {
        auto const backfill = backfill_of(table_name(aside.table), aside.column);
        auto const value = backfill.empty() ? aside.table.column(aside.column)->default_sql : "(" + backfill + ")";
        if (value.empty())
            return Error{.code = Code::refused,
                         .left = Left::rolled_back,
                         .message = fmt::format("{} rows were inserted into {} since; {} must not be NULL and has no default for them",
                                                merged.inserted_since, table.text(), aside.column),
                         .next = {.advice = fmt::format("put `-- undrop: backfill {} = EXPRESSION` at the top of the up script's file",
                                                        aside.what())}};
        UNDROP_TRY(auto const filled, fill_column(backend_, table, column, value));
        UNDROP_CHECK(expect(table, filled, 0));
    }
    report_.merged.push_back(merged);
    return success();
}

// The copy made of it in this step comes back like any snapshot, into the script's column; it stays saved with this step.
Result<void> StepRunner::merge_aside(Snapshot const& aside, Table const& table) {
    auto const made = std::find_if(saved_.begin(), saved_.end(), [&](Snapshot const& s) {
        return s.kind == Snapshot::Kind::column && s.column == aside.position && s.table.id == table.id;
    });
    if (made == saved_.end()) return success();  // what the script made it on its way shows in the look
    auto back = *made;
    back.column = aside.column;
    for (auto* names : {&back.values, &back.table.key}) std::replace(names->begin(), names->end(), aside.position, aside.column);
    for (auto& column : back.table.columns)
        if (column.name == aside.position) column = *aside.table.column(aside.column);
    opposite_.snapshots.push_back(std::move(back));
    auto const& dialect = backend_.dialect();
    UNDROP_CHECK(backend_.run(
        fmt::format("alter table {} drop column {}", dialect.relation(table.schema, table.name), dialect.quote(aside.position))));
    return success();
}

Result<void> StepRunner::record_aside() {
    for (auto& kept : kept_) {
        kept.step = step_id_;
        UNDROP_CHECK(ledger_.add(kept));
    }
    if (step_.direction == Direction::up) return success();
    for (auto& aside : opposite_.aside) {
        aside.hash = Snapshot::came_back;
        UNDROP_CHECK(ledger_.update(aside));
    }
    return success();
}

}  // namespace undrop
