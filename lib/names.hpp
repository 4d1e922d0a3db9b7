// Names and numbers of the store that outlive a release; docs/storage-format.md describes them.
#pragma once

#include <array>

namespace undrop::names {

inline constexpr char const* format = "1";  // in `meta` under the key "format"

inline constexpr char const* meta = "meta";
inline constexpr char const* event = "event";
inline constexpr char const* script = "script";
inline constexpr char const* object = "object";
inline constexpr char const* snapshot = "snapshot";
inline constexpr char const* footprint = "footprint";
inline constexpr char const* check = "check";
inline constexpr char const* journal = "journal";
inline constexpr char const* lease = "lease";  // PostgreSQL, made where it is used first

// Parts of a migration in `check`: the ends of their files' names.
inline constexpr char const* check_part = "check";
inline constexpr char const* down_check_part = "down.check";

// Tables of rows: snapshot_<id>, footprint_<id>, aside_<id>; working tables never outlive their transaction.
inline constexpr char const* snapshot_prefix = "snapshot_";
inline constexpr char const* footprint_prefix = "footprint_";
inline constexpr char const* aside_prefix = "aside_";  // with a snapshot's id: what of it was not put back
inline constexpr char const* work_prefix = "work_";
inline constexpr char const* capture_prefix = "capture_";  // PostgreSQL: while a statement of a step commits by itself
inline constexpr char const* copy_prefix = "copy_";        // of a rehearsal, in a sandbox
// Of what these begin, the rest is rows, of users' tables.
inline constexpr std::array of_rows{snapshot_prefix, footprint_prefix, aside_prefix, work_prefix, capture_prefix, copy_prefix};

}  // namespace undrop::names
