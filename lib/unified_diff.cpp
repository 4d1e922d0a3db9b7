#include <fmt/format.h>
#include <algorithm>
#include <cctype>
#include <cstddef>

#include <undrop/difference.hpp>

#include "diff.hpp"

namespace undrop {
namespace {

constexpr std::size_t around = 3;          // lines that show where a change is
constexpr std::size_t most_changes = 800;  // beyond, what is between the first and the last change counts as one
constexpr std::size_t most_lines = 40;
constexpr std::size_t most_bytes = 400;  // of a line
constexpr std::size_t most_objects = 20;

using Lines = std::vector<std::string_view>;

struct Line {
    char sign = ' ';
    std::string_view text;
};

Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        auto const end = text.find('\n');
        auto line = text.substr(0, end);
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
        lines.push_back(line);
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return lines;
}

// Myers, "An O(ND) difference algorithm": how far each diagonal comes with d changes, kept for the way back; empty: too many changes.
using Reach = std::vector<std::size_t>;

std::vector<Reach> reaches(Lines const& a, Lines const& b) {
    auto const n = a.size();
    auto const m = b.size();
    auto const most = std::min(n + m, most_changes);
    Reach reach(2 * most + 3, 0);
    std::vector<Reach> trace;
    for (std::size_t d = 0; d <= most; ++d) {
        trace.push_back(reach);
        for (std::size_t i = 0; i <= d; ++i) {
            auto const at = most + 1 - d + 2 * i;  // the diagonal x - y is `at` - (most + 1)
            auto x = i == 0 || (i != d && reach[at - 1] < reach[at + 1]) ? reach[at + 1] : reach[at - 1] + 1;
            auto y = x + most + 1 - at;
            while (x < n && y < m && a[x] == b[y]) ++x, ++y;
            reach[at] = x;
            if (x >= n && y >= m) return trace;
        }
    }
    return {};
}

std::vector<Line> as_one(Lines const& a, Lines const& b) {
    std::vector<Line> lines;
    for (auto const& line : a) lines.push_back({'-', line});
    for (auto const& line : b) lines.push_back({'+', line});
    return lines;
}

std::vector<Line> compared(Lines const& a, Lines const& b) {
    auto const trace = reaches(a, b);
    if (trace.empty()) return as_one(a, b);
    auto const middle = std::min(a.size() + b.size(), most_changes) + 1;
    std::vector<Line> lines;
    auto x = a.size();
    auto y = b.size();
    auto const equal = [&](std::size_t down_to_x, std::size_t down_to_y) {
        while (x > down_to_x && y > down_to_y) lines.push_back({' ', a[--x]}), --y;
    };
    for (auto d = trace.size() - 1; d > 0; --d) {
        auto const& reach = trace[d];
        auto const at = middle + x - y;
        auto const down = at == middle - d || (at != middle + d && reach[at - 1] < reach[at + 1]);
        auto const before = down ? at + 1 : at - 1;
        auto const from_x = reach[before];
        auto const from_y = from_x + middle - before;
        equal(down ? from_x : from_x + 1, down ? from_y + 1 : from_y);
        if (down)
            lines.push_back({'+', b[--y]});
        else
            lines.push_back({'-', a[--x]});
    }
    equal(0, 0);
    std::reverse(lines.begin(), lines.end());
    return lines;
}

// Within a run of changes what went before what came, as people read it.
void old_above_new(std::vector<Line>& lines) {
    for (auto i = lines.begin(); i != lines.end();) {
        auto const end = std::find_if(i, lines.end(), [](Line const& line) { return line.sign == ' '; });
        std::stable_partition(i, end, [](Line const& line) { return line.sign == '-'; });
        i = end == lines.end() ? end : end + 1;
    }
}

std::string range(std::size_t first, std::size_t count) {
    return count == 1 ? std::to_string(first) : fmt::format("{},{}", count == 0 ? first - 1 : first, count);
}

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

}  // namespace

std::size_t token_end(std::string_view sql, std::size_t at) {
    auto const c = sql[at];
    auto const past = [&](std::string_view what, std::size_t from) {
        auto const found = sql.find(what, from);
        return found == std::string_view::npos ? sql.size() : found + what.size();
    };
    if (c == '\'' || c == '"' || c == '`') return past(std::string_view(&c, 1), at + 1);
    if (c == '[') return past("]", at + 1);
    if (sql.substr(at).starts_with("--")) return past("\n", at);
    if (sql.substr(at).starts_with("/*")) return past("*/", at + 2);
    return at + 1;
}

