#include "support/witness.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
#include <vector>

namespace undrop::test {
namespace {

std::vector<std::string> lines_of(std::string const& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::string joined(std::vector<std::string> const& lines) {
    std::string text;
    for (auto const& line : lines) text += line + "\n";
    return text;
}

// Debian's pg_dump on the path is a script that looks for the real one.
std::string pg_dump() {
    for (auto const* version : {"15", "18", "17", "16", "14", "13"}) {
        auto const path = std::string("/usr/lib/postgresql/") + version + "/bin/pg_dump";
        if (std::filesystem::exists(path)) return path;
    }
    return "pg_dump";
}

std::string quoted(std::string const& name) {
    std::string out = "\"";
    for (char const c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

std::string sorted_rows(Session& session, std::string const& title, std::string const& sql) {
    auto lines = lines_of(session.table(sql));
    std::sort(lines.begin(), lines.end());
    return title + "\n" + joined(lines);
}

std::string postgres_rows(Database& database) {
    std::string text;
    auto const session = database.connect();
    session->run("set row_security = off");
    auto const relations = session->rows(
        "select n.nspname, c.relname, c.relkind::text, (select string_agg(format('%I::text', a.attname), ', ' order by a.attname) "
        "from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) from pg_class c join pg_namespace n on "
        "n.oid = c.relnamespace "
        "where (c.relkind in ('r', 'S') or (c.relkind = 'm' and c.relispopulated)) and n.nspname not in ('undrop', 'information_schema') "
        "and n.nspname !~ '^pg_' order by 1, 2");
    for (auto const& relation : relations) {
        auto const name = quoted(*relation[0]) + "." + quoted(*relation[1]);
        auto const columns = relation[2] == "S" ? std::string("last_value, is_called") : relation[3].value_or("'no columns'");
        text += sorted_rows(*session, name, "select " + columns + " from " + (relation[2] == "S" ? "" : "only ") + name);
    }
    return text;
}

bool of_the_store(std::string const& line) {
    for (auto const* start : {"INSERT INTO undrop_", "INSERT INTO \"undrop_", "INSERT INTO sqlite_sequence VALUES('undrop_"})
        if (line.starts_with(start)) return true;
    return false;
}

Witness witness_sqlite(Database& database) {
    auto const file = shell_quoted(database.location());
    Witness seen;
    seen.exact = output_of("sqlite3 -batch -quote " + file +
                           " \"select type, name, tbl_name, sql from sqlite_schema where name not like 'undrop\\_%' escape '\\' "
                           "and tbl_name not like 'undrop\\_%' escape '\\' order by type, name\"");
    seen.schema = seen.exact;
    std::vector<std::string> rows;
    for (auto const& line : lines_of(output_of("sqlite3 -batch " + file + " .dump")))
        if (line.starts_with("INSERT INTO") && !of_the_store(line)) rows.push_back(line);
    std::sort(rows.begin(), rows.end());
    seen.rows = joined(rows);
    return seen;
}

}  // namespace

std::string shell_quoted(std::string const& text) {
    std::string out = "'";
    for (char const c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string output_of(std::string const& command) {
    std::FILE* pipe = popen(command.c_str(), "r");
    if (!pipe) throw std::runtime_error("cannot run " + command);
    std::string text;
    std::array<char, 65536> buffer{};
    for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), n);
    if (pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
    return text;
}

std::string without_noise(std::string const& dump) {
    std::vector<std::string> kept;
    for (auto const& line : lines_of(dump))
        if (!line.empty() && !line.starts_with("--") && !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            kept.push_back(line);
    return joined(kept);
}

// The names after `open`, up to an expression or the end of the list: PostgreSQL writes them by their columns' numbers.
std::string with_sorted_names(std::string const& line, std::string const& open) {
    static std::regex const names("^([a-z_]+(, [a-z_]+)+)(.*)$");
    auto const start = line.find(open);
    std::smatch match;
    if (start == std::string::npos) return line;
    auto const rest = line.substr(start + open.size());
    if (!std::regex_match(rest, match, names)) return line;
    auto const list = match[1].str();
    static std::regex const name("[a-z_]+");
    std::vector<std::string> sorted(std::sregex_token_iterator(list.begin(), list.end(), name), std::sregex_token_iterator());
    std::sort(sorted.begin(), sorted.end());
    std::string text;
    for (auto const& one : sorted) text += (text.empty() ? "" : ", ") + one;
    return line.substr(0, start + open.size()) + text + match[3].str();
}

// The lines between CREATE TABLE's brackets, sorted; a comma after each.
std::string with_sorted_columns(std::string const& dump) {
    auto lines = lines_of(dump);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].starts_with("CREATE STATISTICS ")) lines[i] = with_sorted_names(lines[i], " ON ");
        if (lines[i].starts_with("ALTER PUBLICATION ")) lines[i] = with_sorted_names(lines[i], " (");
        if (!lines[i].starts_with("CREATE TABLE ") || !lines[i].ends_with("(")) continue;
        auto end = i + 1;
        for (; end < lines.size() && !lines[end].starts_with(")"); ++end)
            if (!lines[end].ends_with(",")) lines[end] += ",";
        std::sort(lines.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines.begin() + static_cast<std::ptrdiff_t>(end));
    }
    return joined(lines);
}

Witness witness(Database& database) {
    if (!database.postgres()) return witness_sqlite(database);
    Witness seen;
    seen.exact = without_noise(output_of(pg_dump() + " --schema-only --exclude-schema=undrop " + shell_quoted(database.location())));
    seen.schema = with_sorted_columns(seen.exact);
    seen.rows = postgres_rows(database);
    return seen;
}

std::string difference(std::string const& before, std::string const& after) {
    std::map<std::string, int> count;
    for (auto const& line : lines_of(before)) --count[line];
    for (auto const& line : lines_of(after)) ++count[line];
    std::string text;
    int shown = 0;
    for (auto const& [line, n] : count)
        if (n != 0 && ++shown <= 40) text += (n < 0 ? "- " : "+ ") + line.substr(0, 400) + "\n";
    if (shown > 40) text += "... and " + std::to_string(shown - 40) + " more lines\n";
    if (text.empty() && before != after) text = "the same lines in another order\n";
    return text;
}

}  // namespace undrop::test
