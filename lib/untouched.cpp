#include "untouched.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"
#include "pairing.hpp"
#include "save.hpp"
#include "try.hpp"

namespace undrop {
namespace {

class Question {
public:
    Question(Backend& backend, Ledger const& ledger, Opposite const& opposite, std::vector<Table> const& tables)
        : backend_(backend), ledger_(ledger), dialect_(backend.dialect()), opposite_(opposite), tables_(tables) {}

    Result<bool> as_left(Footprint const& print) {
        auto const* table = find_table(tables_, {print.schema, print.table});
        if (print.of == Footprint::Of::keys) return true;
        return table && (print.column.empty() || table->column(print.column)) ? is_as_left(backend_, ledger_, print, *table)
                                                                              : Result<bool>(false);
    }

    Result<bool> as_left(Snapshot const& s) {
        auto const* table = find_table(tables_, table_name(s.table));
        switch (s.kind) {
            case Snapshot::Kind::sequence:
            case Snapshot::Kind::view:
                return true;
            case Snapshot::Kind::aside:
                return false;
            case Snapshot::Kind::table:
                return table ? holds_nothing_else(*table) : true;
            case Snapshot::Kind::column:
                return table && !s.purged() && s.keyed() ? all_saved(s, *table) : Result<bool>(false);
            case Snapshot::Kind::deleted:
                return table && !s.purged() && s.keyed() ? none_back(s, *table) : Result<bool>(false);
            case Snapshot::Kind::updated:
                return table && !s.purged() && s.keyed() ? all_unchanged(s, *table) : Result<bool>(false);
        }
        return false;
    }

    // Of a table that the up made, and left empty, there is no footprint.
    Result<bool> holds_nothing_else(Table const& table) {
        auto const& prints = opposite_.footprints;
        auto const printed = std::any_of(prints.begin(), prints.end(), [&](Footprint const& print) {
            return print.of == Footprint::Of::table && TableName{print.schema, print.table} == table_name(table);
        });
        return printed ? Result<bool>(true) : none("select 1 from " + dialect_.own_rows(table));
    }

private:
    Result<bool> none(std::string const& query) {
        UNDROP_TRY(auto const rows, backend_.rows(query + " limit 1"));
        return rows.empty();
    }
    Result<std::int64_t> count(std::string const& query) {
        UNDROP_TRY(auto const rows, backend_.rows(query));
        return number_of(rows.at(0).at(0));
    }
    [[nodiscard]] std::vector<Snapshot const*> all_of(Snapshot const& s, Snapshot::Kind kind) const {
        std::vector<Snapshot const*> found;
        for (auto const& other : opposite_.snapshots)
            if (other.kind == kind && table_name(other.table) == table_name(s.table)) found.push_back(&other);
        return found;
    }
    [[nodiscard]] bool has_key(Snapshot const& s, Table const& table) const {
        return std::all_of(s.table.key.begin(), s.table.key.end(), [&](auto const& name) {
            auto const* column = table.column(name);
            return column && column->full_type() == s.table.column(name)->full_type();
        });
    }

    // Each row of the table is one of those whose values of the column were saved.
    Result<bool> all_saved(Snapshot const& s, Table const& table) {
        if (!has_key(s, table)) return false;
        auto const updated = all_of(s, Snapshot::Kind::updated);
        auto const deleted = all_of(s, Snapshot::Kind::deleted);
        std::vector<Snapshot const*> const none_of_ours;
        auto const paired = pair(dialect_, ledger_, s, table, {updated, none_of_ours, deleted});
        auto const prints = inserted_here(table);
        return none(fmt::format("select 1 from {} as t where not {}{}", dialect_.own_rows(table), paired.exists(), prints));
    }
    // But those that the up inserted, which as_left(Footprint) has judged.
    [[nodiscard]] std::string inserted_here(Table const& table) const {
        std::string condition;
        for (auto const& print : opposite_.footprints)
            if (print.of == Footprint::Of::rows && TableName{print.schema, print.table} == table_name(table))
                condition += fmt::format(" and not exists (select 1 from {} as f where f.k = {})", ledger_.table(print.store),
                                         identity(dialect_, table, "t"));
        return condition;
    }
    Result<bool> none_back(Snapshot const& s, Table const& table) {
        if (!has_key(s, table)) return false;
        auto const saved = saved_rows(dialect_, ledger_, s, table);
        return none(fmt::format("select 1 from {} join {} as t on {} where true{}", saved.from, dialect_.own_rows(table), saved.join,
                                inserted_here(table)));
    }
    // Every row was updated, none was inserted since, and each value is the one that was left.
    Result<bool> all_unchanged(Snapshot const& s, Table const& table) {
        // Its key is saved as the step left it.
        if (!std::all_of(s.table.key.begin(), s.table.key.end(), [&](auto const& name) { return table.column(name) != nullptr; }))
            return false;
        auto const saved = saved_rows(dialect_, ledger_, s, table);
        std::vector<std::string> same;
        for (std::size_t i = 0; i < s.values.size(); ++i) {
            auto const* column = table.column(s.values[i]);
            if (!column || column->full_type() != s.left_types[i]) return false;
            same.push_back(
                dialect_.same(*column, "t." + dialect_.quote(column->name), dialect_.load(*column, fmt::format("s.w{}", i + 1))));
        }
        auto const rows = dialect_.own_rows(table);
        UNDROP_TRY(auto const others,
                   count(fmt::format("select count(*) - {} from {} as t where true{}", s.rows, rows, inserted_here(table))));
        if (others != 0) return false;
        UNDROP_TRY(auto const changed, count(fmt::format("select {} - count(*) from {} join {} as t on {} where {}", s.rows, saved.from,
                                                         rows, saved.join, same.empty() ? "true" : balanced(same, " and "))));
        return changed == 0;
    }

