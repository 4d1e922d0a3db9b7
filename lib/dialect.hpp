// Dialect: what SQL looks like in one database. Pure: no connection. All const, thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <undrop/migration.hpp>

#include "catalog.hpp"

namespace undrop {

// One attribute of a composite type that a column is of, or has in it.
struct Attribute {
    std::string id;                     // stays over a rename within one step
    std::string name;                   // raw
    std::string type;                   // as the database writes it, qualified
    std::string schema;                 // of the type that it is an attribute of: raw
    std::string owner;                  // and that type's name: raw
    bool array = false;                 // `attributes` are those of its elements
    std::vector<Attribute> attributes;  // where it is composite itself
};

// A type of the store whose values read composite values that were saved, each attribute as text.
struct Reader {
    std::string name;  // as SQL writes it
    std::vector<Attribute> attributes;
};

// The saved attribute where the present one is still what was left, or was not there then and is NULL; else the present one.
struct AttributeMerge {
    std::string present;     // of the column's type
    Reader saved;            // reads saved_text
    std::string saved_text;  // as it was saved
    Reader left;
    std::string left_text;
    std::string unchanged;    // condition: the whole value was as it had been left; decides for attributes that got another type since
    bool saved_wins = false;  // over an attribute that was not there, even if it is not NULL now
};

// One column of a table as the database has it now.
struct Column {
    std::string id;           // stays over a rename within one step (attnum; a number given at the mark)
    std::string name;         // raw
    std::string type;         // as the database writes it, qualified
    std::string stored_type;  // its type in a snapshot: built in, free of oids (P1); may be empty (SQLite)
    bool as_text = false;     // kept as the text of its output function
    bool generated = false;   // computed by the database: saved never, restored never
    std::string computed;     // the expression that computes it, over the table's columns; told where a UniqueRule asks for it
    bool identity = false;    // GENERATED ALWAYS AS IDENTITY: needs OVERRIDING SYSTEM VALUE
    bool not_null = false;
    std::string default_sql;  // expression; empty: none
    // Where the database takes more than the same bytes for equal, in a key or a unique index: its operator, and its collation, as SQL
    // writes them.
    std::string equals;
    std::string collation;
    std::string form;    // what a value's text depends on beside the type's name: attributes of composite types, labels inside
    bool array = false;  // `attributes` are those of its elements
    std::vector<Attribute> attributes;                              // of a composite type, also below a domain
    std::vector<std::pair<std::string, std::string>> labels;        // of an enum: an id that stays over a rename, and the label
    std::vector<std::pair<std::string, std::string>> saved_labels;  // labels that are saved under another one: (is, saved)
    std::optional<Reader> reader;                                   // saved values have other attributes than the type has now

