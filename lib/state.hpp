// State: what a database was like at one moment: its catalog, and a copy of every table's rows. Only for sandboxes. One thread at a time.
//
// Copies are tables of the ledger's store; rows are compared by the database, and only the first that differ are read.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <undrop/rehearse.hpp>

#include "backend.hpp"
#include "look.hpp"
#include "sandbox.hpp"

namespace undrop {

using Touched = std::optional<std::set<TableName>>;  // nullopt: cannot be told, so all

struct State {
    struct Rows {
        Table table;
        std::string store;                 // the copy's table, quoted
        std::vector<std::string> columns;  // copied as v1, v2 ...
    };
    Catalog catalog;
    SchemaText by_witness;                                    // empty: there is none
    SchemaText beside_tables;                                 // large objects, by digests
    std::map<TableName, std::shared_ptr<Rows const>> tables;  // states share the copies of tables that did not change in between
};

struct Differences {
    std::vector<ObjectDifference> objects;
    std::int64_t rows_differing = 0;
    std::vector<std::string> tables;  // in which rows differ
    std::vector<RowDifference> rows;  // the first five

    [[nodiscard]] bool none() const { return objects.empty() && rows_differing == 0; }
};

using Columns = std::map<TableName, std::set<std::string>>;

class StateKeeper {
public:
    // `witness`: the sandbox's reads schemas, too.
    StateKeeper(Sandbox& sandbox, Options const& options, bool hide, bool witness)
        : sandbox_(sandbox), backend_(sandbox.backend()), options_(options), hide_(hide), witness_(witness ? &sandbox : nullptr) {}

    // What the database is like now. Tables of `earlier` that were not touched since are not copied again.
    [[nodiscard]] Result<State> take(State const& earlier, Touched const& touched);
    // In what the database now differs from `then`; rows of the tables `touched` since alone are looked at.
    // Columns of `but` are not compared.
    [[nodiscard]] Result<Differences> compare(State const& then, Touched const& touched, Columns const& but = {});
    // Adds what of the data that no table holds differs from `then`.
    [[nodiscard]] Result<void> compare_beside_tables(State const& then, Differences& differences);
    // Columns that hold other values now than `then`, of those tables: of rows with the same key, else of all rows.
    [[nodiscard]] Result<Columns> differing_columns(State const& then, Touched const& touched);
    // Copies that no other state shares are dropped with the next take.
    void release(State state);
    [[nodiscard]] std::string witness() const { return witness_ ? witness_->witness() : std::string{}; }
    // Undrop's own statement, for the next take.
    void later(std::string sql) { later_.push_back(std::move(sql)); }

private:
    [[nodiscard]] Result<std::shared_ptr<State::Rows const>> copy(Table const& table);
    [[nodiscard]] Result<void> compare_rows(State::Rows const& then, Table const& now, std::set<std::string> const& but,
                                            Differences& differences);
    [[nodiscard]] Result<std::set<std::string>> differing_columns(State::Rows const& then, Table const& now);

    Sandbox& sandbox_;
    Backend& backend_;
    Options const& options_;
    bool hide_;
    Sandbox* witness_;
    int last_ = 0;
    std::vector<std::string> later_;
};

// What a step called otherwise, by names before; a column's table by its name before, too.
struct Renames {
    std::map<TableName, TableName> tables;
    std::map<TableName, std::map<std::string, std::string>> columns;

    [[nodiscard]] TableName const& of(TableName const& table) const;
    [[nodiscard]] std::map<std::string, std::string> const& of_columns(TableName const& table) const;
};

// Which tables a step's transaction wrote to, by name at its end; asked in the step's own events.
class Watch {
public:
    Watch(Sandbox& sandbox, std::string ledger) : sandbox_(sandbox), backend_(sandbox.backend()), ledger_(std::move(ledger)) {}
    void see(Event const& event);
    void clear() { touched_.emplace(); }
    [[nodiscard]] Touched const& touched() const { return touched_; }
    [[nodiscard]] std::vector<std::string> const& rewritten() const { return rewritten_; }  // of the step that went last
    [[nodiscard]] Renames const& renames() const { return renames_; }                       // so

private:
    void look_for_renames(std::vector<Table> const& now);

    Sandbox& sandbox_;
    Backend& backend_;
    std::string ledger_;
    std::vector<Table> before_;
    std::map<std::string, std::string> stored_;  // when the step began
    std::vector<std::string> rewritten_;
    Renames renames_;
    Touched touched_ = std::set<TableName>{};
};

}  // namespace undrop
