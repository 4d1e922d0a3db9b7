// What a Backend tells of the database, as plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/result.hpp>

#include "dialect.hpp"

namespace undrop {

using Cell = std::optional<std::string>;  // NULL is nullopt
using Row = std::vector<Cell>;
using Rows = std::vector<Row>;

// What happened to one table's rows since `mark`, as the database tells.
struct Writes {
    std::int64_t inserted = 0;
    std::int64_t updated = 0;
    std::int64_t deleted = 0;
    bool rows_may_differ = false;  // rewritten, truncated, or cannot be told
    bool needs_copy = false;       // its old rows cannot be read any more: only a copy made before the script has them
};

enum class OldRows { taken, all };  // those that the transaction updated or deleted, or every one

// How a step locks a table: against writers, or against everyone.
enum class LockLevel { writers, everyone };

// A table that our transaction keeps writers, or everyone, out of.
struct LockedTable {
    std::string id;  // Table::id; empty: the whole database, named by `name`
    std::string name;
    double waited_seconds = 0;  // for the lock, as far as it was seen: waits of less than half a second may count as none
};

// What a statement did to one table's rows in transactions of its own: each row as it was first, and as it was left last.
struct Captured {
    Table table;         // a partitioned one stands for its partitions
    Table left;          // the same columns in a table of the store; `backend.follow` knows which old row became which
    std::string number;  // SQL name of the column that numbers rows, in `left` and in `old_rows`
    std::string old_rows;
};

// A foreign key: rows of `child` that refer to rows of a table.
struct Reference {
    std::string schema;  // of the child
    std::string child;
    std::string rows;                          // those that it holds for, as FROM names them: never of tables that inherit from the child
    std::vector<std::string> columns;          // of the child
    std::vector<std::string> parents_columns;  // in the same order
};

// Rows that got a number, and where the sequence is afterwards, as Backend::positions writes it; empty: the database's own has it.
struct Numbered {
    std::int64_t rows = 0;
    std::string position;
};

// A foreign key of a table.
struct ForeignKey {
    std::string name;                  // for people; may be empty
    std::vector<std::string> columns;  // of the child
    std::string parents_schema;
    std::string parent;
    std::vector<std::string> parents_columns;  // in the same order
    bool full = false;                         // MATCH FULL: a NULL in some of its columns does not let the others go
};

// Everything a step did to the database outside of schema texts, told after the fact.
struct Observed {
    std::map<std::string, Writes> writes;  // by Table::id at the mark; tables whose rows were not touched are absent
    std::vector<std::string> refused;      // things undrop cannot save or take back: a foreign table, a system catalog, its own store ...
};

// What a statement of a check returned.
struct Answer {
    std::int64_t rows = 0;
    bool is_true = false;  // the first row's first column: a boolean that is true; on SQLite a computed number other than 0
    [[nodiscard]] bool holds() const { return rows == 0 || (rows == 1 && is_true); }
};

// A column of a table of the store. `type` as SQL writes it; empty: none, where the database takes that.
struct StoreColumn {
    std::string name;
    std::string type;
};

// Rows as lines of text, without their ends: whoever reads them hands each to a sink, whoever writes them asks a source for the next one.
using RowSink = std::function<Result<void>(std::string_view)>;
using RowSource = std::function<Result<std::optional<std::string_view>>()>;

struct StoreState {
    bool exists = false;
    std::string foreign;  // not empty: why the store is not ours; nothing of it may be read or run
};

// How much there is of what a statement outside of a transaction does. Half: what one that failed or was interrupted left.
enum class Effect { none, half, whole };

}  // namespace undrop
