#include "fuzz/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>

namespace undrop::test {
namespace {

struct Expected {
    std::string table;
    FuzzRow row;        // cells that are missing are the database's: defaults, computed ones
    FuzzRow otherwise;  // of one that stands: as it was written, where a unique value of `row` is taken
    bool stands = false;
    bool own = false;  // the migration's own, which goes unless somebody refers to it
    int copies = 1;
};

using Tagged = std::map<std::string, std::vector<FuzzRow>>;

class Model {
public:
    Model(Looks const& looks) : looks_(looks) {
        for (auto const& table : looks.tables) of_table(table);
        keep_referred();
    }
    [[nodiscard]] std::vector<Expected> const& rows() const { return rows_; }
    // False: where a table has no numbers of rows, or others, or lost columns as well, nobody can say which row is which once keys were
    // changed, too; and nothing tells a renamed column of a table that was built anew.
    [[nodiscard]] bool certain() const {
        return std::all_of(looks_.tables.begin(), looks_.tables.end(), [&](FuzzTable const& table) {
            auto const* place = looks_.places.of(table.name);
            if (!place || (place->rebuilt && place->renamed)) return !succeeded_and_written(table.name);
            auto const* now = find(looks_.tables_after, place->table);
            auto const is_there = [&](std::string const& column) { return now && place->columns.contains(column); };
            auto const key = table.key();
            auto const keyed = !key.empty() && std::all_of(key.begin(), key.end(), [&](std::string const& column) {
                return is_there(column) && now->column(place->columns.at(column))->tells;
            });
            auto const whole = std::all_of(table.columns.begin(), table.columns.end(), [&](FuzzColumn const& column) {
                return !column.written || (is_there(column.name) && now->column(place->columns.at(column.name))->type == column.type);
            });
            auto const succeeded = [&](FuzzColumn const& column) {
                return !place->columns.contains(column.name) && now && now->column(column.name);
            };
            auto const renamed = [](auto const& column) { return column.first != column.second; };
            if (!written(place->table)) return true;
            if (std::any_of(table.columns.begin(), table.columns.end(), succeeded)) return false;
            if (!place->detached.empty()) return false;  // rows that the bounds of a partition do not take any more
            if (table.numbered && !place->rebuilt) return keyed || (whole && !table.partitioned);
            if (place->rebuilt && std::any_of(place->columns.begin(), place->columns.end(), renamed)) return false;
            return !place->rekeyed && keyed;
        });
    }

private:
    // One of another origin has the name of a table that went: it counts as the same built anew, and users' rows in it belong to both.
    [[nodiscard]] bool succeeded_and_written(std::string const& table) const { return looks_.after.rows.contains(table) && written(table); }

    [[nodiscard]] bool written(std::string const& table_after) const {
        auto const after = looks_.after.rows.find(table_after);
        auto const now = looks_.written.rows.find(table_after);
        return now == looks_.written.rows.end() || after == looks_.after.rows.end() || after->second != now->second;
    }

    static Tagged tagged(State const& state, std::string const& table, Tagged all = {}) {
        if (auto const found = state.rows.find(table); found != state.rows.end())
            for (auto const& row : found->second)
                if (auto const tag = row.find(tag_column); tag != row.end()) all[tag->second].push_back(row);
        return all;
    }

    void of_table(FuzzTable const& table) {
        auto const before = tagged(looks_.before, table.name);
        auto const* place = looks_.places.of(table.name);
        // Rebuilt under another name it is another table, as far as anyone can tell.
        if (place && place->rebuilt && place->renamed) place = nullptr;
        if (!place) {
            for (auto const& [tag, rows] : before)
                for (auto const& row : rows) rows_.push_back({.table = table.name, .row = writable(table, row), .otherwise = {}});
            return;
        }
        auto after = tagged(looks_.after, place->table);
        auto written = tagged(looks_.written, place->table);
        for (auto const& [partition, now] : place->detached) {
            after = tagged(looks_.after, now, after);
            written = tagged(looks_.written, now, written);
        }
        if (auto const key = table.key(); !key.empty()) {
            auto const same = same_keys(key, before, key_after(*place, key), after);
            tell_by_key(same, after);
            tell_by_key(same, written);
            // A key that users deleted and used again is the same row, edited.
            tell_by_key(same_keys(key_after(*place, key), after, key_after(*place, key), written), written);
        }
        std::set<std::string> tags;
        for (auto const& all : std::array{std::cref(before), std::cref(std::as_const(after)), std::cref(std::as_const(written))})
            for (auto const& [tag, rows] : all.get()) tags.insert(tag);
        for (auto const& tag : tags) of_row(table, *place, of(before, tag), of(after, tag), of(written, tag));
    }

