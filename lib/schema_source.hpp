// What a Backend tells of the whole schema, for people and for another database: every backend has it beside Backend.
#pragma once

#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "catalog.hpp"

namespace undrop {

class Backend;

struct WholeSchema {
    Catalog catalog;                   // its texts are those for an empty database
    std::string settings;              // statements to be run before them
    std::vector<std::string> unknown;  // by name: what no object of the catalog says (P9)
};

class SchemaSource {
public:
    virtual ~SchemaSource() = default;
    [[nodiscard]] virtual char const* engine() const = 0;  // its name, as people write it
    // The same whoever asks, as far as the database lets them read at all. In a transaction of `begin_reading`.
    [[nodiscard]] virtual Result<WholeSchema> describe(std::string const& ledger) = 0;
    // A statement that makes something in this object's place for others that need it, until Object::alter makes it the object itself, so
    // that objects that need each other can be made; empty: there is no such way. In the same transaction.
    [[nodiscard]] virtual Result<std::string> stand_in(ObjectId const& id) {
        static_cast<void>(id);
        return std::string{};
    }
};

}  // namespace undrop
