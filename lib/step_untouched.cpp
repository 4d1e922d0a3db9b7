// The part of a step that knows which rows nobody has touched since the opposite one: what a script computes from them alone is what was
// saved of them, or should be.
#include <fmt/format.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "save.hpp"
#include "script_writes.hpp"
#include "sql_tokens.hpp"
#include "step.hpp"
#include "store_table.hpp"
#include "try.hpp"
#include "untouched.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool of_untouched(Footprint const& print) { return print.of == Footprint::Of::untouched; }

}  // namespace

// Functions of users may read what they like.
bool StepRunner::calls_none_of_users(std::set<std::string> const& calls) const {
    return std::none_of(catalog_.begin(), catalog_.end(), [&](auto const& entry) {
        return entry.first.kind == "function" && calls.contains(lowered(entry.first.name.substr(0, entry.first.name.find('('))));
    });
}

bool StepRunner::computes_from_row_alone(std::vector<Statement> const& statements) const {
    auto const read = script_writes(statements);
    return read.all_row_alone() &&
           std::all_of(read.writes.begin(), read.writes.end(), [&](RowWrite const& w) { return calls_none_of_users(w.calls); });
}

// P2: of tables that lose a column whose values a down script will compute, each row as this step leaves it, once all is back.
Result<void> StepRunner::leave_untouched(std::vector<TableChange> const& changes) {
    if (step_.direction == Direction::down || part_ || !step_.down) return success();
    auto const is_of = [](TableChange const& change) {
        return [&change](Snapshot const& s) {
            return s.kind == Snapshot::Kind::column && s.keyed() && table_name(s.table) == table_name(*change.before) &&
                   change.after->key == s.table.key;
        };
    };
    std::vector<Table const*> wanted;
    for (auto const& change : changes)
        if (change.after && std::any_of(saved_.begin(), saved_.end(), is_of(change))) wanted.push_back(change.after);
    if (wanted.empty()) return success();
    UNDROP_TRY(auto const down, backend_.dialect().split(*step_.down));
    if (!computes_from_row_alone(down)) return success();
    for (auto const* table : wanted) {
        Footprint print{.id = next_id_,
                        .step = 0,
                        .schema = table->schema,
                        .table = table->name,
                        .column = {},
                        .store = names::footprint_prefix + std::to_string(next_id_),
                        .uniform = {},
                        .of = Footprint::Of::untouched};
        ++next_id_;
        UNDROP_CHECK(fill_footprint(backend_, ledger_, print, *table, identity(backend_.dialect(), *table, "t"),
                                    digest_of_row(backend_.dialect(), *table, "t"), backend_.dialect().own_rows(*table) + " as t"));
        footprints_.push_back(std::move(print));
    }
    return success();
}

// Before the script, which changes them: the keys of rows that are as the opposite step left them.
Result<void> StepRunner::note_untouched() {
    if (part_ || step_.origin == Origin::derived || step_.direction == Direction::up) return success();
    UNDROP_CHECK(note_written_from_untouched());
    if (std::none_of(opposite_.footprints.begin(), opposite_.footprints.end(), of_untouched) || !computes_from_row_alone(statements_))
        return success();
    auto const& dialect = backend_.dialect();
    for (auto const& print : opposite_.footprints) {
        auto const* table = of_untouched(print) ? find_table(before_, {print.schema, print.table}) : nullptr;
        if (!table || table->key.empty()) continue;
        StoreTable keys(ledger_.table(names::work_prefix + std::to_string(next_id_++)));
        for (std::size_t i = 0; i < table->key.size(); ++i) {
            auto const& column = *table->column(table->key[i]);
            keys.add_key(fmt::format("k{}", i + 1), column.stored_type, dialect.save(column, "t." + dialect.quote(column.name)));
        }
        UNDROP_CHECK(keys.make(backend_, *table));
        UNDROP_CHECK(keys.fill(
            backend_, fmt::format("{} as t where exists (select 1 from {} as f where f.k = {} and f.h = {})", dialect.own_rows(*table),
                                  ledger_.table(print.store), identity(dialect, *table, "t"), digest_of_row(dialect, *table, "t"))));
        working_.push_back(keys.name());
        untouched_.emplace(name_before(opposite_.renames, table_name(*table)), Untouched{keys.name(), table->key});
    }
    return success();
}

