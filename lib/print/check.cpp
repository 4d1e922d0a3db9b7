#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include <undrop/check.hpp>

#include "print/text.hpp"

namespace undrop {
namespace {

std::string statement_text(CheckedStatement const& statement, std::size_t place_width) {
    auto const place = fmt::format("{}:{}", statement.where.line, statement.where.column);
    auto line =
        fmt::format("  {}{}  {}", print::padded(statement.holds ? "holds" : "FAILS", 7), print::padded(place, place_width), statement.text);
    while (line.ends_with(' ')) line.pop_back();
    return line + "\n" + (statement.holds ? "" : fmt::format("         {}\n", statement.problem));
}

std::string migration_text(CheckedMigration const& migration) {
    auto text = fmt::format("{} {}   {}\n", migration.version, migration.name, migration.file);
    std::size_t width = 0;
    for (auto const& s : migration.statements) width = std::max(width, fmt::format("{}:{}", s.where.line, s.where.column).size());
    for (auto const& s : migration.statements) text += statement_text(s, width);
    return text;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, CheckReport const& report) {
    auto text = report.target + "\n";
    std::int64_t failing = 0;
    std::int64_t all = 0;
    for (auto const& migration : report.migrations) {
        text += migration_text(migration);
        all += static_cast<std::int64_t>(migration.statements.size());
        failing += std::count_if(migration.statements.begin(), migration.statements.end(), [](auto const& s) { return !s.holds; });
    }
    if (report.migrations.empty())
        text += "No applied migration has a check.\n";
    else if (failing == 0)
        text += fmt::format("{}.\n", print::counted(all, "statement holds", "statements hold"));
    else
        text += fmt::format("{} of {} {}.\n", print::thousands(failing), print::counted(all, "statement", "statements"),
                            failing == 1 ? "fails" : "fail");
    return out << print::printable(text);
}

}  // namespace undrop