    static std::vector<std::string> key_after(Places::Place const& place, std::vector<std::string> const& key) {
        std::vector<std::string> columns;
        for (auto const& column : key)
            if (place.columns.contains(column)) columns.push_back(place.columns.at(column));
        return columns;
    }

    static std::vector<std::string> values_of(FuzzRow const& row, std::vector<std::string> const& columns) {
        std::vector<std::string> values;
        for (auto const& column : columns) {
            auto value = row.at(column);
            if (value.ends_with(".0")) value.resize(value.size() - 2);  // 3.0 is the key 3
            values.push_back(std::move(value));
        }
        return values;
    }

    // A row that has the key of one that was there before is that one, whatever else it has.
    static std::map<std::string, std::string> same_keys(std::vector<std::string> const& key_before, Tagged const& before,
                                                        std::vector<std::string> const& key_now, Tagged const& now) {
        std::map<std::string, std::string> same;
        if (key_before.size() != key_now.size()) return same;
        std::map<std::vector<std::string>, std::string> tags;
        for (auto const& [tag, rows] : before)
            if (!now.contains(tag)) tags[values_of(rows[0], key_before)] = tag;
        for (auto const& [tag, rows] : now)
            if (auto const found = tags.find(values_of(rows[0], key_now)); !before.contains(tag) && found != tags.end())
                same[tag] = found->second;
        return same;
    }

    static void tell_by_key(std::map<std::string, std::string> const& same, Tagged& rows) {
        for (auto const& [tag, old] : same)
            if (auto node = rows.extract(tag)) {
                node.key() = old;
                rows.insert(std::move(node));
            }
    }

    static std::vector<FuzzRow> of(Tagged const& all, std::string const& tag) {
        auto const found = all.find(tag);
        return found == all.end() ? std::vector<FuzzRow>{} : found->second;
    }

    void of_row(FuzzTable const& table, Places::Place const& place, std::vector<FuzzRow> const& before, std::vector<FuzzRow> const& after,
                std::vector<FuzzRow> const& written) {
        if (written.empty() && !(!before.empty() && after.empty())) return;  // deleted since, or the migration's and gone again
        Expected expected{.table = table.name, .row = {}, .otherwise = {}};
        if (written.empty()) {  // taken by the migration
            expected.row = writable(table, before[0]);
            expected.copies = static_cast<int>(before.size());
            rows_.push_back(std::move(expected));
            return;
        }
        expected.stands = true;
        expected.copies = static_cast<int>(written.size());
        expected.own = before.empty() && !after.empty() && written[0] == after[0];
        for (auto const& column : table.columns) {
            if (!column.written) continue;
            auto const now = place.columns.find(column.name);
            bool const there = now != place.columns.end();
            if (there) expected.otherwise[column.name] = written[0].at(now->second);
            bool const touched = there && (after.empty() || written[0].at(now->second) != after[0].at(now->second));
            if (touched || before.empty()) {
                if (there) expected.row[column.name] = written[0].at(now->second);
            } else {
                expected.row[column.name] = before[0].at(column.name);
            }
        }
        rows_.push_back(std::move(expected));
    }

    static FuzzRow writable(FuzzTable const& table, FuzzRow const& row) {
        FuzzRow out;
        for (auto const& column : table.columns)
            if (column.written) out[column.name] = row.at(column.name);
        return out;
    }

    [[nodiscard]] bool referred(Expected const& parent) const {
        for (auto const& child : rows_) {
            if (child.own) continue;
            for (auto const& column : find(looks_.tables, child.table)->columns) {
                if (column.parent != parent.table) continue;
                auto const from = child.row.find(column.name);
                auto const to = parent.row.find(column.parent_column);
                if (from != child.row.end() && to != parent.row.end() && from->second == to->second && from->second != "NULL") return true;
            }
        }
        return false;
    }

    void keep_referred() {
        for (bool more = true; more;) {
            more = false;
            for (auto& row : rows_)
                if (row.own && referred(row)) more = true, row.own = false;
        }
        std::erase_if(rows_, [](Expected const& row) { return row.own; });
    }

    Looks const& looks_;
    std::vector<Expected> rows_;
};

class Builder {
public:
    Builder(Session& scratch, Engine engine, FuzzSchema const& schema, Looks const& looks)
        : scratch_(scratch), engine_(engine), schema_(schema), looks_(looks) {}

