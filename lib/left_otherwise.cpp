// What a down script leaves otherwise than it was before the up: rows, values, columns and tables that the up has nothing to do with.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"
#include "save.hpp"
#include "sql_tokens.hpp"
#include "try.hpp"
#include "untouched.hpp"

namespace undrop {
namespace {

constexpr std::string_view made_beside = "the down script made what was not there before the up";

bool has_updated(Opposite const& opposite, TableName const& table, std::string const& column) {
    return std::any_of(opposite.snapshots.begin(), opposite.snapshots.end(), [&](Snapshot const& s) {
        return s.kind == Snapshot::Kind::updated &&
               name_before(opposite.renames, table_name(s.table)) == name_before(opposite.renames, table) &&
               std::find(s.values.begin(), s.values.end(), column) != s.values.end();
    });
}

bool knows_of(Opposite const& opposite, Table const& table) {
    auto const named = [&](TableName const& name) {
        return name_before(opposite.renames, name) == name_before(opposite.renames, table_name(table));
    };
    return std::any_of(opposite.snapshots.begin(), opposite.snapshots.end(),
                       [&](Snapshot const& s) { return named(table_name(s.table)); }) ||
           std::any_of(opposite.footprints.begin(), opposite.footprints.end(), [&](Footprint const& print) {
               return named({print.schema, print.table});
           });
}

bool records_nothing(Opposite const& opposite) {
    return opposite.wanted.empty() && opposite.renames.empty() && opposite.snapshots.empty() && opposite.footprints.empty();
}

class ScriptsRows {
public:
    ScriptsRows(Backend& backend, Ledger const& ledger, LeftByScript const& left, Opposite const& opposite)
        : backend_(backend), ledger_(ledger), left_(left), opposite_(opposite) {}

    // But rows that the up inserted, as they were or edited. Without a key nothing tells one that was edited: as many as it inserted.
    Result<std::int64_t> deleted(Snapshot const& s) {
        std::vector<std::string> key;
        for (std::size_t i = 0; i < s.table.key.size(); ++i) key.push_back(fmt::format("s.k{}", i + 1));
        std::string condition = "s.state = 'u'";
        std::int64_t inserted = 0;
        for (auto const& print : opposite_.footprints) {
            if (print.of != Footprint::Of::rows || TableName{print.schema, print.table} != table_name(s.table)) continue;
            if (key.empty() && print.store.empty()) return std::int64_t{0};
            if (key.empty()) {
                UNDROP_TRY(auto const rows, backend_.rows("select coalesce(sum(c), 0) from " + ledger_.table(print.store)));
                inserted += number_of(rows.at(0).at(0));
                continue;
            }
            condition += fmt::format(" and not exists (select 1 from {} as f where f.k = {})", ledger_.table(print.store),
                                     backend_.dialect().image(key));
        }
        UNDROP_TRY(auto const rows, count(fmt::format("{} as s where {}", ledger_.table(s.store), condition)));
        return std::max<std::int64_t>(rows - inserted, 0);
    }

    // Rows that take the place of those that the up deleted are merged with them.
    Result<std::int64_t> inserted(Footprint const& print) {
        TableName const name{print.schema, print.table};
        if (print.of != Footprint::Of::rows || print.store.empty() || !find_table(left_.before, name)) return std::int64_t{0};
        auto const rows = taking_no_ones_place(print);
        return rows ? count(ledger_.table(print.store) + " as f where 1 = 1" + *rows) : Result<std::int64_t>(std::int64_t{0});
    }

