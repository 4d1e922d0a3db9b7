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

// Are the words of an error those of a script's or a trigger's own code, which may hold a row's value?
[[nodiscard]] bool is_own_words(Error const& error);

class ApplicationWrites {
public:
    // `hide`: the rows are a target's own.
    ApplicationWrites(Sandbox& sandbox, Options const& options, bool hide)
        : sandbox_(sandbox), backend_(sandbox.backend()), options_(options), hide_(hide) {}

    // As the database was before the up, of which tables were touched: which writes it takes. Nothing is left of them.
    [[nodiscard]] Result<void> try_before(State const& before, Touched const& touched);
    // After the up: a row inserted, one updated and one deleted in each of those tables, and a value given to each column that the up
    // added, as far as they take it; with `into_new` a row of each table that it made, too; and committed. Which tables were written to in
    // the end; none: there was nothing to write. What worked before the up and fails now is told in `notes`.
    [[nodiscard]] Result<std::set<TableName>> write(State const& before, State const& after, bool into_new,
                                                    std::vector<std::string>& notes);
    // After the down: what of the writes, or of all else in the tables `touched`, is not there as it must be; what, how many, and in which
    // table. `after`: as the up had left it, `written`: with the writes.
    [[nodiscard]] Result<std::vector<std::string>> missing(State const& before, State const& after, State const& written,
                                                           Touched const& touched, StepReport const& down);
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
    [[nodiscard]] Result<std::int64_t> give_values(Table const& table, Table const& other, std::string const& row);

    Sandbox& sandbox_;
    Backend& backend_;
    Options const& options_;
    bool hide_;
    std::map<TableName, Outcomes> before_;
    std::vector<std::string> without_key_;
};

}  // namespace undrop
