// Positions of sequences. setval() and nextval() survive a ROLLBACK, so undrop remembers and puts back itself.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "connection.hpp"
#include "session.hpp"

namespace undrop::postgres {

struct Sequence {
    std::string oid;
    std::string name;     // "schema.name", quoted where needed
    std::string last;     // last_value
    bool called = false;  // is_called
    std::string increment;
};

// All sequences that the role may read, but temporary ones; the reading locks none of them for longer than the statement when no
// transaction is open. `but`: a schema that is left out; may be empty. `relations`: of these alone, an array of oids.
[[nodiscard]] Result<std::vector<Sequence>> read_sequences(Connection& connection, Session const& session, std::string const& but,
                                                           std::optional<std::string> const& relations = {});

// Sequences that by now are behind the position they had, in the direction in which they count, get it back. Others stay: what other
// sessions took meanwhile is theirs. Quiet.
void put_back(Connection& connection, Session const& session, std::vector<Sequence> const& before);

// "5000" after which the next value comes, or "5000 uncalled" which is itself the next.
[[nodiscard]] std::string position_of(Sequence const& sequence);
// Would `then` be new to a sequence that is at `now`?
[[nodiscard]] Result<bool> is_behind(Connection& connection, std::string const& name, std::string const& now, std::string const& then);
// Code::failed for a position that position_of did not write.
[[nodiscard]] Result<void> advance(Connection& connection, Session const& session, std::string const& name, std::string const& position);

}  // namespace undrop::postgres
