// The part of a step that goes up again: which saved row is which of those that the script has made anew, and which of two values is newer.
#include <fmt/format.h>
#include <algorithm>

#include "balanced.hpp"
#include "drawn.hpp"
#include "merge.hpp"
#include "save.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string same_keys(std::size_t columns, char const* a, char const* b) {
    std::vector<std::string> terms;
    for (std::size_t i = 1; i <= columns; ++i) terms.push_back(fmt::format("{0}.k{2} = {1}.k{2}", a, b, i));
    return balanced(terms, " and ");
}

std::string key_is(Dialect const& dialect, Table const& now, char const* alias) {
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < now.key.size(); ++i)
        terms.push_back(dialect.equal(*now.column(now.key[i]), "t." + dialect.quote(now.key[i]), fmt::format("{}.k{}", alias, i + 1)));
    return balanced(terms, " and ");
}

bool is_of(Footprint const& print, Table const& table, std::string const& column) {
    return print.schema == table.schema && print.table == table.name && print.column == column &&
           print.of == (column.empty() ? Footprint::Of::table : Footprint::Of::column);
}

Footprint const* find(std::vector<Footprint> const& prints, Table const& table, std::string const& column) {
    auto const found = std::find_if(prints.begin(), prints.end(), [&](Footprint const& f) { return is_of(f, table, column); });
    return found == prints.end() ? nullptr : &*found;
}

std::string any_of(std::vector<std::string> const& conditions) {
    return conditions.empty() ? std::string{} : "(" + balanced(conditions, " or ") + ")";
}

}  // namespace

// What the migration had left, and saved, when it last went up.
Result<void> StepRunner::read_last_time() {
    last_time_ = {};
    if (step_.direction == Direction::down || part_ || opposite_.step == 0) return success();
    UNDROP_TRY(auto const applied, ledger_.last_step(step_.version, "applied"));
    UNDROP_TRY(last_time_.footprints, ledger_.footprints(applied));
    UNDROP_TRY(last_time_.snapshots, ledger_.snapshots(applied));
    return success();
}

// A key that the database draws says nothing of which row is which (P2).
Result<void> StepRunner::renumber_saved_rows() {
    if (step_.direction == Direction::down || part_) return success();
    auto const made = [&](Snapshot const& s) {
        return s.kind == Snapshot::Kind::table && !s.purged() && s.table.key.size() == 1 && find_table(scripted_, table_name(s.table));
    };
    std::vector<Snapshot> tables;
    std::copy_if(opposite_.snapshots.begin(), opposite_.snapshots.end(), std::back_inserter(tables), made);
    if (tables.empty()) return success();
    UNDROP_TRY(auto const catalog, backend_.catalog_after(ledger_.name(), catalog_));
    for (auto const& one : parents_first(std::move(tables), catalog)) {
        auto const& now = *find_table(scripted_, table_name(one.table));
        auto const* key = now.key == one.table.key ? now.column(now.key.front()) : nullptr;
        if (!key || now.columns.size() < 2 || key->full_type() != one.table.column(key->name)->full_type()) continue;
        UNDROP_TRY(auto const identity, identity_of(now, key->name));
        auto next = key->default_sql.find('(') == std::string::npos ? std::string{} : key->default_sql;
        if (identity) next = next_number(backend_.dialect(), *identity);
        auto const by_row = !backend_.dialect().lasting_row_id(now, "t").empty() && key->stored_type == "integer";
        if ((next.empty() && !by_row) || gives_values(statements_, now, key->name, scripted_)) continue;
        UNDROP_TRY(auto references, backend_.references(now));
        auto& snapshot =
            *std::find_if(opposite_.snapshots.begin(), opposite_.snapshots.end(), [&](Snapshot const& s) { return s.id == one.id; });
        DrawnTable const drawn{now, find(last_time_.footprints, now, ""), next, std::move(references)};
        UNDROP_TRY(auto done, renumber(backend_, ledger_, snapshot, drawn, opposite_.snapshots, working_, next_id_));
        if (!done.keys.empty()) renumbered_.push_back(std::move(done));
    }
    return success();
}

