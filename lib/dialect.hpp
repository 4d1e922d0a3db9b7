// Dialect: what SQL looks like in one database. Pure: no connection. All const, thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/migration.hpp>

#include "catalog.hpp"

namespace undrop {

// One column of a table as the database has it now.
struct Column {
    std::string id;           // stays over a rename within one step (attnum; a number given at the mark)
    std::string name;         // raw
    std::string type;         // as the database writes it, qualified
    std::string stored_type;  // its type in a snapshot: built in, free of oids (P1); may be empty (SQLite)
    bool as_text = false;     // kept as the text of its output function
    bool generated = false;   // computed by the database: saved never, restored never
    bool identity = false;    // GENERATED ALWAYS AS IDENTITY: needs OVERRIDING SYSTEM VALUE
    bool not_null = false;
    std::string default_sql;  // expression; empty: none
};

struct Table {
    std::string id;                // stays over a rename within one step (oid; a number given at the mark)
    std::string schema;            // raw; empty on SQLite
    std::string name;              // raw
    std::vector<Column> columns;   // in order
    std::vector<std::string> key;  // column names of the primary key, else of a unique index without NULLs; empty: whole rows
    std::vector<std::vector<std::string>> unique;  // columns of the other unique indexes that hold for all rows
    bool partitioned = false;                      // its rows are in its partitions
    std::string root;                              // id of the topmost table that this is a partition of; empty: of none
    bool no_locator = false;                       // its rows have no row_locator (WITHOUT ROWID)
    [[nodiscard]] Column const* column(std::string_view column_name) const;
    [[nodiscard]] Column const* column_by_id(std::string_view column_id) const;
    [[nodiscard]] std::string text() const { return schema.empty() ? name : schema + "." + name; }  // for people
};

struct Statement {
    std::string text;   // verbatim, without the final ';'
    int line = 1;       // where it begins in the script: 1-based
    int column = 1;     // in characters
    std::string words;  // its first words, upper case, no comments, single spaces: "ALTER TABLE", "CREATE INDEX CONCURRENTLY"
};

// What the text of a script says that it will do. Possibly incomplete: only for speed and for the plan.
struct Foreseen {
    struct Touch {
        // rewrite_rows: UPDATE, DELETE, MERGE; rewrite_table: what takes old rows away for good at once: TRUNCATE, another type for a
        // column
        enum class Kind { drop_table, drop_column, alter, rewrite_rows, rewrite_table, create };
        Kind kind{};
        std::string schema;  // raw; empty: found by the search path
        std::string table;   // raw
        std::string column;  // raw; only for drop_column
    };
    // A view, trigger, function ... that is dropped or replaced; for a trigger with its table. Raw; an empty schema: any.
    struct Body {
        std::string schema;
        std::string name;
    };
    std::vector<Touch> touches;
    std::vector<Body> bodies;
    bool opaque = false;               // DO, CALL, functions: more may happen than the text shows
    std::vector<std::string> outside;  // effects that no rollback takes back: "dblink_exec()", "COPY TO PROGRAM"
};

// A statement that the database runs only outside of a transaction. Which there are is a closed list: a table in each backend.
struct Outside {
    std::string kind;          // "create index"
    std::string schema;        // of what it makes, changes or removes; raw; empty: found by the search path
    std::string name;          // raw; empty: of nothing in particular (VACUUM)
    std::string table_schema;  // of the table that it belongs to
    std::string table;
    std::string label;                       // of an enum type
    ObjectId target;                         // what the catalog calls it; no kind: nothing that a catalog knows changes
    bool whole_table = false;                // `name` is a table, and whatever belongs to it may change
    bool repeatable = false;                 // leaves nothing to tell by: when in doubt it is run again
    bool stays = false;                      // cannot be taken back, and does no harm
    std::string refused;                     // not empty: why it cannot be done, even so
    [[nodiscard]] std::string text() const;  // for people
};

class Dialect {
public:
    virtual ~Dialect() = default;

