#include "sqlite/settings.hpp"

#include <sqlite3.h>

#include <string>

namespace undrop::sqlite {
namespace {

int option(Switch which) {
    switch (which) {
        case Switch::foreign_keys:
            return SQLITE_DBCONFIG_ENABLE_FKEY;
        case Switch::triggers:
            return SQLITE_DBCONFIG_ENABLE_TRIGGER;
        case Switch::double_quoted_strings:
            return SQLITE_DBCONFIG_DQS_DML;
        case Switch::double_quoted_strings_of_definitions:
            return SQLITE_DBCONFIG_DQS_DDL;
        case Switch::defensive:
            return SQLITE_DBCONFIG_DEFENSIVE;
        case Switch::legacy_alter_table:
            break;
    }
    return SQLITE_DBCONFIG_LEGACY_ALTER_TABLE;
}

void set_pragma(sqlite3* handle, char const* name, bool on) {
    auto const sql = std::string("PRAGMA ") + name + (on ? " = ON" : " = OFF");
    sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr);
}

}  // namespace

bool is_on(sqlite3* handle, Switch which) {
    int value = 0;
    sqlite3_db_config(handle, option(which), -1, &value);
    return value != 0;
}

void set(sqlite3* handle, Switch which, bool on) {
    // Setting what is set already would compile every statement anew.
    if (is_on(handle, which) != on) sqlite3_db_config(handle, option(which), on ? 1 : 0, nullptr);
}

void set_cache_spill(sqlite3* handle, int pages) {
    auto const sql = pages == 0 ? std::string("PRAGMA cache_spill = OFF") : "PRAGMA cache_spill = " + std::to_string(pages);
    sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr);
}

int pragma(sqlite3* handle, char const* name) {
    int value = 0;
    auto const sql = std::string("PRAGMA ") + name;
    auto const read = [](void* to, int, char** cells, char**) {
        *static_cast<int*>(to) = cells[0] == nullptr ? 0 : std::stoi(cells[0]);
        return 0;
    };
    sqlite3_exec(handle, sql.c_str(), read, &value, nullptr);
    return value;
}

ScriptSettings ScriptSettings::of(sqlite3* handle) {
    return {.legacy_alter_table = is_on(handle, Switch::legacy_alter_table),
            .recursive_triggers = pragma(handle, "recursive_triggers") != 0,
            .ignore_check_constraints = pragma(handle, "ignore_check_constraints") != 0};
}

void ScriptSettings::apply(sqlite3* handle) const {
    set(handle, Switch::legacy_alter_table, legacy_alter_table);
    set_pragma(handle, "recursive_triggers", recursive_triggers);
    set_pragma(handle, "ignore_check_constraints", ignore_check_constraints);
}

bool has_deferred_violations(sqlite3* handle) {
    int pending = 0;
    int highest = 0;
    sqlite3_db_status(handle, SQLITE_DBSTATUS_DEFERRED_FKS, &pending, &highest, 0);
    return pending != 0;
}

}  // namespace undrop::sqlite