    Prediction build() {
        if (engine_ == Engine::sqlite) scratch_.run("pragma foreign_keys = off");
        for (auto const& statement : schema_.base) {
            try {
                scratch_.run(statement);
            } catch (Refused const&) {  // in a smaller history
            }
        }
        Model const model(looks_);
        prediction_.certain = model.certain();
        for (bool const standing : {true, false})
            for (auto const& row : model.rows())
                for (int copy = 0; copy < row.copies && row.stands == standing; ++copy) insert(row);
        try {
            for (auto const& statement : schema_.links) scratch_.run(statement);
        } catch (Refused const& refused) {
            impossible(refused.what());
        }
        if (engine_ == Engine::sqlite && !scratch_.rows("select 1 from pragma_foreign_key_check").empty())
            impossible("a foreign key does not hold");
        for (auto const& table : looks_.tables) check_bounds(table);
        prediction_.expected.rows = state_of(scratch_, engine_).rows;
        return std::move(prediction_);
    }

private:
    // A partition that was detached is one again with the rows that it has by then: those that belong into another one refuse that, and so
    // do its own in the default one. Where the script itself had put them there, they may have come back before.
    void check_bounds(FuzzTable const& table) {
        auto const* place = looks_.places.of(table.name);
        if (!place) return;
        for (auto const& [partition, now] : place->detached) {
            for (auto const& tag : tags_in(now))
                if (is_there(table, tag, "<> ", partition)) misplaced(now, tag, partition);
            for (auto const& tag : tags_in(place->table))
                if (is_there(table, tag, "= ", partition)) misplaced(place->table, tag, partition);
        }
    }

    std::set<std::string> tags_in(std::string const& table) const {
        std::set<std::string> tags;
        if (auto const found = looks_.written.rows.find(table); found != looks_.written.rows.end())
            for (auto const& row : found->second)
                if (auto const tag = row.find(tag_column); tag != row.end()) tags.insert(tag->second);
        return tags;
    }

    bool is_there(FuzzTable const& table, std::string const& tag, std::string const& is, std::string const& partition) const {
        return !scratch_
                    .rows(fmt::format("select 1 from {} where {} = {} and tableoid {} to_regclass({})", table.name, tag_column, tag, is,
                                      quoted_text(partition)))
                    .empty();
    }

    void misplaced(std::string const& table, std::string const& tag, std::string const& partition) {
        auto const row_of = [&](State const& state) {
            auto const rows = state.rows.find(table);
            if (rows == state.rows.end()) return FuzzRow{};
            auto const found = std::find_if(rows->second.begin(), rows->second.end(), [&](FuzzRow const& row) {
                auto const cell = row.find(tag_column);
                return cell != row.end() && cell->second == tag;
            });
            return found == rows->second.end() ? FuzzRow{} : *found;
        };
        if (row_of(looks_.after) == row_of(looks_.written)) prediction_.certain = false;
        impossible(fmt::format("the row {} of {} is on the wrong side of the bounds of {}", tag, table, partition));
    }

    void impossible(std::string const& why) {
        prediction_.possible = false;
        prediction_.why = why;
    }

    static bool is_unique(std::string const& error) {
        return error.find("duplicate key") != std::string::npos || error.find("UNIQUE constraint") != std::string::npos;
    }

    std::string insertion(std::string const& table, FuzzRow const& row) const {
        std::vector<std::string> names;
        std::vector<std::string> values;
        for (auto const& [name, value] : row) {
            names.push_back(name);
            values.push_back(value);
        }
        return fmt::format("insert into {} ({}){} values ({})", table, fmt::join(names, ", "),
                           engine_ == Engine::postgres ? " overriding system value" : "", fmt::join(values, ", "));
    }

    void insert(Expected const& expected) {
        try {
            scratch_.run(insertion(expected.table, expected.row));
        } catch (Refused const& refused) {
            // A label that was renamed gets its name back, and one that is new has none; both are tested by themselves.
            if (std::string(refused.what()).find("invalid input value for enum") != std::string::npos) prediction_.certain = false;
            if (!is_unique(refused.what())) return impossible(refused.what());
            prediction_.taken = true;
            if (!expected.stands) return;  // kept aside
            prediction_.certain = false;
            try {
                scratch_.run(insertion(expected.table, expected.otherwise));
            } catch (Refused const& again) {
                if (!is_unique(again.what())) impossible(again.what());
            }
        }
    }

    Session& scratch_;
    Engine engine_;
    FuzzSchema const& schema_;
    Looks const& looks_;
    Prediction prediction_;
};

}  // namespace

Prediction predict(Session& scratch, Engine engine, FuzzSchema const& schema, Looks const& looks) {
    return Builder(scratch, engine, schema, looks).build();
}

}  // namespace undrop::test
