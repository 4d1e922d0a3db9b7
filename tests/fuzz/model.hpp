// What must be there after a rollback, from three looks at the database: before the migration, after it, and after the writes of an
// application. Nothing of the library is asked. Rows are told by their tags.
#pragma once

#include <optional>
#include <string>

#include "fuzz/places.hpp"
#include "fuzz/schema.hpp"
#include "fuzz/state.hpp"

namespace undrop::test {

struct Looks {
    std::vector<FuzzTable> tables;  // before
    std::vector<FuzzTable> tables_after;
    State before;
    State after;
    State written;
    Places places;  // where things of `before` are in `after`
};

struct Prediction {
    bool possible = true;  // the old constraints hold for what is expected; otherwise the rollback has to be refused
    std::string why;       // it is not
    bool certain = true;   // false: rows compete for a unique value, and either may have it
    bool taken = false;    // a row stays aside, since another one has a unique value of its
    State expected;        // rows alone
};

// Builds what is expected in an empty database with the old schema, so that the database itself computes and checks.
[[nodiscard]] Prediction predict(Session& scratch, Engine engine, FuzzSchema const& schema, Looks const& looks);

}  // namespace undrop::test
