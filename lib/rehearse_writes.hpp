// Application writes: what an application does to a migration's tables between its up and its down, and what must be there afterwards,
// worked out from copies of the rows alone. Only for sandboxes. One thread at a time.
#pragma once

#include <functional>
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

// What a down script writes, by its text.
struct DownWrites {
    std::set<TableName> tables;
    std::string text;
    bool any = false;
};

class ApplicationWrites {
public:
    // `hide`: the rows are a target's own.
    ApplicationWrites(Sandbox& sandbox, Options const& options, bool hide)
        : sandbox_(sandbox), backend_(sandbox.backend()), options_(options), hide_(hide) {}

    // As the up left the database: what there is to write to, and what it may newly allow. Nothing is written.
    [[nodiscard]] Result<void> look_around(State const& before, State const& after, Touched const& touched, Renames renames,
                                           DownWrites down);
    // As the database was before the up: which writes it takes to the tables that the up touched or altered. Nothing is left of them.
    [[nodiscard]] Result<void> try_before(State const& before);
    // After the up: a row inserted, one updated and one deleted in each of those tables, and a value given to each column that the up
    // added, as far as they take it; with `into_new` a row of each table that it made, too; and committed. Which tables were written to in
    // the end; none: there was nothing to write. What worked before the up and fails now is told in `notes`.
    [[nodiscard]] Result<std::set<TableName>> write(State const& before, State const& after, bool into_new,
                                                    std::vector<std::string>& notes);
    // Is there anything that was refused before the up and may be no more?
    [[nodiscard]] bool dares() const;
    // After the up: what was refused before it and is no more; likewise. `what`: the columns that took it.
    [[nodiscard]] Result<std::set<TableName>> dare(std::vector<std::string>& what);
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

    struct Dared {
        TableName table;   // by its name before
        std::string what;  // for people
        std::vector<std::string> statements;
    };

    [[nodiscard]] std::string told(Error const& error) const;
    [[nodiscard]] Result<Outcome> attempt(std::string const& sql);
    [[nodiscard]] Result<Outcome> first_that_works(std::vector<std::string> const& statements);
    [[nodiscard]] Result<Outcomes> write_to(Table const& table, Table const& other, bool thorough);
    [[nodiscard]] Result<Outcome> update(Table const& table, Table const& other, std::int64_t rows, bool thorough);
    [[nodiscard]] Result<std::int64_t> give_literals(Table const& table, std::string const& column, std::int64_t rows);
    [[nodiscard]] Result<std::int64_t> give_values(Table const& table, Table const& other, std::int64_t rows, std::string const& row);
    [[nodiscard]] Result<void> point_at_rows(Table const& table, std::vector<Table> const& tables);
    [[nodiscard]] Result<void> keep_what_is_refused();
    [[nodiscard]] Result<std::set<TableName>> committed(std::function<Result<void>(std::vector<Table> const&)> const& write);

    Sandbox& sandbox_;
    Backend& backend_;
    Options const& options_;
    bool hide_;
    std::set<TableName> exercised_;  // by their names before
    Renames renames_;
    DownWrites down_;
    std::map<TableName, Outcomes> before_;
    std::vector<std::string> without_key_;
    std::vector<Dared> dared_;
};

}  // namespace undrop
