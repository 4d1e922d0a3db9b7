#include "synthetic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>

#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr int tries_of_a_row = 14;
constexpr int refused_in_a_row = 25;  // then the table has as many rows as it takes
constexpr std::size_t repeat_every = 8;
constexpr std::size_t parents_at_hand = 500;
constexpr std::chrono::milliseconds tell_every{200};

struct Made {
    Table table;
    std::vector<MadeColumn> columns;
    std::vector<ForeignKey> keys;
    std::int64_t rows = 0;
    std::map<std::string, std::string> last;  // row
};

// What a row is made of, from the boldest to the tamest.
enum class Mood { edges, some_edges, one_edge, any, plain };

Mood mood_of(int attempt, bool on_the_edge) {
    if (attempt == 0) return on_the_edge ? Mood::edges : Mood::any;
    if (attempt <= 2) return on_the_edge ? Mood::some_edges : Mood::any;
    if (attempt <= 7) return on_the_edge ? Mood::one_edge : Mood::plain;
    return Mood::plain;
}

class Maker {
public:
    Maker(Backend& backend, ValueSource& values, SandboxWish const& wish)
        : backend_(backend), values_(values), wish_(wish), random_(wish.data.seed) {}

    [[nodiscard]] Result<void> run(Sandbox& sandbox);
    [[nodiscard]] Result<bool> one_row(Table table);

private:
    using Parents = std::vector<std::vector<std::string>>;
    [[nodiscard]] Result<void> read();
    [[nodiscard]] Result<void> read(Table table);
    void put_parents_first();
    [[nodiscard]] Result<void> fill(Made& made, std::int64_t until);
    [[nodiscard]] Result<bool> add_row(Made& made);
    [[nodiscard]] std::string value(MadeColumn const& column, std::size_t at, Mood mood, bool focus, std::int64_t n);
    [[nodiscard]] bool refer(Made const& made, std::map<std::string, std::string>& row, Mood mood);
    [[nodiscard]] Result<Parents> parents(ForeignKey const& key);
    [[nodiscard]] std::string relation(Table const& table) const { return backend_.dialect().relation(table.schema, table.name); }
    void tell(Made const& made);

    Backend& backend_;
    ValueSource& values_;
    SandboxWish const& wish_;
    Random random_;
    std::vector<Made> tables_;
    std::vector<Parents> parents_;  // of the table at hand, by its foreign keys
    std::int64_t number_ = 0;       // of tries, so that no value has to come twice
    std::int64_t done_ = 0;
    std::chrono::steady_clock::time_point told_;
};

Result<void> Maker::read() {
    UNDROP_TRY(auto tables, backend_.tables(wish_.ledger));
    for (auto& table : tables) {
        if (!table.root.empty()) continue;  // a partition is filled through its table
        UNDROP_CHECK(read(std::move(table)));
    }
    put_parents_first();
    return success();
}

Result<void> Maker::read(Table table) {
    Made made{.table = std::move(table), .columns = {}, .keys = {}};
    UNDROP_TRY(made.columns, values_.columns(made.table));
    UNDROP_TRY(made.keys, values_.foreign_keys(made.table));
    for (auto& column : made.columns) {
        std::vector<std::string> const alone{column.name};
        auto const& others = made.table.unique;
        column.unique = made.table.key == alone || std::find(others.begin(), others.end(), alone) != others.end();
    }
    tables_.push_back(std::move(made));
    return success();
}

Result<bool> Maker::one_row(Table table) {
    UNDROP_CHECK(read(std::move(table)));
    UNDROP_CHECK(fill(tables_.front(), 1));
    return tables_.front().rows > 0;
}

// As far as that can be; in a circle by name.
void Maker::put_parents_first() {
    std::vector<Made> ordered;
    std::set<std::pair<std::string, std::string>> waiting;
    for (auto const& made : tables_) waiting.emplace(made.table.schema, made.table.name);
    while (!tables_.empty()) {
        auto const ready = std::find_if(tables_.begin(), tables_.end(), [&](Made const& made) {
            return std::all_of(made.keys.begin(), made.keys.end(), [&](ForeignKey const& key) {
                auto const parent = std::pair(key.parents_schema, key.parent);
                return parent == std::pair(made.table.schema, made.table.name) || !waiting.contains(parent);
            });
        });
        auto const next = ready == tables_.end() ? tables_.begin() : ready;
        waiting.erase({next->table.schema, next->table.name});
        ordered.push_back(std::move(*next));
        tables_.erase(next);
    }
    tables_ = std::move(ordered);
}

