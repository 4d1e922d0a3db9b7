// Random up scripts, made of statements that the database takes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fuzz/places.hpp"
#include "fuzz/random.hpp"
#include "fuzz/schema.hpp"
#include "fuzz/writes.hpp"

namespace undrop::test {

// What a statement, or some that belong together, do.
struct Operation {
    std::vector<std::string> statements;
    std::function<void(Places&)> effect = {};  // beyond what the catalog shows afterwards

    [[nodiscard]] std::string text() const;
};

// In the open transaction; false: the database does not take it, and nothing is done.
[[nodiscard]] bool attempt(Session& session, Engine engine, Operation const& operation, Places& places);

// Makes one statement after the other and runs them in the transaction that is open on the session.
class ScriptMaker {
public:
    ScriptMaker(Session& session, Engine engine, Random& random, bool told);

    void make(int operations);
    [[nodiscard]] std::vector<Operation> const& operations() const { return operations_; }
    [[nodiscard]] Places const& places() const { return places_; }

private:
    [[nodiscard]] Operation operation();
    [[nodiscard]] Operation of_rows(FuzzTable const& table);
    [[nodiscard]] Operation of_columns(FuzzTable const& table);
    [[nodiscard]] Operation of_tables(FuzzTable const& table);
    [[nodiscard]] Operation of_objects(FuzzTable const& table);
    [[nodiscard]] Operation of_postgres(FuzzTable const& table);
    [[nodiscard]] Operation rarer_of_postgres(FuzzTable const& table, FuzzColumn const& column);
    [[nodiscard]] Operation swapped(FuzzTable const& table, FuzzColumn const& column);
    [[nodiscard]] Operation upserted(FuzzTable const& table);
    [[nodiscard]] Operation retyped(FuzzTable const& table, FuzzColumn const& column);
    [[nodiscard]] Operation of_sqlite(FuzzTable const& table);
    [[nodiscard]] Operation rebuild(FuzzTable const& table);
    [[nodiscard]] Operation dropped_object();
    [[nodiscard]] std::string hidden(std::string const& statement);
    [[nodiscard]] std::string in_schema() const { return postgres_ ? "\"public\"." : ""; }

    Session& session_;
    Engine engine_;
    bool postgres_;
    Random& random_;
    bool told_;
    Writes writes_;
    Names names_;
    std::vector<FuzzTable> tables_;
    Places places_;
    std::vector<Operation> operations_;
    int functions_ = 0;
};

}  // namespace undrop::test
