#include "taken_cells.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <iterator>
#include <utility>

#include "balanced.hpp"
#include "unique_rules.hpp"

namespace undrop {
namespace {

std::string anded(std::vector<std::string> const& terms) { return balanced(terms, " and "); }

// The query's parts. w: every row of the snapshot that is there: p1.. is its place, c1.. and d1.. what its unique columns have and will
// have, m1.. whether a cell of the group moves. e: which row's staying keeps which other one away. q: who stays.
class TakenCells {
public:
    TakenCells(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows, UniqueGroups const& groups,
               std::vector<MovingCell> const& cells)
        : dialect_(dialect), s_(s), now_(now), rows_(rows), groups_(groups), cells_(cells) {
        for (auto const& set : groups.sets)
            for (auto const& name : set) columns_.emplace(name, columns_.size() + 1);
    }

    [[nodiscard]] std::string query(std::string const& joined) const {
        std::vector<std::string> edges;
        std::vector<std::string> begins;
        for (std::size_t i = 0; i < groups_.sets.size(); ++i) {
            edges.push_back(kept_away(i));
            begins.push_back(by_rows_that_stay(i));
            begins.push_back(by_equal_ones(i));
        }
        auto const rules = takers_by_rules(dialect_, s_, now_, rows_, false);
        for (std::size_t i = 0; i < rules.size(); ++i)
            if (groups_.of_rule[i] > 0)
                begins.push_back(
                    fmt::format("select r.{}, {} as g from ({}) as r", fmt::join(rows_.identity, ", r."), groups_.of_rule[i], rules[i]));
        if (edges.empty()) edges.push_back(no_edge());
        return fmt::format(
            "with recursive w as ({}), e as ({}), q as (select * from ({}) as b union select e.{}, e.g from q join e on {} "
            "and e.g = q.g) select {}, g from q",
            moving(joined), fmt::join(edges, " union all "), fmt::join(begins, " union all "), fmt::join(rows_.identity, ", e."), of_edge(),
            fmt::join(rows_.identity, ", "));
    }

private:
    [[nodiscard]] std::vector<std::string> places(std::string const& alias) const {
        if (!s_.keyed()) return {dialect_.row_id(now_, alias)};
        std::vector<std::string> places;
        for (auto const& name : s_.table.key) places.push_back(alias + "." + dialect_.quote(name));
        return places;
    }
    [[nodiscard]] std::string is_at(std::string const& w, std::string const& alias) const {
        std::vector<std::string> terms;
        for (auto const& place : places(alias)) terms.push_back(fmt::format("{}.p{} = {}", w, terms.size() + 1, place));
        return anded(terms);
    }
    [[nodiscard]] std::string of_edge() const {
        std::vector<std::string> terms;
        for (auto const& name : rows_.identity) terms.push_back(fmt::format("e.f{0} = q.{0}", name));
        return anded(terms);
    }
    // Condition: what `value` gives for each column of the set is what w will have.
    template <class Value>
    [[nodiscard]] std::string equal(std::size_t set, Value const& value) const {
        std::vector<std::string> terms;
        for (auto const& name : groups_.sets[set])
            terms.push_back(dialect_.equal(*now_.column(name), value(name), fmt::format("w.d{}", columns_.at(name))));
        return anded(terms);
    }

    [[nodiscard]] std::string moving(std::string const& joined) const {
        std::vector<std::string> selected;
        for (auto const& name : rows_.identity) selected.push_back("s." + name);
        std::size_t n = 0;
        for (auto const& place : places("t")) selected.push_back(fmt::format("{} as p{}", place, ++n));
        std::map<std::size_t, std::vector<std::string>> any;
        for (auto const& [name, number] : columns_) {
            auto const& column = *now_.column(name);
            auto const present = "t." + dialect_.quote(name);
            auto const cell = std::find_if(cells_.begin(), cells_.end(), [&name = name](MovingCell const& c) { return c.column == name; });
            if (cell != cells_.end()) any[groups_.of_column.at(name)].push_back(cell->moves);
            selected.push_back(fmt::format("{} as c{}", present, number));
            selected.push_back(fmt::format("{} as d{}", dialect_.save(column, cell == cells_.end() ? present : cell->to_be), number));
        }
        for (auto const& [group, conditions] : any)
            selected.push_back(fmt::format("case when {} then 1 else 0 end as m{}", balanced(conditions, " or "), group));
        return fmt::format("select {} from {}", fmt::join(selected, ", "), joined);
    }

    [[nodiscard]] std::string no_edge() const {
        std::vector<std::string> ids;
        for (auto const& name : rows_.identity) ids.push_back(fmt::format("w.{0} as {0}, w.{0} as f{0}", name));
        return fmt::format("select {}, 0 as g from w where 1 = 0", fmt::join(ids, ", "));
    }

    [[nodiscard]] std::string kept_away(std::size_t set) const {
        std::vector<std::string> ids;
        for (auto const& name : rows_.identity) ids.push_back(fmt::format("w.{0} as {0}, z.{0} as f{0}", name));
        auto const group = groups_.of_set[set];
        return fmt::format(
            "select {0}, {1} as g from w join w as z on {2} where w.m{1} = 1 and z.m{1} = 1 and not ({3})", fmt::join(ids, ", "), group,
            equal(set, [&](std::string const& name) { return fmt::format("z.c{}", columns_.at(name)); }), same_identity(rows_, "w", "z"));
    }

