// Quiet: the user's triggers and rules on a table off, one by one, and on again to their exact states; identity columns that are always
// generated take values meanwhile.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "connection.hpp"

namespace undrop::postgres {

class Quiet {
public:
    explicit Quiet(Connection& connection) : connection_(connection) {}
    [[nodiscard]] Result<void> quiet(Table const& table);
    [[nodiscard]] Result<void> loud(Table const& table);
    void forget() { silenced_.clear(); }  // a rollback has brought all back

private:
    struct Silenced {
        std::string relation;  // oid
        std::string what;      // TRIGGER "x", RULE "x", COLUMN "x"
        char state = 'O';      // tgenabled, ev_enabled; of a column I
    };
    [[nodiscard]] Result<void> set(Silenced const& silenced, char state);

    Connection& connection_;
    struct OnTable {
        int depth = 0;
        std::vector<Silenced> all;
    };
    std::map<std::string, OnTable> silenced_;  // by Table::id
};

}  // namespace undrop::postgres
