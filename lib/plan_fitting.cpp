// The part of the planner that finds what a derived way back would be refused for, because of what users wrote since. It reads as a plan
// does: what cannot be read, the step finds out.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "fitting.hpp"
#include "merge.hpp"
#include "partitions.hpp"
#include "planner.hpp"
#include "rows_word.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

Finding unfitting(std::string text) {
    return {
        .severity = Finding::Severity::stop,
        .code = "unfitting",
        .text = std::move(text),
        .next = {.command = "down", .advice = "change these values first, or say in the down script what becomes of them; then go back"}};
}

bool is_wanted(Wanted const& wanted, char const* kind, TableName const& table, std::string const& name) {
    return std::any_of(wanted.begin(), wanted.end(), [&](auto const& entry) {
        auto const& [id, object] = entry;
        return object && id.kind == kind && id.name == name && names_table(id.parent, table);
    });
}

// Rows that the step itself put there, and keys that it wrote, are gone or as they were when it matters.
bool wrote_rows(Opposite const& opposite, TableName const& now) {
    return std::any_of(opposite.footprints.begin(), opposite.footprints.end(), [&](Footprint const& print) {
        return print.of == Footprint::Of::rows && TableName{print.schema, print.table} == now;
    });
}

bool wrote_keys(Opposite const& opposite, Snapshot const& s) {
    return std::any_of(opposite.snapshots.begin(), opposite.snapshots.end(), [&](Snapshot const& other) {
        return other.kind == Snapshot::Kind::updated && table_name(other.table) == table_name(s.table) &&
               std::any_of(s.table.key.begin(), s.table.key.end(), [&](std::string const& name) {
                   return std::find(other.values.begin(), other.values.end(), name) != other.values.end();
               });
    });
}

// May this step's way back change how many rows of a table fit? Rows that come back do not make them fewer, but among a foreign key's
// parents.
bool may_fit(Dialect const& dialect, Opposite const& opposite, std::set<TableName> const& homes, std::string const& make,
             TableName const* parent) {
    if (std::any_of(homes.begin(), homes.end(), [&](TableName const& home) { return wrote_rows(opposite, home); })) return true;
    auto const names = [&](std::string const& column) {
        return make.find(column) != std::string::npos || make.find(dialect.quote(column)) != std::string::npos;
    };
    return std::any_of(opposite.snapshots.begin(), opposite.snapshots.end(), [&](Snapshot const& s) {
        if (parent && table_name(s.table) == *parent) return true;
        if (!homes.contains(table_name(s.table))) return false;
        return s.kind == Snapshot::Kind::column ? names(s.column)
                                                : s.kind == Snapshot::Kind::updated && std::any_of(s.values.begin(), s.values.end(), names);
    });
}

// Under whose name what was done to the table's rows may be kept: a partition's are its table's as well.
std::set<TableName> homes_of(Table const& table, std::vector<Table> const& tables) {
    std::set<TableName> homes;
    for (auto const& other : tables)
        if (other.id == table.id || other.id == table.root || other.root == table.id) homes.insert(table_name(other));
    return homes;
}

std::string name_of(TableName const& table) { return table.first.empty() ? table.second : table.first + "." + table.second; }

// What has a column's name by now may be another one.
bool renamed_columns(Opposite const& opposite, Snapshot const& s) {
    return std::any_of(opposite.renames.begin(), opposite.renames.end(),
                       [&](Rename const& rename) { return rename.before == table_name(s.table) && !rename.column_before.empty(); });
}

}  // namespace

// Rows that have the key of another one, though the snapshot's rows are told by it: the step made the key wider, or took it away.
Result<std::int64_t> Planner::rows_of_same_key(Snapshot const& s, Table const& now) {
    auto const& key = s.table.key;
    auto const is_there = [&](std::string const& name) { return now.column(name) != nullptr; };
    if (key == now.key || key.empty() || !std::all_of(key.begin(), key.end(), is_there)) return std::int64_t{0};
    std::vector<std::string> names;
    for (auto const& name : key) names.push_back(backend_.dialect().quote(name));
    auto const rows = fmt::format("{} where {} is not null", backend_.dialect().own_rows(now), fmt::join(names, " is not null and "));
    UNDROP_TRY(auto const all, counted(rows));
    UNDROP_TRY(auto const told, counted(fmt::format("(select distinct {} from {}) as d", fmt::join(names, ", "), rows)));
    return all && told ? *all - *told : std::int64_t{0};
}

