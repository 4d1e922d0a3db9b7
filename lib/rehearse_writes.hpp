// Application writes: what an application does to a migration's tables between its up and its down, and what must be there afterwards,
// worked out from copies of the rows alone. Only for sandboxes. One thread at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <undrop/report.hpp>

#include "backend.hpp"
#include "state.hpp"

namespace undrop {

class ApplicationWrites {
public:
    // `hide`: the rows are a target's own.
    ApplicationWrites(Backend& backend, Options const& options, bool hide) : backend_(backend), options_(options), hide_(hide) {}

    // As the database was before the up, of which tables were touched: which writes it takes. Nothing is left of them.
    [[nodiscard]] Result<void> try_before(State const& before, Touched const& touched);
    // After the up: a row inserted, one updated and one deleted in each of those tables, as far as they take it, and committed. Which
    // tables were written to in the end; none: there was nothing to write. What worked before the up and fails now is told in `notes`.
    [[nodiscard]] Result<std::set<TableName>> write(State const& before, State const& after, std::vector<std::string>& notes);
    // After the down: what of the writes, or of all else, is not there as it must be; what, how many, and in which table. `after`: as the
    // up had left it, `written`: with the writes.
    [[nodiscard]] Result<std::vector<std::string>> missing(State const& before, State const& after, State const& written,
                                                           std::set<TableName> const& tables, StepReport const& down);
    // After the next up: takes the writes back, row by row.
    [[nodiscard]] Result<void> put_back(State const& after, std::set<TableName> const& tables);

private:
    struct Outcome {
        std::int64_t rows = 0;
        std::string error;  // empty: the database took it
    };
    using Outcomes = std::map<std::string, Outcome>;  // by "insert", "update", "delete"

    [[nodiscard]] std::string told(Error const& error) const;
    [[nodiscard]] Result<Outcome> attempt(std::string const& sql);
    [[nodiscard]] Result<Outcome> first_that_works(std::vector<std::string> const& statements);
    [[nodiscard]] Result<Outcomes> write_to(Table const& table, Table const& other);

    Backend& backend_;
    Options const& options_;
    bool hide_;
    std::map<TableName, Outcomes> before_;
};

}  // namespace undrop
