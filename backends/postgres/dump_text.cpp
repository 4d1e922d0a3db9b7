#include "dump_text.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace undrop::postgres {
namespace {

constexpr std::string_view head = "-- Name: ";

// "a_b; Type: TABLE; Schema: public; Owner: ann" gives "TABLE public.a_b". A name may have any character in it; the last fields have none.
std::string name_in(std::string_view line) {
    auto const type = line.rfind("; Type: ");
    auto const schema = line.rfind("; Schema: ");
    auto const owner = line.rfind("; Owner: ");
    if (type == std::string_view::npos || schema == std::string_view::npos || schema < type) return std::string(line);
    auto const end = owner == std::string_view::npos || owner < schema ? line.size() : owner;
    constexpr std::size_t type_size = 8;
    constexpr std::size_t schema_size = 10;
    return fmt::format("{} {}.{}", line.substr(type + type_size, schema - type - type_size),
                       line.substr(schema + schema_size, end - schema - schema_size), line.substr(0, type));
}

// Settings stand between the objects, and belong to none. pg_dump makes up another word for \restrict each time.
bool belongs_to_none(std::string_view line) {
    return line.empty() || line == "--" || line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ") ||
           line.starts_with("SET default_") || line.starts_with("-- PostgreSQL database dump complete");
}

// The columns between `open` and an expression or the last `close`: pg_dump goes by their numbers.
void sort_names(std::string& line, std::string_view open, std::string_view close) {
    auto const start = line.find(open);
    auto const end = std::min(line.rfind(close), start == std::string::npos ? start : line.find(", (", start));
    if (start == std::string::npos || end == std::string::npos || end < start + open.size()) return;
    auto const list = line.substr(start + open.size(), end - start - open.size());
    if (list.find_first_of("\"()") != std::string::npos) return;
    std::vector<std::string> names;
    for (std::size_t at = 0; at <= list.size();) {
        auto const comma = std::min(list.find(", ", at), list.size());
        names.push_back(list.substr(at, comma - at));
        at = comma + 2;
    }
    std::sort(names.begin(), names.end());
    line.replace(start + open.size(), list.size(), fmt::format("{}", fmt::join(names, ", ")));
}

std::string body_of(std::vector<std::string> lines, std::string const& name) {
    if (name.starts_with("TABLE ") || name.starts_with("ACL ")) {
        for (auto& line : lines)
            if (line.ends_with(",")) line.pop_back();
        std::sort(lines.begin(), lines.end());
    }
    for (auto& line : lines) {
        if (line.starts_with("CREATE STATISTICS ")) sort_names(line, " ON ", " FROM ");
        if (line.starts_with("ALTER PUBLICATION ")) sort_names(line, " (", ")");
    }
    return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace

SchemaText read_dump(std::string_view text) {
    SchemaText found;
    std::string name;
    std::vector<std::string> lines;
    auto const keep = [&] {
        if (!name.empty()) {
            auto& body = found[name];  // two objects may be called alike, as a comment's are
            body += (body.empty() ? "" : "\n") + body_of(std::move(lines), name);
        }
        lines.clear();
    };
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        auto const line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with(head) && line.find("; Type: ") != std::string_view::npos) {
            keep();
            name = name_in(line.substr(head.size()));
        } else if (!belongs_to_none(line)) {
            lines.emplace_back(line);
        }
    }
    keep();
    return found;
}

}  // namespace undrop::postgres
