#include "unique_rules.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <cctype>

namespace undrop {
namespace {

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// May the expression name the column? A name that SQL would write otherwise may stand anywhere.
bool may_name(std::string const& expression, std::string const& column) {
    return column.find_first_of("\"`]") != std::string::npos || lower(expression).find(lower(column)) != std::string::npos;
}

// One rule, as conditions on a row of the table (x: e1.. for the rule's parts, c1.. for the key, l for its place) and the snapshot's (s).
class Comparison {
public:
    Comparison(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows, UniqueRule const& rule)
        : dialect_(dialect), s_(s), now_(now), rows_(rows), rule_(rule), row_(saved_row()) {}

    // FROM item for x.
    [[nodiscard]] std::string others() const {
        std::vector<std::string> selected;
        for (std::size_t i = 0; i < rule_.parts.size(); ++i)
            selected.push_back(fmt::format("({}) as e{}", rule_.parts[i].expression, i + 1));
        for (std::size_t i = 0; i < s_.table.key.size(); ++i)
            selected.push_back(fmt::format("{}.{} as c{}", table(), dialect_.quote(s_.table.key[i]), i + 1));
        if (s_.table.key.empty()) selected.push_back(dialect_.row_id(now_, table()) + " as l");
        // The second part keeps SQLite from looking up each row anew, where the rule's index has stepped aside: so it makes one of its own.
        std::vector<std::string> const nothing(selected.size(), "null");
        return fmt::format("(select {} from {}{} union all select {} where 1 = 0) as x", fmt::join(selected, ", "), dialect_.own_rows(now_),
                           rule_.condition.empty() ? "" : fmt::format(" where ({})", rule_.condition), fmt::join(nothing, ", "));
    }

    // Condition: the snapshot's row and x exclude each other.
    [[nodiscard]] std::string excluded() const {
        std::vector<std::string> terms;
        for (std::size_t i = 0; i < rule_.parts.size(); ++i) {
            auto const& part = rule_.parts[i];
            auto const saved = of_saved(part.expression);
            auto term = fmt::format("x.e{} {} {}{}", i + 1, part.equals, saved, part.collation.empty() ? "" : " collate " + part.collation);
            if (rule_.nulls_equal) term = fmt::format("({} or (x.e{} is null and {} is null))", term, i + 1, saved);
            terms.push_back(std::move(term));
        }
        if (!rule_.condition.empty()) terms.push_back(of_saved(rule_.condition));
        return fmt::format("{}", fmt::join(terms, " and "));
    }

    // Condition: x is one of the snapshot's rows itself.
    [[nodiscard]] std::string is_saved() const {
        if (!rows_.matched.empty()) return fmt::format("exists (select 1 from {} as z where z.l = x.l)", rows_.matched);
        if (s_.table.key.empty()) return "1 = 0";
        std::vector<std::string> terms;
        for (std::size_t i = 0; i < s_.table.key.size(); ++i) terms.push_back(equal_key(i, "z"));
        return fmt::format("exists (select 1 from {} as z where {})", rows_.rows, fmt::join(terms, " and "));
    }

    // Condition: x is not there to stay: a row that the snapshot changes may give the value up, and one that has the key of a whole row is
    // in that one's way alone, unless what was saved is put over it.
    [[nodiscard]] std::string gives_way(bool put_over) const {
        if (s_.kind == Snapshot::Kind::updated || put_over) return is_saved();
        if (s_.table.key.empty()) return "1 = 0";
        std::vector<std::string> terms;
        for (std::size_t i = 0; i < s_.table.key.size(); ++i) terms.push_back(equal_key(i, "s"));
        return fmt::format("({})", fmt::join(terms, " and "));
    }

    // Condition: x is the present row of the snapshot's.
    [[nodiscard]] std::string is_itself() const {
        if (s_.table.key.empty()) return "x.l = " + dialect_.row_id(now_, "t");
        std::vector<std::string> terms;
        for (std::size_t i = 0; i < s_.table.key.size(); ++i)
            terms.push_back(fmt::format("x.c{} = t.{}", i + 1, dialect_.quote(s_.table.key[i])));
        return fmt::format("{}", fmt::join(terms, " and "));
    }

