// Random schemas.
#pragma once

#include <string>
#include <vector>

#include "fuzz/random.hpp"
#include "support/database.hpp"

namespace undrop::test {

// Statements, in the order in which they are run.
struct FuzzSchema {
    std::vector<std::string> base;   // types, tables, unique and other indexes
    std::vector<std::string> links;  // foreign keys, where they can be made afterwards
    std::vector<std::string> rest;   // functions, triggers, views
};

// Made in the database as well: statements that it does not take are left out.
[[nodiscard]] FuzzSchema make_schema(Session& session, Engine engine, Random& random);

// A name that has not been given yet.
class Names {
public:
    explicit Names(Random& random) : random_(random) {}
    [[nodiscard]] std::string table();   // quoted
    [[nodiscard]] std::string column();  // quoted

private:
    [[nodiscard]] std::string fresh(std::vector<std::string> const& from);
    Random& random_;
    int number_ = 0;
};

// "name type [not null] [default ...] ..." for a further column. Without `constrained` any row there may have it.
[[nodiscard]] std::string column_definition(Engine engine, Random& random, std::string const& name, bool constrained);

}  // namespace undrop::test
