// Settings of a handle that undrop changes and puts back exactly. Functions over a handle; one thread at a time.
#pragma once

#include <undrop/result.hpp>

struct sqlite3;

namespace undrop::sqlite {

// Switches of sqlite3_db_config: they act in the middle of a transaction too, where the pragma foreign_keys does nothing.
// defensive: nobody but a virtual table's own module writes to the tables that it keeps its data in.
enum class Switch { foreign_keys, triggers, legacy_alter_table, defensive, double_quoted_strings, double_quoted_strings_of_definitions };

[[nodiscard]] bool is_on(sqlite3* handle, Switch which);
void set(sqlite3* handle, Switch which, bool on);

// Sets a switch for a scope.
class Switched {
public:
    Switched(sqlite3* handle, Switch which, bool on) : handle_(handle), which_(which), before_(is_on(handle, which)) {
        set(handle, which, on);
    }
    ~Switched() { set(handle_, which_, before_); }
    Switched(Switched const&) = delete;
    Switched& operator=(Switched const&) = delete;

private:
    sqlite3* handle_;
    Switch which_;
    bool before_;
};

// What a script may set for itself and must not leave behind.
struct ScriptSettings {
    bool legacy_alter_table = false;
    bool recursive_triggers = false;
    bool ignore_check_constraints = false;

    [[nodiscard]] static ScriptSettings of(sqlite3* handle);
    void apply(sqlite3* handle) const;
};

// How many changed pages stay in memory before some are written; 0: all.
void set_cache_spill(sqlite3* handle, int pages);

// A pragma's number; 0 where it gives none.
[[nodiscard]] int pragma(sqlite3* handle, char const* name);

// Rows that wait for the end of the transaction to refer to something.
[[nodiscard]] bool has_deferred_violations(sqlite3* handle);

}  // namespace undrop::sqlite
