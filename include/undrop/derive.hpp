// A down script written by undrop for a migration that has none: tried in a disposable database, for its author to read and change.
#pragma once

#include <string>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/result.hpp>
#include <undrop/source.hpp>
#include <undrop/target.hpp>

namespace undrop {

struct DownWish {
    std::string version = {};  // of a migration of the source that has no down script
    // The disposable database gets the target's schema, where the migration is not applied there yet, and else all that the source has
    // before it. True: always the latter.
    bool on_empty = false;
    std::string sandbox = {};  // URL of another server to make the database on; empty: the target's own
};

struct DerivedDown {
    std::string version;
    std::string name;
    std::string text;                     // the file: its head, and the statements
    std::vector<std::string> statements;  // what the script does
    std::vector<std::string> left;  // statements that undrop runs by itself once it has put values back, which the script must not wait for
    std::vector<std::string> comes_back;  // what undrop puts back from its snapshots: "values of public.t.role"
    bool from_target = false;             // the database had the target's schema
    std::vector<std::string> applied;     // versions that were applied in it first
};

// Makes a database as rehearse() does, brings it to the state before the migration, applies the migration, lets undrop go back by itself,
// and writes down what it did to the schema; then the script has to prove itself there: up again, and down by the script. The target is
// only read: its history and its schema.
//
// Errors, all of which leave the target untouched: Code::usage (no such migration), Code::refused (it has a down script, is irreversible,
// keeps columns aside, runs in parts; its up, or one before it, fails there; no way back can be derived, or none that a script can go; no
// database may be made), Code::failed, Code::interrupted.
[[nodiscard]] UNDROP_EXPORT Result<DerivedDown> derive_down(Target& target, Source const& source, DownWish const& wish,
                                                            Options const& options = {});

[[nodiscard]] UNDROP_EXPORT std::string to_json(DerivedDown const& down);  // one document with a `format` number

}  // namespace undrop