// The columns of a table of which nothing was written since the opposite step, which made them; of rows, none came or went. None: not
// known.
Result<std::set<std::string>> StepRunner::columns_as_left(Table const& table) {
    std::set<std::string> left;
    for (auto const& print : opposite_.footprints) {
        auto const known = print.of == Footprint::Of::table || (print.of == Footprint::Of::column && table.column(print.column));
        auto const is_key = std::find(table.key.begin(), table.key.end(), print.column) != table.key.end();
        if (!known || print.store.empty() || TableName{print.schema, print.table} != table_name(table) || table.key.empty() || is_key)
            continue;
        UNDROP_TRY(bool const same, is_as_left(backend_, ledger_, print, table));
        if (!same) continue;
        if (print.of == Footprint::Of::column) left.insert(print.column);
        if (print.of == Footprint::Of::table)
            for (auto const& column : table.columns) left.insert(column.name);
    }
    return left;
}

// Does a statement read nothing but what the opposite step made and nobody has written since?
Result<bool> StepRunner::reads_untouched(RowWrite const& write, std::map<TableName, std::set<std::string>>& known) {
    auto const is_view = [&](auto const& entry) {
        return entry.first.kind.find("view") != std::string::npos && write.names.contains(lowered(entry.first.name));
    };
    if (!calls_none_of_users(write.calls) || std::any_of(catalog_.begin(), catalog_.end(), is_view)) return false;
    bool any = false;
    for (auto const& table : before_) {
        if (!write.names.contains(lowered(table.name))) continue;
        if (!known.contains(table_name(table))) {
            UNDROP_TRY(auto left, columns_as_left(table));
            known.emplace(table_name(table), std::move(left));
        }
        auto const& left = known.at(table_name(table));
        auto const is_target = lowered(table.name) == write.target;
        if (left.empty() && !is_target) return false;
        any = any || !left.empty();
        for (auto const& column : table.columns) {
            auto const is_key = std::find(table.key.begin(), table.key.end(), column.name) != table.key.end();
            auto const is_read = write.all_columns || write.names.contains(lowered(column.name));
            if (is_read && !is_key && !left.contains(column.name)) return false;
        }
    }
    return any;
}

// P2: tables that the script writes from what nobody has touched since alone: what it computes there is what was saved, or should be.
Result<void> StepRunner::note_written_from_untouched() {
    auto const read = script_writes(statements_);
    if (!read.known) return success();
    std::map<TableName, std::set<std::string>> known;
    std::set<std::string> others;
    reads_known_ = true;
    for (auto const& write : read.writes) {
        UNDROP_TRY(bool const untouched, reads_untouched(write, known));
        (untouched ? from_untouched_ : others).insert(write.target);
        auto const is_printed = [&](Footprint const& print) { return of_untouched(print) && write.names.contains(lowered(print.table)); };
        auto const is_known = write.row_alone && calls_none_of_users(write.calls) &&
                              std::any_of(opposite_.footprints.begin(), opposite_.footprints.end(), is_printed);
        reads_known_ = reads_known_ && (untouched || is_known);
    }
    for (auto const& target : others) from_untouched_.erase(target);
    return success();
}

// What the script has made of saved rows and values may come from what users wrote elsewhere, where the ledger does not look.
bool StepRunner::may_know_better() const {
    return !reads_known_ && std::any_of(report_.merged.begin(), report_.merged.end(), [](Merged const& merged) {
        return merged.computed + merged.changed_since + merged.inserted_since + merged.key_taken > 0;
    });
}

bool StepRunner::is_written_from_untouched(Table const& table) const { return from_untouched_.contains(lowered(table.name)); }

// What the script has put into a table that it made goes, where the saved rows say it better. True: it did.
Result<bool> StepRunner::makes_way(Snapshot const& snapshot, Table const& table) {
    if (step_.direction == Direction::up || part_ || !is_written_from_untouched(table) || find_table(before_, table_name(table)))
        return false;
    UNDROP_TRY(auto const references, backend_.references(table));
    auto const by_others = [&](Reference const& r) { return TableName{r.schema, r.child} != table_name(table); };
    if (snapshot.purged() || std::any_of(references.begin(), references.end(), by_others)) return false;
    return in_quiet(backend_, table, [&]() -> Result<bool> {
        UNDROP_TRY(auto const gone, backend_.run("delete from " + backend_.dialect().own_rows(table)));
        expected_[table.id].deleted += gone;
        return true;
    });
}

// Condition on t; empty: that is not known of any.
std::string StepRunner::is_untouched(Snapshot const& snapshot, Table const& now) const {
    if (is_written_from_untouched(now)) return "1 = 1";
    auto const found = untouched_.find(table_name(snapshot.table));
    if (found == untouched_.end() || !snapshot.keyed() || snapshot.table.key != now.key || found->second.key != now.key) return {};
    auto const& dialect = backend_.dialect();
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < now.key.size(); ++i)
        terms.push_back(dialect.equal(*now.column(now.key[i]), "t." + dialect.quote(now.key[i]), fmt::format("u.k{}", i + 1)));
    return fmt::format("exists (select 1 from {} as u where {})", found->second.keys, balanced(terms, " and "));
}

}  // namespace undrop
