#include "histories.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "nearest.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Entry = ToolHistory::Entry;

std::string text(Cell const& cell) { return cell.value_or(""); }
bool is_true(Cell const& cell) { return cell == "t" || cell == "true" || cell == "1"; }

Error dirty(std::string const& table, std::string message, std::string advice) {
    return {.code = Code::refused,
            .left = Left::untouched,
            .message = fmt::format("{} is not clean: {}", table, message),
            .next = {.advice = std::move(advice)}};
}

Result<ToolHistory> golang_migrate(Rows const& rows, ToolHistory history) {
    for (auto const& row : rows) {
        if (is_true(row[1]))
            return dirty(history.table, fmt::format("version {} is dirty, it failed halfway", text(row[0])),
                         "see what it left, put that right, and say so with `migrate force VERSION`");
        history.applied.push_back({text(row[0]), {}});
    }
    history.up_to = true;
    return history;
}

// The newest row of a version counts; version 0 is the table's own beginning.
Result<ToolHistory> goose(Rows const& rows, ToolHistory history) {
    std::map<std::string, bool> last;
    for (auto const& row : rows) last[text(row[0])] = is_true(row[1]);
    for (auto const& [version, applied] : last)
        if (applied && version != "0") history.applied.push_back({version, {}});
    return history;
}

Result<ToolHistory> versions_only(Rows const& rows, ToolHistory history) {
    for (auto const& row : rows) history.applied.push_back({text(row[0]), {}});
    return history;
}

// version, type, success, description, checksum; by installed_rank. Without a version: repeatable, or the schema's making.
Result<ToolHistory> flyway(Rows const& rows, ToolHistory history) {
    std::map<std::pair<std::string, std::string>, Entry> last;  // by version, or by the name of what is repeatable
    for (auto const& row : rows) {
        Entry const entry{text(row[0]), text(row[3]), text(row[4])};
        auto const type = text(row[1]);
        if (!is_true(row[2]))
            return dirty(history.table,
                         fmt::format("{} \"{}\" failed", entry.version.empty() ? "the repeatable migration" : entry.version, entry.name),
                         "see what it left, put that right, and run `flyway repair`");
        if (type == "SCHEMA") continue;
        std::pair const key(entry.version, entry.version.empty() ? entry.name : "");
        if (type.starts_with("UNDO") || type == "DELETE") {
            last.erase(key);
        } else {
            last[key] = entry;
            if (type.find("BASELINE") != std::string::npos) history.baseline = entry.version;
        }
    }
    for (auto const& [key, entry] : last)
        if (entry.version.empty() || entry.version != history.baseline) history.applied.push_back(entry);
    return history;
}

// migration_name, finished_at, rolled_back_at, checksum; by started_at
Result<ToolHistory> prisma(Rows const& rows, ToolHistory history) {
    struct Last {
        std::string wrong;  // empty: nothing
        std::string checksum;
    };
    std::map<std::string, Last> last;
    for (auto const& row : rows)
        last[text(row[0])] = {row[2] ? "was rolled back" : row[1] ? "" : "was begun and never finished", text(row[3])};
    for (auto const& [name, one] : last) {
        auto const& wrong = one.wrong;
        if (!wrong.empty())
            return dirty(
                history.table, fmt::format("{} {}", name, wrong),
                "see what it left, put that right, and bring Prisma's history in order with `prisma migrate resolve` and `deploy`");
        history.applied.push_back({name, {}, one.checksum});
    }
    return history;
}

Result<ToolHistory> sqlx(Rows const& rows, ToolHistory history) {
    for (auto const& row : rows) {
        if (!is_true(row[1]))
            return dirty(history.table, fmt::format("version {} was begun and never finished", text(row[0])),
                         "see what it left, put that right, and set its `success`, or take its row out, as sqlx asks for it");
        history.applied.push_back({text(row[0]), {}});
    }
    return history;
}

// Nothing but digests of the files.
Result<ToolHistory> drizzle(Rows const& rows, ToolHistory history) {
    for (auto const& row : rows) history.applied.push_back({{}, {}, text(row[0])});
    return history;
}

