// What other tools' history tables say.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backend.hpp"

namespace undrop {

// As a tool's table has it.
struct ToolHistory {
    struct Entry {
        std::string version;        // the tool's spelling; prisma: the folder's whole name; none: a repeatable one (Flyway), or see checksum
        std::string name;           // where the table has one
        std::string checksum = {};  // of the file that the tool ran, where the table has it (Flyway, Prisma); Drizzle's has nothing else
    };
    std::string table;
    std::vector<Entry> applied;
    bool up_to = false;    // the one entry is the newest, and stands for all before it (golang-migrate)
    std::string baseline;  // all up to it count as applied (Flyway); empty: none
};

[[nodiscard]] std::vector<std::string_view> tools_with_history();

// In a transaction that reads. Code::usage: no such tool. Code::refused: no such table, or a history that its tool calls dirty.
[[nodiscard]] Result<ToolHistory> read_tool_history(Backend& backend, std::string const& ledger, std::string const& tool);

}  // namespace undrop