    // Rows that the up inserted into tables of before, and which are still there; but for those that came back under the same key.
    Result<std::int64_t> kept(Footprint const& print, Table const& table) {
        auto const rows = taking_no_ones_place(print);
        if (!rows) return std::int64_t{0};
        return count(fmt::format("{} as t where exists (select 1 from {} as f where f.k = {}{})", backend_.dialect().own_rows(table),
                                 ledger_.table(print.store), identity(backend_.dialect(), table, "t"), *rows));
    }

private:
    // Condition on f, a row of the footprint: the up deleted none of its key. Nothing: that cannot be told.
    std::optional<std::string> taking_no_ones_place(Footprint const& print) {
        std::string condition;
        for (auto const& s : opposite_.snapshots) {
            auto const whole = s.kind == Snapshot::Kind::deleted || s.kind == Snapshot::Kind::table;
            if (!whole || table_name(s.table) != name_before(opposite_.renames, {print.schema, print.table})) continue;
            if (!s.keyed() || s.purged()) return {};
            std::vector<std::string> key;
            for (std::size_t i = 0; i < s.table.key.size(); ++i) key.push_back(fmt::format("s.k{}", i + 1));
            condition += fmt::format(" and not exists (select 1 from {} as s where {} = f.k)", ledger_.table(s.store),
                                     backend_.dialect().image(key));
        }
        return condition;
    }
    Result<std::int64_t> count(std::string const& from) {
        UNDROP_TRY(auto const rows, backend_.rows("select count(*) from " + from));
        return number_of(rows.at(0).at(0));
    }

