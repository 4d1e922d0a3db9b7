#include "print/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "diff.hpp"

namespace undrop::print {
namespace {

constexpr std::size_t label_width = 8;
constexpr std::size_t line_width = 110;

// The lines after the first one belong to it.
std::string indented(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    std::string result;
    for (char const c : text) {
        result += c;
        if (c == '\n') result += "    ";
    }
    return result;
}

}  // namespace

std::string thousands(std::int64_t number) {
    auto text = std::to_string(number);
    auto const first = number < 0 ? 1U : 0U;
    for (auto i = text.size(); i > first + 3;) text.insert(i -= 3, ",");
    return text;
}

std::string counted(std::int64_t number, std::string_view singular, std::string_view plural) {
    return fmt::format("{} {}", thousands(number), number == 1 ? singular : plural);
}

std::string bytes(std::int64_t number) {
    if (number < 1000) return counted(number, "byte", "bytes");
    constexpr std::array units = {"kB", "MB", "GB", "TB"};
    auto value = static_cast<double>(number) / 1000;
    std::size_t unit = 0;
    while (value >= 999.95 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string seconds(double number) {
    if (number >= 9.95) return fmt::format("{} s", thousands(std::llround(number)));
    return number >= 0.995 ? fmt::format("{:.1f} s", number) : fmt::format("{:.2f} s", number);
}

std::string to_the_second(std::string_view time) {
    auto const dot = time.find('.');
    return dot == std::string_view::npos ? std::string(time) : std::string(time.substr(0, dot)) + "Z";
}

std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(std::string_view text, std::size_t to_width) {
    std::string result(text);
    auto const now = width(text);
    if (now < to_width) result.append(to_width - now, ' ');
    return result;
}

std::string joined(std::vector<std::string> const& items, std::string_view separator) {
    return fmt::format("{}", fmt::join(items, separator));
}

std::string printable(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        auto const byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\n') || byte == 0x7F) c = '?';
    }
    return result;
}

std::string place(Place const& place) {
    if (place.line == 0) return place.file;
    return place.column == 0 ? fmt::format("{}:{}", place.file, place.line) : fmt::format("{}:{}:{}", place.file, place.line, place.column);
}

std::string next(Next const& next) {
    if (next.command.empty()) return next.advice;
    return next.advice.empty() ? "undrop " + next.command : fmt::format("undrop {}   ({})", next.command, next.advice);
}

std::string classes(Merged const& merged) {
    std::vector<std::string> parts;
    auto const part = [&](std::string_view name, std::int64_t count, std::string_view what_of_it = "") {
        if (count != 0) parts.push_back(fmt::format("{} {}{}", name, thousands(count), what_of_it));
    };
    part("restored", merged.restored);
    part("removed", merged.removed);
    part("in use by now", merged.in_use, " (kept)");
    part("unchanged", merged.unchanged);
    part("computed by the script", merged.computed, " (kept)");
    part("changed since", merged.changed_since, " (kept)");
    part("put back over what was written since", merged.overwritten, " (which is saved)");
    part("put back without what it referred to", merged.emptied, " (NULL)");
    part("deleted since", merged.deleted_since);
    part("inserted since", merged.inserted_since, merged.defaulted ? " (default)" : "");
    part("key taken since", merged.key_taken, " (kept aside in the snapshot)");
    if (merged.what.ends_with(" (materialized view)"))
        part("not given by its query", merged.not_found, " (kept aside in the snapshot)");
    else
        part("changed or deleted since", merged.not_found, " (no key tells; kept aside in the snapshot)");
    part("refers to what is gone", merged.orphaned, " (kept aside in the snapshot)");
    part("written by the migration itself", merged.not_users, " (not brought back)");
    part("at the default", merged.at_default, " (no snapshot)");
    part("not restored", merged.not_restored, " (no snapshot)");
    return parts.empty() ? "nothing to bring back" : joined(parts, "; ");
}

std::string origin(Origin origin, Direction direction) {
    if (origin == Origin::derived) return "derived: no script, back by mend and restore";
    auto const script = direction == Direction::up ? "up script" : "down script";
    return fmt::format("{} from the {}", script, name_of(origin));
}

std::string steps(std::size_t count, Direction direction) {
    return fmt::format("{} {}", counted(static_cast<std::int64_t>(count), "step", "steps"), name_of(direction));
}

void Details::add(std::string_view label, std::string what, std::string rest) {
    lines_.push_back({std::string(label), std::move(what), std::move(rest), true});
}

void Details::add_list(std::string_view label, std::vector<std::string> const& items, std::string_view end) {
    if (items.empty()) return;
    std::string line;
    std::string_view name = label;
    for (std::size_t i = 0; i < items.size(); ++i) {
        auto const item = items[i] + (i + 1 < items.size() ? "," : std::string(end));
        if (!line.empty() && width(line) + width(item) + label_width > line_width) {
            lines_.push_back({std::string(name), std::move(line), "", false});
            line.clear();
            name = "";
        }
        line += (line.empty() ? "" : " ") + item;
    }
    lines_.push_back({std::string(name), std::move(line), "", false});
}

std::string cost(StepCost const& cost) {
    auto text = seconds(cost.seconds);
    if (cost.rows_saved > 0) text += fmt::format(", {} saved ({})", counted(cost.rows_saved, "row", "rows"), bytes(cost.bytes_saved));
    for (auto const& lock : cost.locks) text += fmt::format(", {} locked for {}", lock.table, seconds(lock.held_seconds));
    if (!cost.rewritten.empty()) text += fmt::format(", {} rewritten", fmt::join(cost.rewritten, ", "));
    if (cost.writers_stop >= 0) text += fmt::format(", writers stop for about {}", seconds(cost.writers_stop));
    if (!cost.assumption.empty()) text += fmt::format(" ({})", cost.assumption);
    return text;
}

void Details::add_lines(std::string_view label, std::vector<std::string> const& lines) {
    for (auto const& line : lines) lines_.push_back({std::string(label), line, "", false});
}

std::string Details::text() const {
    std::size_t column = 0;
    for (auto const& line : lines_) {
        if (line.columns) column = std::max(column, width(line.what));
    }
    std::string result;
    for (auto const& line : lines_) {
        auto const rest = line.rest.empty() ? line.what : padded(line.what, column + 3) + line.rest;
        result += fmt::format("  {}{}\n", padded(line.label, label_width), rest);
    }
    return result;
}

std::string table(std::vector<std::vector<std::string>> const& rows) {
    std::vector<std::size_t> widths;
    for (auto const& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string result;
    for (auto const& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) line += padded(row[i], widths[i] + 2);
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + "\n";
    }
    return result;
}

std::string findings(std::vector<Finding> const& findings) {
    std::string result;
    for (auto const& finding : findings) {
        auto const where = place(finding.where);
        result += fmt::format("{} [{}] {}{}\n", name_of(finding.severity), finding.code, where.empty() ? "" : where + ": ",
                              indented(finding.text));
        if (!finding.differences.empty()) result += fmt::format("    {}\n", indented(brief_of(finding.differences)));
        if (auto const what_next = next(finding.next); !what_next.empty()) result += fmt::format("    Next: {}\n", what_next);
    }
    return result;
}

std::string escaped(std::string_view text) {
    std::string result;
    for (char const c : printable(text)) {
        if (std::string_view("\\`*_[]<>|#").find(c) != std::string_view::npos) result += '\\';
        result += c == '\n' ? ' ' : c;
    }
    return result;
}

std::string code(std::string_view text) {
    if (text.find_first_of("`|\n") != std::string_view::npos) return escaped(text);
    return "`" + printable(text) + "`";
}

// Whatever the text holds, it ends at its own fence.
std::string fenced(std::string_view text, std::string_view language) {
    std::string fence = "```";
    while (text.find(fence) != std::string_view::npos) fence += '`';
    return fmt::format("\n{}{}\n{}\n{}\n\n", fence, language, printable(text), fence);
}

void bullets(std::string& out, std::string_view title, std::vector<std::string> const& items) {
    if (items.empty()) return;
    out += fmt::format("{}:\n\n", title);
    for (auto const& item : items) out += fmt::format("- {}\n", escaped(item));
    out += "\n";
}

void finding_bullets(std::string& out, std::vector<Finding> const& findings) {
    if (findings.empty()) return;
    out += "## Findings\n\n";
    for (auto const& finding : findings) {
        auto const where = place(finding.where);
        out += fmt::format("- **{}** {} {}{}\n", name_of(finding.severity), code(finding.code), where.empty() ? "" : code(where) + ": ",
                           escaped(finding.text));
        if (auto const what_next = next(finding.next); !what_next.empty()) out += fmt::format("  Next: {}\n", escaped(what_next));
        if (!finding.differences.empty()) out += fenced(brief_of(finding.differences), "diff");
    }
    out += "\n";
}

}  // namespace undrop::print