Result<void> StepRunner::end_renumbering() {
    for (auto const& done : renumbered_) {
        auto const& snapshot =
            *std::find_if(opposite_.snapshots.begin(), opposite_.snapshots.end(), [&](Snapshot const& s) { return s.id == done.snapshot; });
        UNDROP_CHECK(note_as_saved(backend_, ledger_, snapshot, done, next_id_));
        for (auto& merged : report_.merged) {
            if (merged.snapshot != done.snapshot) continue;
            merged.rows += done.gone;
            merged.not_users += done.gone;
        }
        if (done.others > 0)
            report_.notes.push_back(
                fmt::format("{} rows of {} came back with another {}, and what refers to them with them: the script drew "
                            "the old one for another row",
                            done.others, snapshot.table.text(), snapshot.table.key.front()));
        if (done.returned > 0)
            report_.notes.push_back(
                fmt::format("{} rows of {} that the script does not make any more came back, since users' rows refer to them",
                            done.returned, snapshot.table.text()));
    }
    for (auto const& table : working_) UNDROP_CHECK(backend_.run("drop table " + table));
    working_.clear();
    return success();
}

// Condition on t: the script has computed there what it had computed when it last went up. Empty: that is not known.
std::string StepRunner::as_last_time(Table const& now, std::string const& column) const {
    auto const* print = find(last_time_.footprints, now, column);
    if (!print) return {};
    auto const& dialect = backend_.dialect();
    auto const digest = digest_of(dialect, now, column.empty() ? plain_columns(now) : std::vector<std::string>{column}, "t");
    if (print->store.empty()) return fmt::format("{} = '{}'", digest, print->uniform);
    return fmt::format("exists (select 1 from {} as f where f.k = {} and f.h = {})", ledger_.table(print->store),
                       identity(dialect, now, "t"), digest);
}

// Condition on rows (alias o) of a column that this script has taken away: somebody has written the value since the way back had left it.
// `back`: it is what it had been before the migration first ran, though the way back had carried another value there.
std::string StepRunner::written_since(Snapshot const& own, bool back) const {
    auto const& dialect = backend_.dialect();
    auto const first = std::find_if(last_time_.snapshots.begin(), last_time_.snapshots.end(), [&](Snapshot const& s) {
        return s.kind == Snapshot::Kind::column && !s.purged() && table_name(s.table) == table_name(own.table) && s.column == own.column &&
               s.table.key == own.table.key;
    });
    auto const* left = find(opposite_.footprints, own.table, own.column);
    std::string restored;
    std::string differs;
    if (first != last_time_.snapshots.end()) {
        auto const of_row = fmt::format("exists (select 1 from {} as b where {} and {} ", ledger_.table(first->store),
                                        same_keys(own.table.key.size(), "b", "o"), dialect.image({"b.v1"}));
        restored = of_row + "= " + dialect.image({"o.v1"}) + ")";
        differs = of_row + "<> " + dialect.image({"o.v1"}) + ")";
    }
    if (!left) return back ? std::string{} : differs;  // of rows that came since nothing is known
    if (!back) return restored.empty() ? std::string{"o.state = 'u'"} : fmt::format("(o.state = 'u' and not {})", restored);
    if (restored.empty() || left->store.empty()) return {};
    std::vector<std::string> key;
    for (std::size_t i = 1; i <= own.table.key.size(); ++i) key.push_back(fmt::format("o.k{}", i));
    return fmt::format("(o.state = 'u' and {} and exists (select 1 from {} as f where f.k = {} and f.h <> {}))", restored,
                       ledger_.table(left->store), dialect.image(key), dialect.digest(dialect.image({"null"})));
}

// Condition on t: what the down had written into columns that stay is not there any more, when this step begins.
std::vector<std::string> StepRunner::changed_since(Table const& now) const {
    auto const& dialect = backend_.dialect();
    std::vector<std::string> conditions;
    for (auto const& left : opposite_.snapshots) {
        if (left.kind != Snapshot::Kind::updated || left.purged() || table_name(left.table) != table_name(now) || left.table.key != now.key)
            continue;
        std::vector<std::string> differ;
        std::string joined;
        for (std::size_t i = 0; i < left.values.size(); ++i) {
            auto const* column = now.column(left.values[i]);
            if (!column || column->generated || column->full_type() != left.left_types[i]) continue;
            auto present = dialect.save(*column, "t." + dialect.quote(column->name));
            std::size_t n = 0;
            for (auto const* own : own_updates(now)) {
                ++n;
                auto const at = std::find(own->values.begin(), own->values.end(), column->name);
                if (at == own->values.end() || own->table.key != now.key) continue;
                auto const alias = fmt::format("p{}", n);
                if (joined.find(alias + " ") == std::string::npos)
                    joined += fmt::format(" left join {} as {} on {}", ledger_.table(own->store), alias,
                                          same_keys(now.key.size(), alias.c_str(), "d"));
                present =
                    fmt::format("case when {0}.state is not null then {0}.v{1} else {2} end", alias, at - own->values.begin() + 1, present);
            }
            differ.push_back(fmt::format("{} <> {}", dialect.image({present}), dialect.image({fmt::format("d.w{}", i + 1)})));
        }
        if (!differ.empty())
            conditions.push_back(fmt::format("exists (select 1 from {} as d{} where {} and ({}))", ledger_.table(left.store), joined,
                                             key_is(dialect, now, "d"), balanced(differ, " or ")));
    }
    return conditions;
}