Result<void> Maker::run(Sandbox& sandbox) {
    Options options;
    options.ledger = wish_.ledger;
    UNDROP_CHECK(backend_.begin(options, {}));
    auto done = [&]() -> Result<void> {
        UNDROP_CHECK(read());
        for (auto const& made : tables_) UNDROP_CHECK(backend_.quiet(made.table));
        UNDROP_CHECK(backend_.check_constraints());
        // In two goes: tables that refer to each other in a circle find rows in the second.
        auto const all = wish_.rows_of_a_table();
        for (auto& made : tables_) UNDROP_CHECK(fill(made, (all + 1) / 2));
        for (auto& made : tables_) UNDROP_CHECK(fill(made, all));
        for (auto const& made : tables_) UNDROP_CHECK(backend_.loud(made.table));
        return backend_.commit();
    }();
    if (!done) {
        backend_.rollback();
        return std::move(done).error();
    }
    std::vector<std::string> fewer;
    for (auto const& made : tables_) {
        if (made.rows == 0) sandbox.not_filled.push_back(made.table.text());
        if (made.rows > 0 && made.rows < wish_.rows_of_a_table()) fewer.push_back(fmt::format("{} ({})", made.table.text(), made.rows));
    }
    if (!fewer.empty())
        sandbox.notes.push_back(
            fmt::format("fewer than {} rows, since no others could be made: {}", wish_.rows_of_a_table(), fmt::join(fewer, ", ")));
    return success();
}

Result<void> Maker::fill(Made& made, std::int64_t until) {
    parents_.clear();
    for (auto const& key : made.keys) {
        UNDROP_TRY(auto found, parents(key));
        parents_.push_back(std::move(found));
    }
    for (int refused = 0; made.rows < until && refused < refused_in_a_row;) {
        if (wish_.is_cancelled()) return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
        UNDROP_TRY(bool const added, add_row(made));
        refused = added ? 0 : refused + 1;
        tell(made);
    }
    return success();
}

// Keys that rows may refer to, always the same.
Result<Maker::Parents> Maker::parents(ForeignKey const& key) {
    std::vector<std::string> values;
    std::vector<std::string> places;
    for (auto const& column : key.parents_columns) {
        values.push_back(values_.as_sql(backend_.dialect().quote(column)));
        places.push_back(std::to_string(values.size()));
    }
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select {} from {} order by {} limit {}", fmt::join(values, ", "),
                                                          backend_.dialect().relation(key.parents_schema, key.parent),
                                                          fmt::join(places, ", "), parents_at_hand)));
    Parents found;
    for (auto const& row : rows) {
        std::vector<std::string> one;
        for (auto const& cell : row)
            if (cell) one.push_back(*cell);
        if (one.size() == row.size()) found.push_back(std::move(one));
    }
    return found;
}

std::string Maker::value(MadeColumn const& column, std::size_t at, Mood mood, bool focus, std::int64_t n) {
    auto const edge = [&]() -> std::string {
        auto const count = column.edges.size() + (column.takes_null ? 1 : 0);
        if (count == 0 || (column.unique && at >= count)) return column.any(random_, n);  // each edge once
        auto const which = at % count;
        return which < column.edges.size() ? column.edges[which] : "NULL";
    };
    auto const hint = [&](std::size_t one_in) { return !column.hints.empty() && !random_.one_in(one_in); };
    switch (mood) {
        case Mood::edges:
            return edge();
        case Mood::some_edges:
            if (random_.one_in(2)) return edge();
            break;
        case Mood::one_edge:
            if (focus) return edge();
            return hint(4) ? random_.pick(column.hints) : column.plain(n);
        case Mood::any:
            if (random_.one_in(6) && column.takes_null) return "NULL";
            if (!column.unique && random_.one_in(5) && !column.edges.empty()) return random_.pick(column.edges);
            break;
        case Mood::plain:
            return hint(4) ? random_.pick(column.hints) : column.plain(n);
    }
    return hint(2) ? random_.pick(column.hints) : column.any(random_, n);
}