    [[nodiscard]] std::string by_rows_that_stay(std::size_t set) const {
        auto const group = groups_.of_set[set];
        return fmt::format(
            "select w.{0}, {1} as g from w join {2} as x on {3} left join w as z on {4} where w.m{1} = 1 and coalesce(z.m{1}, "
            "0) = 0",
            fmt::join(rows_.identity, ", w."), group, dialect_.own_rows(now_),
            equal(set, [&](std::string const& name) { return "x." + dialect_.quote(name); }), is_at("z", "x"));
    }

    // As users may have it, where the step had left NULL in one column and they changed another.
    [[nodiscard]] std::string by_equal_ones(std::size_t set) const {
        auto const to_be = [&](std::string const& name) {
            return dialect_.load(*now_.column(name), fmt::format("z.d{}", columns_.at(name)));
        };
        return fmt::format("select w.{0}, {1} as g from w join w as z on {2} where w.m{1} = 1 and z.m{1} = 1 and not ({3})",
                           fmt::join(rows_.identity, ", w."), groups_.of_set[set], equal(set, to_be), same_identity(rows_, "w", "z"));
    }

    Dialect const& dialect_;
    Snapshot const& s_;
    Table const& now_;
    SavedRows const& rows_;
    UniqueGroups const& groups_;
    std::vector<MovingCell> const& cells_;
    std::map<std::string, std::size_t> columns_;
};

}  // namespace

namespace {

// By its name or that of a column that is computed from it; a name within another one does no harm.
bool reads(UniqueRule const& rule, Table const& now, std::string const& column) {
    auto const mentions = [&](std::string const& name) {
        return rule.condition.find(name) != std::string::npos || std::any_of(rule.parts.begin(), rule.parts.end(), [&](auto const& part) {
                   return part.expression.find(name) != std::string::npos;
               });
    };
    return mentions(column) || std::any_of(now.columns.begin(), now.columns.end(), [&](Column const& c) {
               return c.generated && mentions(c.name) && c.computed.find(column) != std::string::npos;
           });
}

// Makes one group of these columns and of whatever groups they are in already.
std::size_t join(UniqueGroups& groups, std::vector<std::string> const& columns) {
    std::size_t group = 0;
    for (auto const& name : columns) {
        auto const [at, first] = groups.of_column.emplace(name, group);
        if (group == 0) {
            group = first ? ++groups.count : at->second;
            at->second = group;
        } else if (auto const other = at->second; other != group) {
            for (auto& [column, of] : groups.of_column) of = of == other ? group : of;
        }
    }
    return group;
}

}  // namespace

UniqueGroups unique_groups(Snapshot const& s, Table const& now, std::vector<MovingCell> const& cells) {
    std::vector<std::string> names;
    for (auto const& cell : cells) names.push_back(cell.column);
    UniqueGroups groups{.sets = unique_and_changed(s, now, names), .of_set = {}, .of_rule = {}, .of_column = {}};
    std::vector<std::vector<std::string>> together;  // sets, then rules
    for (auto set : groups.sets) {
        std::erase_if(set, [&](std::string const& name) { return std::find(names.begin(), names.end(), name) == names.end(); });
        together.push_back(std::move(set));
    }
    for (auto const& rule : now.rules) {
        auto& columns = together.emplace_back();
        std::copy_if(names.begin(), names.end(), std::back_inserter(columns),
                     [&](std::string const& name) { return reads(rule, now, name); });
    }
    for (auto const& columns : together) static_cast<void>(join(groups, columns));
    for (std::size_t i = 0; i < together.size(); ++i) {
        auto const group = together[i].empty() ? 0 : groups.of_column.at(together[i].front());
        (i < groups.sets.size() ? groups.of_set : groups.of_rule).push_back(group);
    }
    return groups;
}

std::string taken_cells_query(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows,
                              UniqueGroups const& groups, std::string const& joined, std::vector<MovingCell> const& cells) {
    return TakenCells(dialect, s, now, rows, groups, cells).query(joined);
}

Result<std::string> taken_cells(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, SavedRows const& rows,
                                UniqueGroups const& groups, std::string const& joined, std::vector<MovingCell> const& cells,
                                std::int64_t id) {
    if (groups.count == 0) return std::string{};
    auto const query = taken_cells_query(backend.dialect(), s, now, rows, groups, joined, cells);
    std::vector<std::string> names;
    std::vector<std::string> flags;
    for (std::size_t g = 1; g <= groups.count; ++g) {
        names.push_back(fmt::format("g{} integer not null", g));
        flags.push_back(fmt::format("max(case when g = {0} then 1 else 0 end) as g{0}", g));
    }
    return identities_table(
        backend, ledger, s, now, rows, names,
        fmt::format("select {0}, {1} from ({2}) as c group by {0}", fmt::join(rows.identity, ", "), fmt::join(flags, ", "), query), id);
}

}  // namespace undrop
