// What a table must hold where an application has written between an up and its down.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dialect.hpp"
#include "state.hpp"

namespace undrop {

// One state's rows of a table: its copy, or what is there now.
struct Side {
    std::string from;
    std::string alias;
    State::Rows const* copy = nullptr;
    Table const* now = nullptr;

    [[nodiscard]] Table const& table() const { return now ? *now : copy->table; }
    [[nodiscard]] std::string value(Dialect const& dialect, std::string const& name) const;
    [[nodiscard]] std::string image(Dialect const& dialect, std::vector<std::string> const& names) const;
};

// What must be there: before, and on top of it what the application made of what the up had left. One query, which counts what is not so.
class Expected {
public:
    struct Sides {
        State::Rows const& before;
        State::Rows const& after;    // as the up left it
        State::Rows const& written;  // and as the application did
        Table const& now;
        std::map<std::string, std::string> const& renamed;  // columns that the up gave other names
        std::set<std::string> const& other_types;           // columns whose values it calls otherwise
    };
    // `scripted`: the down script ran; it `computes`: values by itself, perhaps from what the application wrote.
    Expected(Dialect const& dialect, Sides const& sides, bool scripted, bool computes);

    [[nodiscard]] std::string sql() const { return sql_; }
    [[nodiscard]] std::string const& what(std::size_t n) const { return what_[n]; }

private:
    struct Name {
        std::string before;
        std::string after;
        bool stays;     // the up left it what it is
        bool as_texts;  // it has another type, of which values are written alike
    };

    void add(std::string const& from, std::string const& condition, std::string what);
    void find_rows();
    void find_values(bool scripted);
    [[nodiscard]] std::string rows_of(Side const& side, std::string Name::*name, std::vector<std::string> const& edited,
                                      std::vector<std::string> const& added) const;

    Dialect const& dialect_;
    std::vector<std::string> key_;
    std::vector<Name> names_;  // columns of before that are no key
    std::vector<std::string> counts_;
    std::vector<std::string> what_;
    std::string sql_;
};

}  // namespace undrop
