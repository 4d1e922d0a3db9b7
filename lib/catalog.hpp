// Catalog: the target's schema as a sorted set of objects. The core compares and orders texts; it does not know what a policy is.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace undrop {

struct ObjectId {
    std::string kind;    // "table", "column", "index" ...
    std::string parent;  // what it belongs to, as `schema` or `schema.table`, quoted where needed; may be empty
    std::string name;    // raw; for functions with the argument types
    auto operator<=>(ObjectId const&) const = default;
    [[nodiscard]] std::string text() const { return kind + " " + (parent.empty() ? name : parent + "." + name); }
};

// What a way back, or another up after it, brings back beside what a script does.
struct ComesBack {
    std::set<ObjectId> objects = {};  // that are made again, or go
    std::set<std::string> relations =
        {};  // names of those that objects and saved rows have to do with, in whichever schema; and other names
};

// When an object is made: before rows come back or after, as pg_dump orders it.
enum class Section { before_data, after_data };

struct Object {
    std::string make;    // statements that make it (may be several, each ending in ';'); also its definition, for comparing
    std::string remove;  // statements that remove it; empty: it goes with its parent and cannot be removed alone
    std::string alter;   // statements that change an object of the same id and the same `shape` into this one; empty: there is no such way
    std::string shape;   // what `alter` cannot change
    std::vector<ObjectId> needs;  // must exist before this one
    Section section = Section::before_data;
    int rank = 0;             // order among kinds: lower is made earlier, removed later
    int order = 0;            // order within a kind, e.g. a column's number
    bool holds_rows = false;  // removing it takes rows or values away; never removed merely because something else depends on it

    std::vector<std::string> columns;  // not compared; recorded of a column: those of its table as it was, in order

    // Not compared, not stored: how the backend finds the object again within this transaction.
    std::string locator;

    [[nodiscard]] bool same(Object const& other) const { return make == other.make; }
};

using Catalog = std::map<ObjectId, Object>;

}  // namespace undrop