Result<void> Planner::find_unfitting(PlannedStep const& step, Opposite const& opposite, Plan& plan) {
    if (!full_ || step.direction == Direction::up || step.origin != Origin::derived || reached_anything_) return success();
    std::set<TableName> told;
    for (auto const& s : opposite.snapshots) {
        auto const name = name_now(opposite.renames, table_name(s.table));
        auto const* now = find_table(tables_, name);
        if (!now || s.kind == Snapshot::Kind::table || !why_unknown(s, opposite).empty()) continue;
        if (wrote_rows(opposite, name)) continue;
        UNDROP_CHECK(find_missing_values(step, opposite, s, plan));
        if (wrote_keys(opposite, s) || renamed_columns(opposite, s)) continue;
        UNDROP_TRY(auto const rows, rows_of_same_key(s, *now));
        if (rows > 0 && told.insert(name).second)
            plan.findings.push_back(
                unfitting(fmt::format("{} of {} {} the key ({}) of another row, and that key comes back", rows_word(rows), now->text(),
                                      rows == 1 ? "has" : "have", fmt::join(s.table.key, ", "))));
    }
    UNDROP_CHECK(find_unfitting_types(opposite, plan));
    return find_unfitting_constraints(opposite, told, plan);
}

// Rows that came since, and a column that takes no NULL.
Result<void> Planner::find_missing_values(PlannedStep const& step, Opposite const& opposite, Snapshot const& s, Plan& plan) {
    if (s.kind != Snapshot::Kind::column) return success();
    auto const& column = *s.table.column(s.column);
    auto const name = table_name(s.table);
    auto const back = std::find_if(step.returns.begin(), step.returns.end(), [&](PlannedReturn const& r) { return r.snapshot == s.id; });
    if (back == step.returns.end() || back->inserted_since.value_or(0) == 0 || !column.default_sql.empty() || column.generated ||
        !column.not_null || is_wanted(opposite.wanted, "identity", name, s.column))
        return success();
    if (step.up) {
        UNDROP_TRY(auto const said, directives(*step.up));
        for (auto const& backfill : said.backfill)
            if (waives({backfill.column}, name, s.column)) return success();
    }
    plan.findings.push_back(
        {.severity = Finding::Severity::stop,
         .code = "unfitting",
         .text =
             fmt::format("{} {} inserted into {} since; {} must not be NULL and has no default for {}", rows_word(*back->inserted_since),
                         *back->inserted_since == 1 ? "was" : "were", s.table.text(), s.column, *back->inserted_since == 1 ? "it" : "them"),
         .next = {.advice = fmt::format("put `-- undrop: backfill {} = EXPRESSION` at the top of the up script's file", s.what())}});
    return success();
}

// How many rows get a saved value of the column, whatever they hold, since that is as the step left it; 0 where nothing was saved, and
// nothing where that cannot be told, or where values follow the keys that they refer to.
Result<std::optional<std::int64_t>> Planner::get_saved_values(Opposite const& opposite, Table const& now, std::string const& column) {
    std::optional<std::int64_t> const unknown;
    auto const& dialect = backend_.dialect();
    std::int64_t count = 0;
    for (auto const& s : opposite.snapshots) {
        auto const at = static_cast<std::size_t>(std::find(s.values.begin(), s.values.end(), column) - s.values.begin());
        if (table_name(s.table) != table_name(now) || at == s.values.size()) continue;
        auto const* is = now.column(column);
        if (s.kind != Snapshot::Kind::updated || s.purged() || !why_unknown(s, opposite).empty() || is->full_type() != s.left_types.at(at))
            return unknown;
        auto const saved = saved_rows(dialect, ledger_, s, now);
        auto const as_left = dialect.same(*is, "t." + dialect.quote(column), dialect.load(*is, fmt::format("s.w{}", at + 1)));
        UNDROP_TRY(auto const rows,
                   counted(fmt::format("{} join {} as t on {} where {}", saved.from, dialect.own_rows(now), saved.join, as_left)));
        if (!rows) return unknown;
        count += *rows;
    }
    if (count == 0) return std::optional(count);
    for (auto const& s : opposite.snapshots) {
        auto const* parent = s.kind == Snapshot::Kind::updated ? find_table(tables_, table_name(s.table)) : nullptr;
        if (!parent) continue;
        UNDROP_TRY(auto const references, backend_.references(*parent));
        for (auto const& by : references)
            if (TableName{by.schema, by.child} == table_name(now) &&
                std::find(by.columns.begin(), by.columns.end(), column) != by.columns.end())
                return unknown;
    }
    return std::optional(count);
}

