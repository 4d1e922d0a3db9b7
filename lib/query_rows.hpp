// Which of an old table's rows and columns a query of a script gives, by its text. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sql_tokens.hpp"

namespace undrop {

// What a script knows under a name: the rows of the old table, as they are or as it has written them down elsewhere.
struct RowSource {
    bool whole = false;                                        // all columns of the old table, but for those in `columns`
    std::vector<std::pair<std::string, std::string>> columns;  // name, and which column of the old table it is; "": it is computed
    std::set<std::string> given;                               // by an INSERT
    bool in_order = true;                                      // each old row once, in the order in which they lie
    bool filled = false;

    [[nodiscard]] std::string const* column(std::string const& name) const {
        auto const found = std::find_if(columns.begin(), columns.end(), [&](auto const& c) { return c.first == name; });
        return found == columns.end() ? nullptr : &found->second;
    }
    [[nodiscard]] std::optional<std::string> from(std::string const& name) const {
        if (auto const* known = column(name)) return *known;
        return whole ? std::optional(name) : std::nullopt;
    }
    void set(std::string const& name, std::string const& of) {
        auto const found = std::find_if(columns.begin(), columns.end(), [&](auto const& c) { return c.first == name; });
        if (found == columns.end())
            columns.emplace_back(name, of);
        else
            found->second = of;
    }
};

// In RowSource::columns: some rows have the old value, others have not.
inline std::string const mixed_column(1, '?');

using RowSources = std::map<std::string, RowSource>;

// The rows that a query gives, by their text. Nothing: it says too little.
class QueryReader {
public:
    explicit QueryReader(RowSources sources) : sources_(std::move(sources)) {}
    [[nodiscard]] std::optional<RowSource> query(Tokens const& all);

private:
    struct Relation {
        std::string alias;
        std::optional<RowSource> source;  // none: something else than the old rows
    };
    [[nodiscard]] std::optional<RowSource> arms(Tokens const& all, std::size_t at);
    [[nodiscard]] std::optional<RowSource> select(Tokens const& all);
    [[nodiscard]] bool with(Tokens const& all, std::size_t& at);
    [[nodiscard]] bool relations(Tokens const& from, std::vector<Relation>& found);
    [[nodiscard]] static std::optional<std::string> column(Tokens const& name, std::vector<Relation> const& from, Tokens const& conditions);

    RowSources sources_;
};

}  // namespace undrop
