// A database's schema as undrop's catalog sees it: written as SQL, told by a fingerprint, compared with another. Values; any thread.
//
// It holds every object that undrop knows, and names all others (P9). undrop's own store is left out. No row of a table is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/result.hpp>
#include <undrop/target.hpp>

namespace undrop {

// What of a schema is meant. Two databases of one program often have other owners and rights.
struct SchemaParts {
    bool owners = true;
    bool grants = true;
    bool comments = true;
};

struct UNDROP_EXPORT SchemaObject {
    std::string kind;       // "table", "column", "index", "grants on table" ...
    std::string parent;     // what it belongs to: a schema, or a table as `schema.table`, quoted where SQL needs it; may be empty
    std::string name;       // raw; of a function with its argument types
    std::string sql;        // the statements that make it
    bool stand_in = false;  // not the object, but one in its place for others of a circle, until it can be made itself

    [[nodiscard]] std::string text() const;  // "index public.t.t_name"
};

struct UNDROP_EXPORT Schema {
    std::string from;                   // the database's description, or the file's name; no part of what is compared
    std::string engine;                 // "PostgreSQL" or "SQLite"
    std::string settings;               // statements to be run first: the objects' texts count on them
    std::vector<SchemaObject> objects;  // in an order in which their statements run; the same for the same schema
    std::vector<std::string> unknown;   // objects of kinds that undrop does not know, sorted: "cast (a AS b)"
    std::vector<std::string> circular;  // objects that need each other: no order of such statements makes them

    // A script that makes the schema anew in an empty database. The same schema gives the same bytes.
    [[nodiscard]] std::string sql() const;
    // "sha256:...", the same for the same schema: its objects, the order of columns, and the names of what undrop does not know. In which
    // order rights were granted is left out: it means nothing.
    [[nodiscard]] std::string fingerprint() const;
};

// Reads a database's schema in one transaction, which only reads. Options: `ledger`, `lock_timeout`, `cancelled`.
// Errors, all of which leave the target untouched: busy, where others keep it locked; refused; failed; interrupted.
[[nodiscard]] UNDROP_EXPORT Result<Schema> read_schema(Target& target, SchemaParts const& parts = {}, Options const& options = {});

// The schema that Schema::sql() has written. Errors: Code::usage for a text that is none, or is not as it was written; `name` is for the
// message, and for Schema::from.
[[nodiscard]] UNDROP_EXPORT Result<Schema> schema_from_sql(std::string_view text, std::string const& name, SchemaParts const& parts = {});

// In one of two schemas alone, or different.
struct SchemaDifference {
    std::string object;            // "index public.t.t_name"
    std::optional<std::string> a;  // its statements in A; nothing: it is not there
    std::optional<std::string> b;
};

struct UNDROP_EXPORT SchemaDiff {
    std::string a;  // where they are from
    std::string b;
    std::vector<SchemaDifference> differences;  // by object
    std::vector<std::string> not_compared;      // of kinds that undrop does not know, and there by name in both

    [[nodiscard]] bool equal() const { return differences.empty(); }
};

// Errors: Code::usage for schemas of two kinds of databases.
[[nodiscard]] UNDROP_EXPORT Result<SchemaDiff> compare(Schema const& a, Schema const& b);

[[nodiscard]] UNDROP_EXPORT std::string to_json(Schema const& schema);
[[nodiscard]] UNDROP_EXPORT std::string to_json(SchemaDiff const& diff);

}  // namespace undrop