    [[nodiscard]] virtual std::string quote(std::string_view identifier) const = 0;
    [[nodiscard]] virtual std::string literal(std::string_view text) const = 0;
    [[nodiscard]] virtual std::string relation(std::string_view schema, std::string_view name) const = 0;
    // A table of the store: "undrop"."event", or "undrop_event".
    [[nodiscard]] virtual std::string store(std::string_view ledger, std::string_view table) const = 0;

    // The script's statements. Code::refused with the place of what is never closed (a quote, a comment, a $$).
    [[nodiscard]] virtual Result<std::vector<Statement>> split(Script const& script) const = 0;
    [[nodiscard]] virtual Foreseen foresee(std::vector<Statement> const& statements) const = 0;
    // Empty, or what this statement does that no derived way back undoes.
    [[nodiscard]] virtual std::string one_way(Statement const& statement) const {
        static_cast<void>(statement);
        return {};
    }
    // Empty, or why this statement cannot be part of a step: transaction statements, what undrop knows
    // no way to run outside of one, client commands.
    [[nodiscard]] virtual std::string forbidden(Statement const& statement) const = 0;
    // What the database runs only outside of a transaction, and undrop under its journal (P6); nothing for any other statement.
    [[nodiscard]] virtual std::optional<Outside> outside(Statement const& statement) const {
        static_cast<void>(statement);
        return {};
    }
    // Statements that a transaction could hold, but whose effect others of the same script may use only once it is committed; by place.
    [[nodiscard]] virtual std::map<std::size_t, Outside> hoisted(std::vector<Statement> const& statements) const {
        static_cast<void>(statements);
        return {};
    }
    // A setting for the rest of the script.
    [[nodiscard]] virtual bool sets_session(Statement const& statement) const {
        static_cast<void>(statement);
        return false;
    }
    // Empty, or why this statement cannot be part of a check, which only reads: as far as its text shows.
    [[nodiscard]] virtual std::string forbidden_in_check(Statement const& statement) const = 0;

    // Expressions. `value` is an SQL expression of the column's type; `stored` one of its stored type. Saved texts compare byte by byte
    // (an explicit COLLATE "C" on PostgreSQL), so `snapshot.k = save(column, value)` is a join on any key.
    [[nodiscard]] virtual std::string save(Column const& column, std::string const& value) const = 0;
    [[nodiscard]] virtual std::string load(Column const& column, std::string const& stored) const = 0;
    // True exactly if both are the same bytes, NULLs included; never NULL. Both of the column's type.
    [[nodiscard]] virtual std::string same(Column const& column, std::string const& a, std::string const& b) const = 0;
    // A text (never NULL) that is equal exactly if all the saved forms are: identity of rows without a key.
    [[nodiscard]] virtual std::string image(std::vector<std::string> const& saved) const = 0;
    // A short text that differs when the text `image` differs: SHA-256 in hexadecimal (SQLite: a function that the backend registers).
    [[nodiscard]] virtual std::string digest(std::string const& image) const = 0;
    // A statement that adds a missing column to a table with its name and type alone, so that values can come back before the table gets
    // its recorded form; empty where columns are objects of the catalog themselves.
    [[nodiscard]] virtual std::string add_bare_column(Table const& table, Column const& column) const = 0;
    // For INSERT INTO t (...) <here> SELECT: " OVERRIDING SYSTEM VALUE" or nothing.
    [[nodiscard]] virtual std::string insert_overriding() const = 0;
    // Pseudo-column that tells physical rows of one table apart within a statement: "ctid", "rowid".
    [[nodiscard]] virtual std::string row_locator(Table const& table) const = 0;
    // The same as an expression over rows under `alias` (empty: none); for tables whose rows one name does not tell apart (partitions).
    [[nodiscard]] virtual std::string row_id(Table const& table, std::string const& alias) const {
        return alias.empty() ? row_locator(table) : alias + "." + row_locator(table);
    }
    // FROM item that reads one table's own rows: "ONLY t" for ordinary tables on PostgreSQL, "t" otherwise.
    [[nodiscard]] virtual std::string own_rows(Table const& table) const = 0;
    // A text for people (never NULL) of a value in the column's stored form; numbers and uuids as they are, NULL as NULL, all else in
    // quotes.
    [[nodiscard]] virtual std::string shown(Column const& column, std::string const& saved) const = 0;
};

}  // namespace undrop
