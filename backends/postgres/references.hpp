// References: foreign keys that refer to a table, and their checks put off until rows are back. One thread at a time.
#pragma once

#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "connection.hpp"

namespace undrop::postgres {

[[nodiscard]] Result<std::vector<Reference>> read_references(Connection& connection, Table const& table);

// See Backend::in_the_way.
[[nodiscard]] Result<std::vector<ObjectId>> in_the_way(Connection& connection, Table const& table, std::vector<std::string> const& columns,
                                                       bool swapped);

class References {
public:
    explicit References(Connection& connection) : connection_(connection) {}
    // Foreign keys of these tables become deferrable where they are not, and are deferred.
    [[nodiscard]] Result<void> defer(std::vector<Table> const& tables);
    // Checks all, and makes them what they were.
    [[nodiscard]] Result<void> check();
    void forget() { deferred_.clear(); }  // a rollback has brought all back

private:
    Connection& connection_;
    std::vector<std::string> deferred_;  // "TABLE ... ALTER CONSTRAINT ..."
};

}  // namespace undrop::postgres
