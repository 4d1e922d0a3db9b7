#include "implicit_casts.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <vector>

namespace undrop::postgres {
namespace {

constexpr std::string_view opens = "(ARRAY[";
constexpr std::string_view casts = "])::";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }

// Past what is quoted at `at`: a text, a name, or between dollars. Otherwise `at`.
std::size_t past_quoted(std::string_view sql, std::size_t at) {
    char const c = sql[at];
    if (c == '\'' || c == '"') {
        bool const escapes = c == '\'' && at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e') && (at < 2 || !is_word(sql[at - 2]));
        for (auto i = at + 1; i < sql.size(); ++i) {
            if (escapes && sql[i] == '\\')
                ++i;
            else if (sql[i] == c)
                return i + 1;  // a doubled one begins another text, which changes nothing
        }
        return sql.size();
    }
    if (c != '$' || (at > 0 && is_word(sql[at - 1]))) return at;
    auto end = at + 1;
    while (end < sql.size() && is_word(sql[end])) ++end;
    if (end >= sql.size() || sql[end] != '$') return at;
    auto const tag = sql.substr(at, end + 1 - at);
    auto const last = sql.find(tag, end + 1);
    return last == std::string_view::npos ? sql.size() : last + tag.size();
}

// The `]` of the bracket that is open at `from`.
std::size_t closing(std::string_view sql, std::size_t from) {
    int depth = 1;
    for (auto i = from; i < sql.size();) {
        if (auto const past = past_quoted(sql, i); past != i) {
            i = past;
            continue;
        }
        if (sql[i] == '[') ++depth;
        if (sql[i] == ']' && --depth == 0) return i;
        ++i;
    }
    return std::string_view::npos;
}

// What takes the type of its first argument for the others.
bool is_of_common_type(std::string_view before) {
    constexpr std::array names = {"COALESCE", "GREATEST", "LEAST"};
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
        return before.ends_with(name) && (before.size() == name.size() || !is_word(before[before.size() - name.size() - 1]));
    });
}

// The length of `])::TYPE[]` at `at`, 0 where it is another thing. A type with a length is somebody's: it changes values.
std::size_t cast_at(std::string_view sql, std::size_t at, bool of_others) {
    if (!sql.substr(at).starts_with(casts)) return 0;
    auto const type = at + casts.size();
    auto end = type;
    while (end < sql.size() && (is_word(sql[end]) || sql[end] == ' ' || sql[end] == '.' || sql[end] == '"')) ++end;
    if (end == type || !sql.substr(end).starts_with("[]")) return 0;
    return of_others || sql.substr(type, end - type) == "text" ? end + 2 - at : 0;
}

}  // namespace

std::string without_implicit_casts(std::string definition) {
    constexpr std::array verbs = {"ALTER ", "CREATE "};
    if (std::none_of(verbs.begin(), verbs.end(), [&](char const* verb) { return definition.starts_with(verb); }) ||
        definition.find(opens) == std::string::npos)
        return definition;
    std::vector<bool> of_common_type;  // of each parenthesis that is open
    for (std::size_t i = 0; i < definition.size();) {
        if (auto const past = past_quoted(definition, i); past != i) {
            i = past;
            continue;
        }
        std::string_view const sql = definition;
        auto const inside = !of_common_type.empty() && of_common_type.back();
        if (sql[i] == '(') of_common_type.push_back(is_of_common_type(sql.substr(0, i)));
        if (sql[i] == ')' && !of_common_type.empty()) of_common_type.pop_back();
        if (sql.substr(i).starts_with(opens)) {
            auto const end = closing(sql, i + opens.size());
            auto const before = sql.substr(0, i);
            auto const of_others = before.ends_with(" ANY (") || before.ends_with(" ALL (") || (inside && before.ends_with(", "));
            auto const cast = end == std::string_view::npos ? 0 : cast_at(sql, end, of_others);
            if (cast > 0) {
                definition.erase(end + 1, cast - 1);
                definition.erase(i, 1);
                of_common_type.pop_back();
            }
        }
        ++i;
    }
    return definition;
}

}  // namespace undrop::postgres