    Backend& backend_;
    Ledger const& ledger_;
    LeftByScript const& left_;
    Opposite const& opposite_;
};

// Was it there before the up? Where the catalog has columns, that says so; else the table's recorded text.
bool was_before(Table const& table, std::string const& column, Catalog const& catalog, Opposite const& opposite) {
    auto const name = table_name(table);
    auto const of_it = [&](auto const& entry) {
        return entry.first.kind == "column" && entry.first.name == column && names_table(entry.first.parent, name);
    };
    auto const made_anew = [&](Snapshot const& o) {
        return o.kind == Snapshot::Kind::column && table_name(o.table) == name && o.column == column;
    };
    if (std::any_of(opposite.snapshots.begin(), opposite.snapshots.end(), made_anew)) return false;
    if (std::any_of(catalog.begin(), catalog.end(), of_it)) return std::none_of(opposite.wanted.begin(), opposite.wanted.end(), of_it);
    auto const is_column = [](auto const& entry) { return entry.first.kind == "column"; };
    auto const is_it = [&](auto const& entry) { return is_relation(entry.first, name); };
    if (std::any_of(catalog.begin(), catalog.end(), is_column) && std::any_of(catalog.begin(), catalog.end(), is_it))
        return false;  // a partition's, or inherited: the parent tells
    for (auto const& [id, object] : opposite.wanted)
        if (is_relation(id, name)) return object && names_word(object->make, column);
    return true;
}

bool was_renamed(Opposite const& opposite, TableName const& name) {
    return std::any_of(opposite.renames.begin(), opposite.renames.end(),
                       [&](Rename const& rename) { return rename.column_before.empty() && rename.after == name; });
}

// A table of another name may take the place of one that goes.
bool rename(std::vector<Statement> const& statements) {
    return std::any_of(statements.begin(), statements.end(),
                       [](Statement const& statement) { return lowered(statement.text).find("rename") != std::string::npos; });
}

// In words, the first of many.
std::string listed(std::vector<std::string> const& places) {
    constexpr std::size_t most = 6;
    auto text =
        fmt::format("{}", fmt::join(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(std::min(most, places.size())), ", "));
    return places.size() > most ? text + fmt::format(" and {} more", places.size() - most) : text;
}

Result<std::vector<std::string>> left_otherwise(Backend& backend, Ledger const& ledger, LeftByScript const& left,
                                                Opposite const& opposite) {
    std::vector<std::string> found;
    for (auto const& merged : left.report.merged) {
        auto const others =
            merged.computed + merged.changed_since + merged.inserted_since + merged.key_taken + merged.deleted_since + merged.not_found;
        if (others > 0) found.push_back(fmt::format("{} rows of {}", others, merged.what));
    }
    for (auto const& note : left.report.notes)
        if (note.starts_with(made_beside)) found.push_back(note.substr(note.find(": ") + 2));
    ScriptsRows rows(backend, ledger, left, opposite);
    for (auto const& s : left.saved) {
        if (s.kind == Snapshot::Kind::updated &&
            std::any_of(s.values.begin(), s.values.end(), [&](auto const& c) { return !has_updated(opposite, table_name(s.table), c); }))
            found.push_back(fmt::format("{} rows of {}", s.rows, s.what()));
        if (s.kind == Snapshot::Kind::deleted) {
            auto count = s.rows;
            if (knows_of(opposite, s.table)) {
                UNDROP_TRY(count, rows.deleted(s));
            }
            if (count > 0) found.push_back(fmt::format("{} rows of {}", count, s.what()));
        }
    }
    return found;
}

}  // namespace

Result<void> nothing_otherwise(Backend& backend, Ledger const& ledger, LeftByScript const& left, Opposite const& opposite) {
    UNDROP_TRY(auto const places, left_otherwise(backend, ledger, left, opposite));
    if (places.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    return Error{.code = Code::refused, .left = Left::rolled_back, .message = listed(places), .native = otherwise};
}

Result<std::vector<std::string>> inserted_beside(Backend& backend, Ledger const& ledger, LeftByScript const& left,
                                                 Opposite const& opposite) {
    std::vector<std::string> notes;
    if (records_nothing(opposite)) return notes;
    ScriptsRows rows(backend, ledger, left, opposite);
    for (auto const& print : left.footprints) {
        UNDROP_TRY(auto const count, rows.inserted(print));
        if (count > 0)
            notes.push_back(fmt::format("the down script inserts {} rows into {}, where they were not before the up; they stay", count,
                                        print.schema.empty() ? print.table : print.schema + "." + print.table));
    }
    return notes;
}

Result<std::vector<std::string>> inserted_by_the_up(Backend& backend, Ledger const& ledger, LeftByScript const& left,
                                                    std::vector<Table> const& after, Opposite const& opposite) {
    std::vector<std::string> notes;
    ScriptsRows rows(backend, ledger, left, opposite);
    for (auto const& print : opposite.footprints) {
        if (print.of != Footprint::Of::rows || print.store.empty()) continue;
        auto const* table = find_table(after, {print.schema, print.table});
        if (!table) table = find_table(after, name_before(opposite.renames, {print.schema, print.table}));
        if (!table || table->key.empty()) continue;
        UNDROP_TRY(auto const count, rows.kept(print, *table));
        if (count > 0)
            notes.push_back(
                fmt::format("the down script leaves {} rows of {} that the up inserted; `-- undrop: remove-inserted` at its top, "
                            "or down --derive, takes out those that nobody changed",
                            count, table->text()));
    }
    return notes;
}

Error drops_beside(Table const& table, std::string const& column, bool renamed) {
    auto const what = column.empty() ? table.text() : table.text() + "." + column;
    return Error{
        .code = Code::refused,
        .left = Left::rolled_back,
        .message =
            fmt::format("the down script {} {}, which was there before the up", renamed ? "gives a new column the name of" : "drops", what),
        .next = {.command = "down --derive",
                 .advice = fmt::format("goes back without the script, and keeps what was written since; `-- undrop: lose {}` at its "
                                       "top lets it go",
                                       what)}};
}

std::vector<std::pair<Table const*, std::string>> dropped_beside(LeftByScript const& left, std::vector<Table> const& after,
                                                                 Opposite const& opposite) {
    std::vector<std::pair<Table const*, std::string>> dropped;
    if (records_nothing(opposite)) return dropped;  // an adopted migration: its down script is all that is known
    for (auto const& table : left.before) {
        auto const name = table_name(table);
        auto const made = std::any_of(opposite.wanted.begin(), opposite.wanted.end(),
                                      [&](auto const& entry) { return !entry.second && is_relation(entry.first, name); });
        auto const* now = find_table_by_id(after, table.id);
        if (!now) now = find_table(after, name);
        if (!now && !made) dropped.emplace_back(&table, "");
        if (!now || made || !opposite.renames.empty()) continue;
        for (auto const& column : table.columns)
            if (!column.generated && !now->column(column.name) && !(now->id == table.id && now->column_by_id(column.id)) &&
                was_before(table, column.name, left.catalog, opposite))
                dropped.emplace_back(&table, column.name);
    }
    return dropped;
}

std::vector<std::pair<Table const*, std::string>> succeeded_beside(LeftByScript const& left, std::vector<Table> const& after,
                                                                   Opposite const& opposite) {
    std::vector<std::pair<Table const*, std::string>> found;
    if (records_nothing(opposite)) return found;
    for (auto const& table : left.before) {
        auto const* now = find_table_by_id(after, table.id);
        if (!now) continue;
        for (auto const& column : table.columns) {
            auto const* is = column.generated ? nullptr : now->column_by_id(column.id);
            auto const* other = is && is->name != column.name ? now->column(column.name) : nullptr;
            auto const is_known = [&](Rename const& r) { return r.after == table_name(table) && r.column_after == column.name; };
            if (other && !table.column_by_id(other->id) && std::none_of(opposite.renames.begin(), opposite.renames.end(), is_known) &&
                was_before(table, column.name, left.catalog, opposite))
                found.emplace_back(&table, column.name);
        }
    }
    return found;
}

std::vector<Rename> slipped_names(LeftByScript const& left, std::vector<Table> const& after, Opposite const& opposite) {
    std::vector<Rename> slips;
    if (records_nothing(opposite)) return slips;
    for (auto const& table : left.before) {
        auto const* now = find_table_by_id(after, table.id);
        auto const name = table_name(table);
        if (!now || std::any_of(opposite.wanted.begin(), opposite.wanted.end(), [&](auto const& entry) {
                return !entry.second && is_relation(entry.first, name) && !was_renamed(opposite, name);
            }))
            continue;
        auto const then = name_before(opposite.renames, name);
        auto const is_slip = table_name(*now) != name && table_name(*now) != then && !find_table(after, then);
        if (is_slip) slips.push_back({table_name(*now), then, "", ""});
        for (auto const& column : table.columns) {
            auto const* is = now->column_by_id(column.id);
            auto const renamed = std::find_if(opposite.renames.begin(), opposite.renames.end(), [&](Rename const& r) {
                return r.after == name && !r.column_before.empty() && r.column_after == column.name;
            });
            auto const known = renamed != opposite.renames.end();
            auto const& was = known ? renamed->column_before : column.name;
            if (is && is->name != column.name && is->name != was && !now->column(was) &&
                (known || was_before(table, column.name, left.catalog, opposite)))
                slips.push_back({is_slip ? then : table_name(*now), then, is->name, was});
        }
    }
    return slips;
}

std::vector<std::pair<Table const*, std::string>> will_drop_beside(Dialect const& dialect, std::vector<Statement> const& statements,
                                                                   std::vector<std::string> const& lose, std::vector<Table> const& tables,
                                                                   Catalog const& catalog, Opposite const& opposite) {
    using Kind = Foreseen::Touch::Kind;
    std::vector<std::pair<Table const*, std::string>> dropped;
    if (records_nothing(opposite) || !opposite.renames.empty() || rename(statements)) return dropped;
    auto const foreseen = dialect.foresee(statements);
    auto const is_made = [&](Table const& table) {
        auto const by_up = std::any_of(opposite.wanted.begin(), opposite.wanted.end(),
                                       [&](auto const& entry) { return !entry.second && is_relation(entry.first, table_name(table)); });
        return by_up || std::any_of(foreseen.touches.begin(), foreseen.touches.end(),
                                    [&](Foreseen::Touch const& touch) { return touch.kind == Kind::create && touch.table == table.name; });
    };
    for (auto const& touch : foreseen.touches) {
        if (touch.kind != Kind::drop_table && touch.kind != Kind::drop_column) continue;
        auto const foresight = resolve({.touches = {touch}}, tables);
        for (auto const& name : foresight.tables)
            if (auto const* table = find_table(tables, name); table && !is_made(*table) && !waives(lose, name, ""))
                dropped.emplace_back(table, "");
        for (auto const& [name, column] : foresight.columns)
            if (auto const* table = find_table(tables, name); table && !is_made(*table) && table->column(column) &&
                                                              !waives(lose, name, column) && was_before(*table, column, catalog, opposite))
                dropped.emplace_back(table, column);
    }
    return dropped;
}

}  // namespace undrop
