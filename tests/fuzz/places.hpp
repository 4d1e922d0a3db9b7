// Where the tables and columns of a database have gone to in the course of a script, by what the script itself did.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fuzz/tables.hpp"

namespace undrop::test {

class Places {
public:
    struct Place {
        std::string table;
        std::map<std::string, std::string> columns;   // before, now
        std::map<std::string, std::string> detached;  // tables by now, with some of its rows: partition before, table now
        bool rebuilt = false;
        bool renamed = false;
        bool rekeyed = false;          // columns of a key were written
        std::set<std::string> remade;  // dropped and added again under their names
    };

    explicit Places(std::vector<FuzzTable> const& before);

    // Null: the table is gone.
    [[nodiscard]] Place const* of(std::string const& table_before) const;

    void table_renamed(std::string const& from, std::string const& to);
    void column_remade(std::string const& table, std::string const& column);
    void column_renamed(std::string const& table, std::string const& from, std::string const& to);
    void table_rebuilt(std::string const& table);
    void table_rekeyed(std::string const& table);
    void table_gone(std::string const& table);
    void detached(std::string const& table, std::string const& partition);
    // What is not there any more is gone.
    void look(std::vector<FuzzTable> const& now);

private:
    std::map<std::string, Place> places_;
};

}  // namespace undrop::test