struct Tool {
    std::string_view name;
    std::string_view schema;  // on PostgreSQL; empty: any
    std::string_view table;
    std::array<std::string_view, 5> columns;  // empty: none
    std::string_view order;
    Result<ToolHistory> (*read)(Rows const& rows, ToolHistory history);
};

constexpr std::array<Tool, 9> tools = {{
    {"golang-migrate", "", "schema_migrations", {"version", "dirty"}, "version", golang_migrate},
    {"goose", "", "goose_db_version", {"version_id", "is_applied"}, "id", goose},
    {"dbmate", "", "schema_migrations", {"version"}, "version", versions_only},
    {"diesel", "", "__diesel_schema_migrations", {"version"}, "version", versions_only},
    {"flyway", "", "flyway_schema_history", {"version", "type", "success", "description", "checksum"}, "installed_rank", flyway},
    {"prisma", "", "_prisma_migrations", {"migration_name", "finished_at", "rolled_back_at", "checksum"}, "started_at", prisma},
    {"sqlx", "", "_sqlx_migrations", {"version", "success"}, "version", sqlx},
    {"drizzle", "", "__drizzle_migrations", {"hash"}, "created_at", drizzle},
    {"supabase", "supabase_migrations", "schema_migrations", {"version"}, "version", versions_only},
}};

// Where two schemas have such a table it is not ours to choose.
Result<Table> table_of(Backend& backend, std::string const& ledger, Tool const& tool) {
    UNDROP_TRY(auto const tables, backend.tables(ledger));
    std::vector<Table const*> found;
    for (auto const& table : tables)
        if (table.name == tool.table && (tool.schema.empty() || table.schema == tool.schema)) found.push_back(&table);
    auto const refuse = [](std::string message, std::string advice) {
        return Error{.code = Code::refused, .left = Left::untouched, .message = std::move(message), .next = {.advice = std::move(advice)}};
    };
    if (found.empty())
        return refuse(fmt::format("there is no table {}{}{}, in which {} keeps its history", tool.schema, tool.schema.empty() ? "" : ".",
                                  tool.table, tool.name),
                      "see that this is the right database; what has no history is adopted with --at VERSION");
    if (found.size() > 1)
        return refuse(fmt::format("{} and {} are both tables in which {} keeps its history", found[0]->text(), found[1]->text(), tool.name),
                      "adopt by the version instead, with --at VERSION");
    for (auto const column : tool.columns)
        if (!column.empty() && !found[0]->column(column))
            return refuse(fmt::format("{} has no column {}, so it is not {}'s", found[0]->text(), column, tool.name),
                          "name the tool that made it, or adopt by the version with --at VERSION");
    return *found[0];
}

}  // namespace

std::vector<std::string_view> tools_with_history() {
    std::vector<std::string_view> names;
    for (auto const& tool : tools) names.push_back(tool.name);
    return names;
}

Result<ToolHistory> read_tool_history(Backend& backend, std::string const& ledger, std::string const& name) {
    auto const* const tool = std::find_if(tools.begin(), tools.end(), [&](Tool const& t) { return t.name == name; });
    if (tool == tools.end()) {
        auto const known = tools_with_history();
        auto const meant = nearest(name, known);
        return Error{.code = Code::usage,
                     .left = Left::untouched,
                     .message = fmt::format("undrop reads no history of \"{}\"", name),
                     .next = {.advice = meant.empty() ? fmt::format("it reads those of {}", fmt::join(known, ", "))
                                                      : fmt::format("did you mean --from {}?", meant)}};
    }
    UNDROP_TRY(auto const table, table_of(backend, ledger, *tool));
    auto const& dialect = backend.dialect();
    std::vector<std::string> columns;
    for (auto const column : tool->columns)
        if (!column.empty()) columns.push_back(dialect.quote(column));
    UNDROP_TRY(auto const rows, backend.rows(fmt::format("select {} from {} order by {}", fmt::join(columns, ", "),
                                                         dialect.relation(table.schema, table.name), dialect.quote(tool->order))));
    return tool->read(rows, {.table = table.text()});
}

}  // namespace undrop
