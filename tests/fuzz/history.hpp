// One random history: a schema, rows, an up script, writes of an application, a rollback; and what must hold.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/schema.hpp"
#include "fuzz/script.hpp"
#include "support/database.hpp"

namespace undrop::test {

struct History {
    FuzzSchema schema;
    std::vector<std::string> rows;  // insertions
    std::vector<Operation> script;
    std::vector<std::string> writes;  // of the application, once the script ran
    bool written = false;             // compare by the model
    bool told = false;                // rows have tags of their own
    bool blind = false;               // nothing is foreseen
    bool copies = false;              // no second connection
    bool connected = false;           // one connection for all steps
    bool dumped = false;              // ask the database's own tools as well

    [[nodiscard]] std::string text() const;
};

struct Outcome {
    enum class End {
        held,         // went up and came back as it has to
        refused_up,   // by the library, and the database was untouched
        refused_down  // as predicted, and the database was as the application had left it
    };
    End end = End::held;
    bool compared = true;  // false: rows compete for a unique value
    std::string refusal = {};
    std::string wrong = {};  // what does not hold; empty: everything does
};

// Where histories are played, one after the other.
class Stage {
public:
    explicit Stage(Engine engine) : engine_(engine) {}
    [[nodiscard]] Engine engine() const { return engine_; }
    // Empty databases.
    [[nodiscard]] Database& database() { return empty(database_); }
    [[nodiscard]] Database& scratch() { return empty(scratch_); }

private:
    [[nodiscard]] Database& empty(std::unique_ptr<Database>& database) const;
    Engine engine_;
    std::unique_ptr<Database> database_;
    std::unique_ptr<Database> scratch_;
};

[[nodiscard]] History make_history(Stage& stage, std::uint64_t seed);
[[nodiscard]] Outcome play(Stage& stage, History const& history);
// A smaller one of which the same does not hold.
[[nodiscard]] History smaller(Stage& stage, History history, Outcome const& outcome);

}  // namespace undrop::test