// Puts keys of rows that are there in the place of what refers to them. False: there are none that would do.
bool Maker::refer(Made const& made, std::map<std::string, std::string>& row, Mood mood) {
    std::set<std::string> given;  // by another foreign key
    for (std::size_t k = 0; k < made.keys.size(); ++k) {
        auto const& key = made.keys[k];
        auto const column_of = [&](std::string const& name) {
            return std::find_if(made.columns.begin(), made.columns.end(), [&](MadeColumn const& c) { return c.name == name; });
        };
        std::vector<std::string> may_be_null;
        for (auto const& name : key.columns)
            if (auto const column = column_of(name); column != made.columns.end() && column->takes_null && !given.contains(name))
                may_be_null.push_back(name);
        auto fitting = parents_[k];
        std::erase_if(fitting, [&](std::vector<std::string> const& parent) {
            for (std::size_t i = 0; i < key.columns.size(); ++i)
                if (given.contains(key.columns[i]) && row[key.columns[i]] != parent[i]) return true;
            return false;
        });
        bool const itself = key.parents_schema == made.table.schema && key.parent == made.table.name;
        bool const none = fitting.empty() || (mood != Mood::plain && random_.one_in(5));
        if (none && !may_be_null.empty()) {
            for (auto const& name : may_be_null) row[name] = "NULL";
        } else if (!fitting.empty()) {
            auto const& parent = random_.pick(fitting);
            for (std::size_t i = 0; i < key.columns.size(); ++i) row[key.columns[i]] = parent[i];
        } else if (itself) {
            for (std::size_t i = 0; i < key.columns.size(); ++i)
                if (auto const own = row.find(key.parents_columns[i]); own != row.end()) row[key.columns[i]] = own->second;
        } else {
            return false;
        }
        given.insert(key.columns.begin(), key.columns.end());
    }
    return true;
}

Result<bool> Maker::add_row(Made& made) {
    auto const& dialect = backend_.dialect();
    std::size_t most_edges = 0;
    for (auto const& column : made.columns) most_edges = std::max(most_edges, column.edges.size() + 1);
    auto const index = static_cast<std::size_t>(made.rows);
    bool const on_the_edge = index < 2 * most_edges;
    for (int attempt = 0; attempt < tries_of_a_row; ++attempt) {
        auto const mood = mood_of(attempt, on_the_edge);
        auto const n = ++number_;
        std::map<std::string, std::string> row;
        for (std::size_t c = 0; c < made.columns.size(); ++c) {
            auto const& column = made.columns[c];
            bool const focus = (index + static_cast<std::size_t>(attempt)) % made.columns.size() == c;
            if (!column.left_alone) row[column.name] = value(column, column.unique ? index : index + c, mood, focus, n);
        }
        if (attempt == 0 && index % repeat_every == repeat_every - 1)
            row = made.last;  // the same once more, where that is allowed
        else if (!refer(made, row, mood))
            return false;
        std::vector<std::string> names;
        std::vector<std::string> cells;
        for (auto const& [name, cell] : row) {
            names.push_back(dialect.quote(name));
            cells.push_back(cell);
        }
        auto const sql = names.empty() ? fmt::format("INSERT INTO {} DEFAULT VALUES", relation(made.table))
                                       : fmt::format("INSERT INTO {} ({}) VALUES ({})", relation(made.table), fmt::join(names, ", "),
                                                     fmt::join(cells, ", "));
        UNDROP_TRY(bool const taken, values_.insert(sql));
        if (!taken) continue;
        ++made.rows;
        ++done_;
        made.last = std::move(row);
        return true;
    }
    return false;
}

void Maker::tell(Made const& made) {
    auto const now = std::chrono::steady_clock::now();
    if (!wish_.on_rows || now - told_ < tell_every) return;
    told_ = now;
    auto const all = wish_.rows_of_a_table() * static_cast<std::int64_t>(tables_.size());
    wish_.on_rows({.table = made.table.text(), .done = done_, .all = all});
}

}  // namespace

Result<bool> make_row(Backend& backend, ValueSource& values, Table const& table) {
    SandboxWish const wish;
    return Maker(backend, values, wish).one_row(table);
}

Result<void> make_synthetic_rows(Backend& backend, ValueSource& values, SandboxWish const& wish, Sandbox& sandbox) {
    return Maker(backend, values, wish).run(sandbox);
}

}  // namespace undrop