// A column that gets another type: what it holds is converted, where it does not get what was saved.
Result<void> Planner::find_unfitting_types(Opposite const& opposite, Plan& plan) {
    // A type that has another name by now is the same one.
    auto const is_type = [](auto const& entry) { return entry.first.kind == "type" || entry.first.kind == "domain"; };
    auto const is_view = [&](TableName const& name) {
        return std::any_of(catalog_.begin(), catalog_.end(), [&](auto const& entry) { return is_relation(entry.first, name); });
    };
    auto const is_of_type = [&](Rename const& r) { return !r.column_before.empty() && !find_table(tables_, r.after) && !is_view(r.after); };
    if (std::any_of(opposite.wanted.begin(), opposite.wanted.end(), is_type) ||
        std::any_of(opposite.renames.begin(), opposite.renames.end(), is_of_type))
        return success();
    auto all = without_columns_of_parents(opposite.wanted, opposite.renames, catalog_, tables_);
    if (opposite.renames.empty()) all = with_columns_of_parents(backend_.dialect(), std::move(all), catalog_, tables_);
    for (auto const& [id, wanted] : all) {
        auto const is = catalog_.find(id);
        if (!catalog_read_ || id.kind != "column" || !wanted || wanted->alter.empty() || is == catalog_.end() || is->second.same(*wanted))
            continue;
        auto const of_it = [&](Table const& table) { return names_table(id.parent, table_name(table)) && table.column(id.name); };
        auto const table = std::find_if(tables_.begin(), tables_.end(), of_it);
        auto const is_renamed = [&](Rename const& r) { return r.after == table_name(*table) || r.before == table_name(*table); };
        if (table == tables_.end() || reached_.contains(table_name(*table)) || wrote_rows(opposite, table_name(*table)) ||
            std::any_of(opposite.renames.begin(), opposite.renames.end(), is_renamed))
            continue;
        UNDROP_TRY(auto const back, get_saved_values(opposite, *table, id.name));
        if (!back) continue;
        std::int64_t rows = 0;
        auto const read = backend_.read_in_time(glance, [&]() -> Result<void> {
            UNDROP_TRY(rows, backend_.unfitting(*table, id.name, *wanted));
            return success();
        });
        if (!read && (read.error().code == Code::interrupted || read.error().code == Code::in_doubt)) return read.error();
        rows -= *back;
        if (rows > 0)
            plan.findings.push_back(unfitting(fmt::format("{} of {} {} a value of {} that its old type does not take; written since the up",
                                                          rows_word(rows), table->text(), rows == 1 ? "holds" : "hold", id.name)));
    }
    return success();
}

// A constraint or a unique index that comes back over rows that are there. Where it is a part of its table's text only the step knows.
Result<void> Planner::find_unfitting_constraints(Opposite const& opposite, std::set<TableName> const& told, Plan& plan) {
    for (auto const& [id, wanted] : opposite.wanted) {
        auto const what = name_of_constraint(id);
        auto const is = catalog_.find(id);
        if (!catalog_read_ || what.empty() || !wanted || (is != catalog_.end() && is->second.same(*wanted))) continue;
        auto const of_it = [&, &parent = id.parent](Table const& table) { return names_table(parent, table_name(table)); };
        auto const table = std::find_if(tables_.begin(), tables_.end(), of_it);
        auto const is_renamed = [&](Rename const& r) { return r.after == table_name(*table) || r.before == table_name(*table); };
        if (table == tables_.end() || reached_.contains(table_name(*table)) || table->columns.empty() ||
            !backend_.dialect().add_bare_column(*table, table->columns.front()).empty() ||
            (id.kind == "primary_key" && told.contains(table_name(*table))) ||
            std::any_of(opposite.renames.begin(), opposite.renames.end(), is_renamed))
            continue;
        std::optional<TableName> parent;
        if (id.kind == "foreign_key") {
            UNDROP_TRY(auto const keys, backend_.foreign_keys(*table, {wanted->make}));
            if (keys.size() != 1) continue;
            parent = {keys.front().parents_schema, keys.front().parent};
            auto const is_parents = [&](Rename const& r) { return r.after == *parent || r.before == *parent; };
            if (reached_.contains(*parent) || std::any_of(opposite.renames.begin(), opposite.renames.end(), is_parents)) continue;
        }
        std::int64_t rows = 0;
        auto const read = backend_.read_in_time(glance, [&]() -> Result<void> {
            UNDROP_TRY(rows, backend_.unfitting(*table, "", *wanted));
            return success();
        });
        if (!read && (read.error().code == Code::interrupted || read.error().code == Code::in_doubt)) return read.error();
        if (rows == 0) continue;
        auto const of_table = fmt::format("{} of {}", rows_word(rows), table->text());
        auto const fit = parent ? fmt::format("refer to rows of {}, as foreign key {} wants it", name_of(*parent), id.name)
                                : fmt::format("fit {} {}", what, id.name);
        if (may_fit(backend_.dialect(), opposite, homes_of(*table, tables_), wanted->make, parent ? &*parent : nullptr)) {
            plan.findings.push_back(unfitting(fmt::format(
                "up to {} may not {}, which comes back: it depends on the rows and values that come back as well", of_table, fit)));
            plan.findings.back().severity = Finding::Severity::warning;
        } else {
            plan.findings.push_back(unfitting(fmt::format("{} {} not {}, which comes back; {} written since the up", of_table,
                                                          rows == 1 ? "does" : "do", fit, rows == 1 ? "it was" : "they were")));
        }
    }
    return success();
}

}  // namespace undrop