// P2, P3: a user's saved value comes back, but where something that the way back had left was written since and the script has computed
// another value from it than when it last went up. Condition on t; empty: never.
Result<std::string> StepRunner::computed_anew(Snapshot const& snapshot, Table const& now) {
    if (step_.direction == Direction::down || part_ || options_.on_conflict == OnConflict::keep_old || !snapshot.keyed() ||
        now.key != snapshot.table.key || last_time_.footprints.empty())
        return std::string{};
    auto const is_renumbered = [&](Renumbered const& r) { return r.snapshot == snapshot.id; };
    if (std::any_of(renumbered_.begin(), renumbered_.end(), is_renumbered)) return std::string{};
    auto const same = as_last_time(now, snapshot.column);
    if (same.empty()) return std::string{};
    return snapshot.kind == Snapshot::Kind::table ? any_source_written(now, same) : row_written(now, same);
}

Result<std::string> StepRunner::row_written(Table const& now, std::string const& same) const {
    auto const& dialect = backend_.dialect();
    auto written = changed_since(now);
    std::vector<std::string> back;
    for (auto const& own : saved_) {
        if (own.kind != Snapshot::Kind::column || table_name(own.table) != table_name(now) || own.table.key != now.key) continue;
        for (auto const again : {false, true})
            if (auto const condition = written_since(own, again); !condition.empty())
                (again ? back : written)
                    .push_back(fmt::format("exists (select 1 from {} as o where {} and {})", ledger_.table(own.store),
                                           key_is(dialect, now, "o"), condition));
    }
    if (!written.empty()) back.push_back(fmt::format("({} and not {})", any_of(written), same));
    return any_of(back);
}

// Of a table that the script makes only a foreign key leads from a row to one that it was made from; else it is enough that any such row
// was written.
Result<std::string> StepRunner::any_source_written(Table const& now, std::string const& same) const {
    auto const& dialect = backend_.dialect();
    std::vector<std::string> rows;
    bool any = false;
    for (auto const& own : saved_) {
        auto const* parent = own.kind == Snapshot::Kind::column && own.keyed() ? find_table(scripted_, table_name(own.table)) : nullptr;
        if (!parent) continue;
        UNDROP_TRY(auto const references, backend_.references(*parent));
        auto const leads = std::any_of(references.begin(), references.end(), [&](Reference const& r) {
            return TableName{r.schema, r.child} == table_name(now) && r.columns == now.key && r.parents_columns == own.table.key;
        });
        for (auto const back : {false, true}) {
            auto const condition = written_since(own, back);
            if (condition.empty()) continue;
            if (leads)
                rows.push_back(fmt::format("exists (select 1 from {} as o where {} and {})", ledger_.table(own.store),
                                           key_is(dialect, now, "o"), condition));
            UNDROP_TRY(auto const written,
                       backend_.rows(fmt::format("select 1 from {} as o where {} limit 1", ledger_.table(own.store), condition)));
            any = any || (!leads && !written.empty());
        }
    }
    for (auto const& table : scripted_) {
        auto const written = any_of(changed_since(table));
        if (written.empty()) continue;
        UNDROP_TRY(auto const found,
                   backend_.rows(fmt::format("select 1 from {} as t where {} limit 1", dialect.own_rows(table), written)));
        any = any || !found.empty();
    }
    if (any) return "(not " + same + ")";
    return rows.empty() ? std::string{} : fmt::format("({} and not {})", any_of(rows), same);
}

}  // namespace undrop