    Backend& backend_;
    Ledger const& ledger_;
    Dialect const& dialect_;
    Opposite const& opposite_;
    std::vector<Table> const& tables_;
};

}  // namespace

Result<bool> is_as_left(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& table) {
    auto const& dialect = backend.dialect();
    auto const digest = print.of == Footprint::Of::untouched ? digest_of_row(dialect, table, "t")
                        : print.column.empty()               ? digest_of(dialect, table, plain_columns(table), "t")
                                                             : digest_of(dialect, table, {print.column}, "t");
    auto const from = dialect.own_rows(table) + " as t";
    auto const none = [&](std::string const& where) -> Result<bool> {
        UNDROP_TRY(auto const rows, backend.rows(fmt::format("select 1 from {} where {} limit 1", from, where)));
        return rows.empty();
    };
    if (print.store.empty()) return none(fmt::format("{} <> '{}'", digest, print.uniform));
    if (table.key.empty() && print.of == Footprint::Of::column) return false;
    auto const store = ledger.table(print.store);
    auto const found =
        fmt::format("exists (select 1 from {} as f where f.k = {} and f.h = {})", store, identity(dialect, table, "t"), digest);
    UNDROP_TRY(auto const gone,
               backend.rows(fmt::format("select (select coalesce(sum(c), 0) from {}) - count(*) from {} where {}", store, from, found)));
    if (number_of(gone.at(0).at(0)) != 0) return false;
    return print.of == Footprint::Of::rows ? Result<bool>(true) : none("not " + found);
}

Result<bool> is_untouched(Backend& backend, Ledger const& ledger, Opposite const& opposite, std::vector<Table> const& tables) {
    if (!opposite.renames.empty()) return false;
    Question question(backend, ledger, opposite, tables);
    for (auto const& print : opposite.footprints) {
        UNDROP_TRY(auto const same, question.as_left(print));
        if (!same) return false;
    }
    for (auto const& snapshot : opposite.snapshots) {
        UNDROP_TRY(auto const same, question.as_left(snapshot));
        if (!same) return false;
    }
    for (auto const& [id, object] : opposite.wanted) {
        if (object || id.kind != "table") continue;
        for (auto const& table : tables) {
            if (!names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, table_name(table))) continue;
            UNDROP_TRY(auto const same, question.holds_nothing_else(table));
            if (!same) return false;
        }
    }
    return true;
}

Result<std::optional<StepReport>> back_as_recorded(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step,
                                                   std::int64_t& run, MendLog* log) {
    auto const ask = [&]() -> Result<bool> {
        UNDROP_CHECK(backend.begin(options, {}));
        UNDROP_TRY(auto const history, ledger.history());
        auto const* applied = history.find(step.version);
        if (!applied) return false;
        UNDROP_TRY(auto const opposite, read_opposite(ledger, applied->step, step.direction));
        UNDROP_TRY(auto const tables, backend.tables(ledger.name()));
        return is_untouched(backend, ledger, opposite, tables);
    };
    auto const untouched = ask();
    backend.rollback();
    if (!untouched || !untouched.value()) return std::optional<StepReport>{};  // the script has to do
    auto derived = step;
    derived.origin = Origin::derived;
    StepRunner runner(backend, ledger, options, derived, "", run);
    if (log) runner.log_mend(*log);
    auto done = runner.run();
    if (!done && done.error().code == Code::in_doubt) return std::move(done).error();
    if (!done) return std::optional<StepReport>{};
    run = runner.run_id();
    return std::optional(std::move(done).value());
}

}  // namespace undrop
