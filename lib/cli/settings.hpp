// Settings: what the command line, the environment and undrop.toml say together.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace undrop::cli {

// As the command line gives them; empty where it does not.
struct Flags {
    std::string db;
    std::string dir;
    std::string source_format;
    std::vector<std::string> set;  // NAME=TEXT
    std::string ledger;
    std::string role;
    std::string wait;
    std::string lock_timeout;
    std::string statement_timeout;
    std::string outside_wait;
    std::string lock;
    std::string lease_time;
    std::string keep_snapshots;
    bool one_connection = false;
    bool published_store = false;
    bool json = false;
    bool yes = false;
    bool quiet = false;
    bool verbose = false;
};

struct Settings {
    std::string db;                          // empty: named nowhere
    std::optional<std::string> environment;  // the variable that named the database
    std::string dir;                         // empty: the usual places
    std::string source_format;               // empty: found by itself
    std::map<std::string, std::string> set;  // placeholders
    std::string ledger;                      // empty: the usual one
    std::string label;
    std::string role;
    std::optional<std::chrono::milliseconds> wait;
    std::optional<std::chrono::milliseconds> lock_timeout;
    std::optional<std::chrono::milliseconds> statement_timeout;
    std::optional<std::chrono::milliseconds> outside_wait;
    std::optional<std::chrono::milliseconds> lease_time;
    std::optional<std::chrono::hours> keep_snapshots;
    std::string ahead;  // these as words, empty where nobody says one
    std::string busy;
    std::string lock;
    std::string require_rehearsal;
    std::string evidence;  // a file
    std::string accept;
};

// Flags win over UNDROP_DB, which wins over DATABASE_URL, which wins over undrop.toml in the working directory.
// Throws Failure (Code::usage): a file that is no TOML, an unknown key, a time or an age that is none.
[[nodiscard]] Settings settings(Flags const& flags);

}  // namespace undrop::cli
