// What a step did to rows, told by the database itself. Our own locks are the outer truth: only a relation that this transaction holds
// ROW EXCLUSIVE on, or has given another file, can have other rows. Counters and files refine it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "connection.hpp"

namespace undrop::postgres {

struct MarkedRelation {
    enum class Place { user, extension, store, system };
    Place place = Place::user;
    bool foreign = false;
    std::string name;  // schema.name, for people
    std::string file;
    std::int64_t inserted = 0;
    std::int64_t updated = 0;
    std::int64_t deleted = 0;
    bool row_security = false;
};

// Tables that inherit, by oid: from which ones, and how each column came: its number, "own" or not, and from how many.
struct Heir {
    std::string parents;
    std::map<std::string, std::string> columns;
    bool operator==(Heir const&) const = default;
};
using Heritage = std::map<std::string, Heir>;

// The database as the step found it.
struct Mark {
    std::string transaction;
    std::map<std::string, MarkedRelation> relations;  // by oid
    std::int64_t large_objects = 0;                   // changes of large objects so far
    std::string beyond = {};                          // see beyond_counted
    Heritage heritage = {};                           // of classic inheritance
};

[[nodiscard]] Result<Mark> take_mark(Connection& connection, std::string const& transaction, std::string const& ledger);

// What happened since. `script_sets_counters`: a script's text mentions track_counts.
[[nodiscard]] Result<Observed> observe(Connection& connection, Mark const& mark, bool script_sets_counters);

// As SQL: is what this transaction writes counted?
[[nodiscard]] std::string counters_hold(Connection const& connection, bool script_sets_counters);

// How many rows of the system catalogs this transaction has written: a number that grows with every definition that it changes, and stays
// as it is when one is taken back with a savepoint. Null: it does not count.
[[nodiscard]] Result<Cell> catalog_changes(Connection& connection, bool script_sets_counters);

// Condition: the row version with this xmin was made by the transaction with this number, or a subtransaction of it.
[[nodiscard]] std::string made_by(std::string const& transaction, std::string const& xmin);

// Rows of a table that the transaction wrote, as a condition under `alias`; empty where every row looks new, since the table was rewritten.
[[nodiscard]] Result<std::string> rows_made_by(Connection& connection, Mark const& mark, Table const& table, std::string const& alias);
// Those among them, as a condition on t, that it wrote after it had rewritten the table, where `written` writes are all that there were.
// Empty: it cannot be told.
[[nodiscard]] Result<std::string> rows_made_after_rewrite(Connection& connection, Mark const& mark, Table const& table,
                                                          std::int64_t written);

}  // namespace undrop::postgres
