// A case: a migration as a text file, and what undrop should say it loses. See tests/cases/README.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/database.hpp"

namespace undrop::test {

struct Case {
    std::string name;  // any/column/json
    std::string file;
    std::vector<Engine> engines;
    std::map<std::string, std::string> sections;  // "up", or "up postgres"

    // The section for this database: "NAME postgres" if there is one, else "NAME".
    [[nodiscard]] std::optional<std::string> section(std::string const& section, Engine engine) const;
    [[nodiscard]] std::string text(std::string const& section, Engine engine) const;  // empty if there is none
};

// All cases under a directory, by name. Throws for a file that is none.
[[nodiscard]] std::vector<Case> read_cases(std::string const& directory);

}  // namespace undrop::test