std::vector<std::string> unified_diff(std::string_view before, std::string_view after) {
    auto const a = lines_of(before);
    auto const b = lines_of(after);
    auto const same = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    auto const head = static_cast<std::size_t>(same.first - a.begin());
    std::size_t tail = 0;
    while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
    auto const part = [&](Lines const& all) {
        return Lines(all.begin() + static_cast<std::ptrdiff_t>(head), all.end() - static_cast<std::ptrdiff_t>(tail));
    };
    std::vector<Line> lines;
    for (std::size_t i = 0; i < head; ++i) lines.push_back({' ', a[i]});
    auto middle = compared(part(a), part(b));
    old_above_new(middle);
    lines.insert(lines.end(), middle.begin(), middle.end());
    for (std::size_t i = a.size() - tail; i < a.size(); ++i) lines.push_back({' ', a[i]});

    std::vector<std::string> out;
    std::size_t in_a = 1;
    std::size_t in_b = 1;
    auto const changed = [](Line const& line) { return line.sign != ' '; };
    for (std::size_t i = 0; i < lines.size();) {
        auto const next =
            static_cast<std::size_t>(std::find_if(lines.begin() + static_cast<std::ptrdiff_t>(i), lines.end(), changed) - lines.begin());
        if (next == lines.size()) break;
        auto const first = next > i + around ? next - around : i;
        in_a += first - i, in_b += first - i;
        auto last = next + 1;  // behind the hunk's last change
        for (auto k = last; k < lines.size() && k < last + 2 * around + 1; ++k)
            if (changed(lines[k])) last = k + 1;
        last = std::min(last + around, lines.size());
        std::size_t of_a = 0;
        std::size_t of_b = 0;
        for (auto k = first; k < last; ++k) of_a += lines[k].sign != '+' ? 1U : 0U, of_b += lines[k].sign != '-' ? 1U : 0U;
        if (first > 0 || last < lines.size()) out.push_back(fmt::format("@@ -{} +{} @@", range(in_a, of_a), range(in_b, of_b)));
        for (auto k = first; k < last; ++k) out.push_back(lines[k].sign + std::string(lines[k].text));
        in_a += of_a, in_b += of_b;
        i = last;
    }
    return out;
}

std::string in_lines(std::string_view definition) {
    auto const word = [&](std::string_view text) {
        return std::equal(text.begin(), text.end(), definition.begin(),
                          definition.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), definition.size())),
                          [](char x, char y) { return x == std::toupper(static_cast<unsigned char>(y)); });
    };
    if (!word("CREATE TABLE ") && !word("CREATE TEMP")) return std::string(definition);
    std::string out;
    int depth = 0;
    bool fresh = false;  // at the beginning of a line of ours
    for (std::size_t i = 0; i < definition.size();) {
        auto const end = token_end(definition, i);
        auto const token = definition.substr(i, end - i);
        i = end;
        if (fresh && token.size() == 1 && is_space(token[0])) continue;
        if (token == ")" && --depth == 0 && !out.ends_with('\n')) out += '\n';
        if (fresh && !(token == ")" && depth == 0)) out += "    ";
        fresh = false;
        out += token;
        if ((token == "(" && ++depth == 1) || (token == "," && depth == 1)) out += '\n', fresh = true;
    }
    return out;
}

std::string ObjectDifference::diff() const {
    auto const name = [&](char const* sign, std::string const& when, bool there) {
        return fmt::format("{} {}{}{}{}\n", sign, object, when.empty() ? "" : ", ", when, there ? "" : ": not there");
    };
    auto out = name("---", before_when, !before.empty()) + name("+++", after_when, !after.empty());
    for (auto const& line : unified_diff(in_lines(before), in_lines(after))) out += line + "\n";
    out.pop_back();
    return out;
}

std::string ObjectDifference::text() const {
    auto const lines = unified_diff(in_lines(before), in_lines(after));
    std::string out;
    for (std::size_t i = 0; i < std::min(lines.size(), most_lines); ++i) {
        auto end = std::min(lines[i].size(), most_bytes);
        while (end < lines[i].size() && (static_cast<unsigned char>(lines[i][end]) & 0xC0U) == 0x80U) --end;
        out += lines[i].substr(0, end) + (end < lines[i].size() ? "..." : "") + "\n";
    }
    if (lines.size() > most_lines) out += fmt::format("({} more lines)\n", lines.size() - most_lines);
    if (!out.empty()) out.pop_back();
    return out;
}

std::string ObjectDifference::brief() const {
    auto const whole = diff();
    auto const names = whole.find('\n', whole.find('\n') + 1);
    auto const lines = text();
    return lines.empty() ? whole : whole.substr(0, names) + "\n" + lines;
}

std::string brief_of(std::vector<ObjectDifference> const& differences) {
    std::string out;
    auto const shown = std::min(differences.size(), most_objects);
    for (std::size_t i = 0; i < shown; ++i) out += differences[i].brief() + "\n";
    if (shown < differences.size()) out += fmt::format("(and {} more objects)\n", differences.size() - shown);
    if (!out.empty()) out.pop_back();
    return out;
}

}  // namespace undrop
