// Random writes, as SQL.
#pragma once

#include <string>

#include "fuzz/random.hpp"
#include "fuzz/tables.hpp"

namespace undrop::test {

class Writes {
public:
    // Tags of rows begin with `who`. Without `told` some rows have the same tag, or none.
    Writes(Session& session, Engine engine, Random& random, std::string who, bool told)
        : session_(session), engine_(engine), random_(random), who_(std::move(who)), told_(told) {}

    [[nodiscard]] std::string insert(FuzzTable const& table);
    // Nothing where the table has no column that may be set.
    [[nodiscard]] std::string update(FuzzTable const& table, bool also_unique);
    [[nodiscard]] std::string remove(FuzzTable const& table);
    // Rows of the table by their tags, by a column's values, or all.
    [[nodiscard]] std::string condition(FuzzTable const& table);

private:
    [[nodiscard]] std::string tag();
    [[nodiscard]] std::string computed(FuzzColumn const& column);

    Session& session_;
    Engine engine_;
    Random& random_;
    std::string who_;
    bool told_;
    int number_ = 0;
};

}  // namespace undrop::test
