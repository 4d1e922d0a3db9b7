// Capture: what a procedure that commits by itself does to rows, written down by row triggers in its own transactions (P1). They fire for
// the session that has said so alone (a setting), so what others write meanwhile stays theirs. Beside each table the store keeps two: each
// row as it was before it was touched first, and as it was left last; what others changed of a row between two of its writes counts as it
// was.
//
// Views upon the tables keep them, and their columns, from being dropped meanwhile; TRUNCATE is refused. One thread at a time.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <undrop/options.hpp>

#include "backend.hpp"
#include "connection.hpp"
#include "session.hpp"

namespace undrop::postgres {

// As Backend::begin_capture, join_captured, captured and end_capture.
[[nodiscard]] Result<void> begin_capture(Connection& connection, std::string const& ledger, std::vector<Table> const& tables,
                                         std::set<std::string> const& closed);
[[nodiscard]] Result<void> join_captured(Connection& connection, std::string const& ledger, std::vector<Table> const& tables);
[[nodiscard]] Result<std::vector<Captured>> read_captured(Connection& connection, std::string const& ledger,
                                                          std::vector<Table> const& tables);
[[nodiscard]] Result<void> end_capture(Connection& connection, Session const& session, std::string const& ledger, Options const& options);

// Makes the session one whose writes are captured.
[[nodiscard]] Statement capture_setting(std::string const& ledger);
inline constexpr char const* reset_capture = "RESET undrop.capture";

// As Backend::follow, where `left` is one of Captured.
[[nodiscard]] Result<bool> follow_captured(Connection& connection, Table const& left, std::string const& old_rows,
                                           std::string const& pairs);

}  // namespace undrop::postgres
