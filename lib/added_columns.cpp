#include "added_columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>

#include "diff.hpp"

namespace undrop {
namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

struct Columns {
    std::vector<std::string> names;  // as written, in lower case
    std::size_t end = 0;             // behind the last one; 0: this is no list of columns
};

bool is_blank(std::string_view token) {
    return std::isspace(static_cast<unsigned char>(token[0])) != 0 || token.starts_with("--") || token.starts_with("/*");
}

bool is_constraint(std::string_view word) {
    constexpr std::array words{"constraint", "primary", "unique", "check", "foreign"};
    return std::find(words.begin(), words.end(), word) != words.end();
}

// The columns stand before all else between a table's first parenthesis and its partner.
Columns columns_of(std::string_view text) {
    Columns columns;
    int depth = 0;
    std::size_t end = 0;  // of what stands last in the present item
    std::string word;     // the item's first one
    bool open = true;     // more may belong to that word
    for (std::size_t i = 0; i < text.size();) {
        auto const from = i;
        i = token_end(text, i);
        auto const token = text.substr(from, i - from);
        if (token == "(" && depth++ == 0) continue;
        if (depth == 0) continue;
        if ((token == "," || token == ")") && depth == 1) {
            if (word.empty() || is_constraint(word)) return columns;
            columns.names.push_back(std::exchange(word, {}));
            columns.end = end;
            open = true;
            if (token == ")") return columns;
            continue;
        }
        if (token == ")") --depth;
        if (is_blank(token)) {
            open = open && word.empty();
            continue;
        }
        if (token == "(") open = false;
        if (open)
            for (char const c : token) word += lower(c);
        if (token.size() > 1) open = false;
        end = i;
    }
    return {};
}

std::string unquoted(std::string name) {
    if (name.size() > 1 && std::string_view("\"`[").find(name.front()) != std::string_view::npos) return name.substr(1, name.size() - 2);
    return name;
}

}  // namespace

std::optional<AddedColumns> with_added_columns(std::string_view before, std::string_view left, std::string_view now) {
    auto const old = columns_of(before);
    auto const was = columns_of(left);
    auto const is = columns_of(now);
    if (old.end == 0 || was.end == 0 || is.end <= was.end || is.names.size() <= was.names.size()) return {};
    if (now.substr(0, was.end) != left.substr(0, was.end) || now.substr(is.end) != left.substr(was.end)) return {};
    AddedColumns added;
    for (auto i = was.names.size(); i < is.names.size(); ++i) {
        added.names.push_back(unquoted(is.names[i]));
        if (std::any_of(old.names.begin(), old.names.end(), [&](auto const& name) { return unquoted(name) == added.names.back(); }))
            return {};
    }
    added.make =
        std::string(before.substr(0, old.end)) + std::string(now.substr(was.end, is.end - was.end)) + std::string(before.substr(old.end));
    return added;
}

std::map<ObjectId, AddedColumns> keep_added_columns(std::vector<Recorded>& recorded, Catalog const& now, Wanted& wanted,
                                                    std::set<ObjectId> const& seen) {
    std::map<ObjectId, AddedColumns> kept;
    for (auto& object : recorded) {
        if (seen.contains(object.id)) continue;
        auto const is = now.find(object.id);
        auto const want = wanted.find(object.id);
        if (object.id.kind != "table" || is == now.end() || want == wanted.end() || !want->second || !object.after) continue;
        auto added = with_added_columns(want->second->make, object.after->make, is->second.make);
        if (!added) continue;
        want->second->make = added->make;
        object.after = is->second;
        kept.emplace(object.id, std::move(*added));
    }
    return kept;
}

std::string text_of(ObjectId const& table, AddedColumns const& added) {
    auto const one = added.names.size() == 1;
    return fmt::format("{} {} of {}, which others have added since, {}", one ? "column" : "columns", fmt::join(added.names, ", "),
                       table.text(), one ? "stays" : "stay");
}

}  // namespace undrop
