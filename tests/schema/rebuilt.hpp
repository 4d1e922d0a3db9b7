// A database made from the schema's dump of another, and what both are like by the word of their own tools.
#pragma once

#include <memory>
#include <string>

#include <undrop/schema.hpp>

#include "support/database.hpp"

namespace undrop::test {

// A database, and undrop's connection to it.
struct Side {
    explicit Side(Engine engine) : db(Database::make(engine)), target(Target::open(db->url()).value()) {}
    std::unique_ptr<Database> db;
    Target target;
};

// As `undrop schema dump` reads it. An error fails the test with its text.
[[nodiscard]] Schema schema_of(Target& target);
[[nodiscard]] Schema schema_of(Database& db);

// By the word of pg_dump or sqlite3; on SQLite in any order. undrop's store is left out.
[[nodiscard]] std::string definitions(Database& db);

// Makes `copy` from the dump of `db`, and wants its definitions, its dump and its fingerprint to be the same. Gives back the dump.
std::string check_rebuilt(Database& db, Target& target, Side& copy);

// The same with a fresh database of the same kind.
std::string check_rebuilt(Database& db);

}  // namespace undrop::test