    [[nodiscard]] std::string joined() const {
        return s_.kind == Snapshot::Kind::updated ? fmt::format(" join {} as t on {}", dialect_.own_rows(now_), rows_.join) : std::string{};
    }

private:
    [[nodiscard]] std::string equal_key(std::size_t i, char const* saved) const {
        auto const& column = *now_.column(s_.table.key[i]);
        return dialect_.equal(column, fmt::format("x.c{}", i + 1),
                              saved_key(dialect_, s_, column, fmt::format("{}.{}{}", saved, rows_.key, i + 1)));
    }
    [[nodiscard]] std::string table() const { return dialect_.quote(now_.name); }
    [[nodiscard]] std::string of_saved(std::string const& expression) const {
        return fmt::format("(select ({}) from {})", expression, row_);
    }
    [[nodiscard]] bool is_needed(Column const& column) const;
    [[nodiscard]] std::string value(Column const& column) const;
    [[nodiscard]] std::string saved_row() const;

    Dialect const& dialect_;
    Snapshot const& s_;
    Table const& now_;
    SavedRows const& rows_;
    UniqueRule const& rule_;
    std::string row_;
};

bool Comparison::is_needed(Column const& column) const {
    auto const names = [&](std::string const& expression) { return may_name(expression, column.name); };
    return names(rule_.condition) ||
           std::any_of(rule_.parts.begin(), rule_.parts.end(), [&](UniqueRule::Part const& p) { return names(p.expression); }) ||
           std::any_of(now_.columns.begin(), now_.columns.end(), [&](Column const& c) { return names(c.computed); });
}

// What the row will have in a column: what was saved, else what it has, else what an INSERT without it gives, as far as that is no call.
std::string Comparison::value(Column const& column) const {
    auto const at = std::find(s_.values.begin(), s_.values.end(), column.name);
    if (at != s_.values.end()) return dialect_.load(column, fmt::format("s.v{}", at - s_.values.begin() + 1));
    if (s_.kind == Snapshot::Kind::updated) return "t." + dialect_.quote(column.name);
    auto const given = !column.default_sql.empty() && column.default_sql.find('(') == std::string::npos;
    return dialect_.load(column, given ? "(" + column.default_sql + ")" : "null");
}

// FROM item: the snapshot's row with the columns that the rule may name. A generated column may be made of another one.
std::string Comparison::saved_row() const {
    std::vector<std::string> values;
    std::vector<Column const*> generated;
    for (auto const& column : now_.columns) {
        if (!is_needed(column)) continue;
        if (column.generated)
            generated.push_back(&column);
        else
            values.push_back(dialect_.as_column(column, value(column)) + " as " + dialect_.quote(column.name));
    }
    auto row = fmt::format("(select {}) as {}", values.empty() ? "1 as n" : fmt::format("{}", fmt::join(values, ", ")), table());
    while (!generated.empty()) {
        auto next = std::find_if(generated.begin(), generated.end(), [&](Column const* column) {
            return std::none_of(generated.begin(), generated.end(),
                                [&](Column const* other) { return other != column && may_name(column->computed, other->name); });
        });
        if (next == generated.end()) next = generated.begin();
        row = fmt::format("(select *, {} as {} from {}) as {}", dialect_.as_column(**next, "(" + (*next)->computed + ")"),
                          dialect_.quote((*next)->name), row, table());
        generated.erase(next);
    }
    return row;
}

}  // namespace

std::vector<std::string> takers_by_rules(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows,
                                         bool put_over) {
    std::vector<std::string> selects;
    for (auto const& rule : now.rules) {
        Comparison const by(dialect, s, now, rows, rule);
        selects.push_back(fmt::format("select s.{} from {}{} join {} on {} where not {}", fmt::join(rows.identity, ", s."), rows.from,
                                      by.joined(), by.others(), by.excluded(), by.gives_way(put_over)));
    }
    return selects;
}

std::string collision_by_rule(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows, UniqueRule const& rule) {
    Comparison const by(dialect, s, now, rows, rule);
    return fmt::format("select 1 from {}{} join {} on {} where not ({}) limit 1", rows.from, by.joined(), by.others(), by.excluded(),
                       by.is_itself());
}

}  // namespace undrop
