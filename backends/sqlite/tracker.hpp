// Tracker: which table and column is which over a transaction, by comparing the schema after each statement. One thread at a time.
//
// SQLite gives tables and columns no lasting identity. One statement either renames or removes, never both: a name that vanished while
// another appeared over the same root page was renamed, and so was a column that is the only one to differ in a list of the same length.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sqlite/connection.hpp"

namespace undrop::sqlite {

enum class Kind { table, virtual_table, shadow, store };  // shadow: what a virtual table keeps its data in; store: undrop's own

struct Entry {
    struct Named {
        std::string id;
        std::string name;
        bool operator==(Named const&) const = default;
    };
    Kind kind = Kind::table;
    std::string id;
    std::string name;
    std::int64_t root = 0;
    std::string sql;
    std::vector<Named> columns;

    [[nodiscard]] std::string column_id(std::string const& column) const;
    bool operator==(Entry const&) const = default;
};

class Tracker {
public:
    // Who changed the schema since the last look. rebuild: columns are the same by name alone.
    enum class Cause { script, own, rebuild };
    struct Changes {
        bool any = false;
        std::vector<std::string> made;  // tables that a script made
    };

    void clear();                                                  // forgets identities; ids are never given twice
    [[nodiscard]] bool following() const { return cookie_ >= 0; }  // there are identities to follow
    void mark();                                                   // `vanished` and `store_changed` tell of what comes from now on
    [[nodiscard]] Result<Changes> sync(Connection& connection, Cause cause);

    [[nodiscard]] int generation() const { return generation_; }                  // grows with every change of what is told here
    [[nodiscard]] std::vector<Entry> const& entries() const { return entries_; }  // as the schema is now
    [[nodiscard]] Entry const* find(std::string const& name) const;
    [[nodiscard]] Entry const* known(std::string const& id) const;   // also of tables that are gone by now, as they were last
    [[nodiscard]] std::map<std::string, std::string> names() const;  // name -> id
    [[nodiscard]] std::vector<std::string> const& vanished() const { return vanished_; }  // virtual tables that hold what is nowhere else
    [[nodiscard]] bool store_changed() const { return store_changed_; }  // a script altered or removed what is undrop's own
    // The virtual table that a shadow table belongs to.
    [[nodiscard]] Entry const* owner_of(Entry const& shadow) const;

private:
    [[nodiscard]] Result<std::vector<Entry>> read(Connection& connection, Rows const& schema);
    [[nodiscard]] Entry const* before(Entry const& now, std::vector<Entry> const& all_now) const;
    void name_columns(Entry& now, Entry const* old, bool by_name_only);
    [[nodiscard]] std::string fresh(char letter) { return letter + std::to_string(++last_id_); }

    std::int64_t cookie_ = -1;
    int generation_ = 0;
    std::int64_t last_id_ = 0;
    std::vector<Entry> entries_;
    std::map<std::string, std::size_t> by_name_;
    std::map<std::string, Entry> known_;
    std::vector<std::string> vanished_;
    std::map<std::string, std::vector<Entry::Named>> columns_of_;  // by a table's text, as they were before `clear`
    Rows schema_;                                                  // sqlite_schema, as it was last read
    bool store_changed_ = false;
};

// Tables of undrop's stores, of any ledger: those of names.hpp, where the ledger's own tables have the columns that they should. Those of
// `known` are not asked again.
[[nodiscard]] Result<std::set<std::string>> store_tables(Connection& connection, std::vector<std::string> const& names,
                                                         std::set<std::string> const& known);
// The part of a store table's name behind "LEDGER_", if `name` can be one; empty otherwise.
[[nodiscard]] std::string store_suffix(std::string const& name);

}  // namespace undrop::sqlite