    // The same bytes mean the same value in columns of the same full type only.
    [[nodiscard]] std::string full_type() const { return form.empty() ? type : type + " " + form; }
};

// What is noted of a row besides its values, so that its table's own rows can be found again within the transaction.
struct RowPlace {
    std::string definition;  // of a column of a working table
    std::string expression;  // over a row under the alias t
};

// What forbids two rows the same, and is more than an index on plain columns for all rows: over expressions or generated columns, for some
// rows, with NULLs that are equal, or by other operators (an exclusion). Expressions are SQL over the table's columns by their names.
struct UniqueRule {
    struct Part {
        std::string expression;
        std::string equals = "=";  // the operator by which values exclude each other
        std::string collation;     // as SQL writes it; empty: the expression's own
    };
    std::string name;  // of the index or the constraint: raw
    std::vector<Part> parts;
    std::string condition;     // for which rows it holds; empty: all
    bool nulls_equal = false;  // else a NULL is never taken
    bool on_columns = false;   // on columns and for all rows: it stays where others step aside (Backend::in_the_way)
};

struct Table {
    std::string id;                // stays over a rename within one step (oid; a number given at the mark)
    std::string schema;            // raw; empty on SQLite
    std::string name;              // raw
    std::vector<Column> columns;   // in order
    std::vector<std::string> key;  // column names of the primary key, else of a unique index without NULLs; empty: whole rows
    std::vector<std::vector<std::string>> unique;  // columns of the other unique indexes that hold for all rows
    std::vector<UniqueRule> rules;                 // what else is unique
    bool partitioned = false;                      // its rows are in its partitions
    std::string root;                              // id of the topmost table that this is a partition of; empty: of none
    bool no_locator = false;                       // its rows have no row_locator (WITHOUT ROWID)
    bool strict = false;                           // takes no value of another type than its column's
    [[nodiscard]] Column const* column(std::string_view column_name) const;
    [[nodiscard]] Column const* column_by_id(std::string_view column_id) const;
    [[nodiscard]] std::string text() const { return schema.empty() ? name : schema + "." + name; }  // for people
};

struct Statement {
    std::string text;   // verbatim, without the final ';'
    int line = 1;       // where it begins in the script: 1-based
    int column = 1;     // in characters
    std::string words;  // its first words, upper case, no comments, single spaces: "ALTER TABLE", "CREATE INDEX CONCURRENTLY"
    std::optional<std::string> data = {};  // the lines after COPY ... FROM STDIN, without the `\.` that ends them
};

// What the text of a script says that it will do. Possibly incomplete: only for speed and for the plan.
struct Foreseen {
    struct Touch {
        // rewrite_rows: UPDATE, DELETE, MERGE; rewrite_table: what takes old rows away for good at once: TRUNCATE, another type for a
        // column; rewrite_type: what takes an attribute of a composite type (named as a table) away
        enum class Kind { drop_table, drop_column, alter, rewrite_rows, rewrite_table, create, rewrite_type };
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

struct Recorded;
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
    bool commits = false;                    // in the middle: triggers save what it takes, each time in the transaction that takes it
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
    // Empty, or what of this statement stays on the connection, also where its step is taken back.
    [[nodiscard]] virtual std::string outlives(Statement const& statement) const {
        static_cast<void>(statement);
        return {};
    }
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
    // What a transaction can hold unless it ends transactions itself, as a procedure may. Outside of one if the script says so.
    [[nodiscard]] virtual std::optional<Outside> may_commit(Statement const& statement) const {
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

    // What the recorded objects of a step up took away from or narrowed for a program that knows the schema as it was before, one line
    // each: "drops column public.t.role". What that program can go on without noticing (new tables, new columns that fill themselves) is
    // left out.
    [[nodiscard]] virtual std::vector<std::string> harms(std::vector<Recorded> const& objects) const = 0;

    // Expressions. `value` is an SQL expression of the column's type; `stored` one of its stored type. Saved texts compare byte by byte
    // (an explicit COLLATE "C" on PostgreSQL), so `snapshot.k = save(column, value)` is a join on any key.
    [[nodiscard]] virtual std::string save(Column const& column, std::string const& value) const = 0;
    [[nodiscard]] virtual std::string load(Column const& column, std::string const& stored) const = 0;
    // Expressions of the saved values that print as this text; `place` is the parameter that holds it.
    [[nodiscard]] virtual std::vector<std::string> saved_forms(std::string const& text, std::string const& place) const = 0;
    // Statements that make and drop a reader. Nothing where there are no composite types.
    [[nodiscard]] virtual std::string make_reader(Reader const& reader) const {
        static_cast<void>(reader);
        return {};
    }
    [[nodiscard]] virtual std::string drop_reader(Reader const& reader) const {
        static_cast<void>(reader);
        return {};
    }
    // A composite value of `column`, merged attribute by attribute.
    [[nodiscard]] virtual std::string merge_attributes(Column const& column, AttributeMerge const& merge) const {
        static_cast<void>(column);
        return merge.present;
    }
    // True exactly if both are the same bytes, NULLs included; never NULL. Both of the column's type.
    [[nodiscard]] virtual std::string same(Column const& column, std::string const& a, std::string const& b) const = 0;
    // A saved value's type in a working table that is looked up by the column's own equality.
    [[nodiscard]] virtual std::string working_type(Column const& column) const { return column.stored_type; }
    // Does the database itself take a column's value for equal to a saved one, in a key or a unique index?
    [[nodiscard]] virtual std::string equal(Column const& column, std::string const& value, std::string const& stored) const {
        return save(column, value) + " = " + stored;
    }
    // A value of the column's type as its expressions see it: with what the column has besides, where that is no part of the value.
    [[nodiscard]] virtual std::string as_column(Column const& column, std::string const& value) const {
        static_cast<void>(column);
        return value;
    }
    // A text (never NULL) that is equal exactly if all the saved forms are: identity of rows without a key.
    [[nodiscard]] virtual std::string image(std::vector<std::string> const& saved) const = 0;
    // A short text that differs when the text `image` differs: SHA-256 in hexadecimal (SQLite: a function that the backend registers).
    [[nodiscard]] virtual std::string digest(std::string const& image) const = 0;
    // Do the ids of tables and columns hold from one step to another, so that what others renamed meanwhile is known again?
    [[nodiscard]] virtual bool lasting_ids() const { return false; }
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
    [[nodiscard]] virtual std::string row_id_type(Table const& table) const = 0;
    // A row's number that stays while its values change, until the row goes; as an expression over rows under `alias`; empty: there is
    // none.
    [[nodiscard]] virtual std::string lasting_row_id(Table const& table, std::string const& alias) const = 0;
    [[nodiscard]] virtual std::vector<RowPlace> row_places(Table const& table) const = 0;
    // Statements that give each row a number of its own in a new column, which stays with it whatever becomes of its values, its place or
    // its partition. `sequence`: a name that is free. Empty: there are none.
    [[nodiscard]] virtual std::vector<std::string> number_rows(Table const& /*table*/, std::string const& /*column*/,
                                                               std::string const& /*sequence*/) const {
        return {};
    }
    // FROM item that reads one table's own rows: "ONLY t" for ordinary tables on PostgreSQL, "t" otherwise.
    [[nodiscard]] virtual std::string own_rows(Table const& table) const = 0;
    // A text for people (never NULL) of a value in the column's stored form; numbers and uuids as they are, NULL as NULL, all else in
    // quotes.
    [[nodiscard]] virtual std::string shown(Column const& column, std::string const& saved) const = 0;
};

}  // namespace undrop
