#include "grouped.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace undrop {
namespace {

constexpr std::string_view as_one = " more, as one)";
constexpr std::string_view head = "-- ";

// Where the name begins, behind the folder.
std::size_t base_of(std::string_view file) {
    auto const slash = file.rfind('/');
    return slash == std::string_view::npos ? 0 : slash + 1;
}

// `-- 20150101000001000000_net.up.sql`, and nothing else: the first line of a file's part.
bool is_head(std::string_view line) {
    if (!line.starts_with(head) || !line.ends_with(".sql")) return false;
    line.remove_prefix(head.size());
    auto const digits = line.find_first_not_of("0123456789");
    return digits != std::string_view::npos && digits > 0 && line[digits] == '_' && line.find_first_of(" \t") == std::string_view::npos;
}

}  // namespace

Script grouped(std::vector<Script> const& scripts) {
    Script all = scripts.front();
    if (scripts.size() == 1) return all;
    all.text.clear();
    all.file += fmt::format(" (and {}{}", scripts.size() - 1, as_one);
    for (auto const& script : scripts) {
        std::string_view text = script.text;
        if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // only a file begins with one
        all.text += fmt::format("{}{}\n{}", head, std::string_view(script.file).substr(base_of(script.file)), text);
        auto const last = script.text.find_last_not_of(" \t\r\n\f\v");
        all.text += last == std::string::npos || script.text[last] == ';' ? "\n" : "\n;\n";
    }
    return all;
}

Place in_its_file(Script const& script, Place place) {
    if (!std::string_view(script.file).ends_with(as_one) || place.line == 0) return place;
    std::string_view const text = script.text;
    int line = script.line;
    std::string_view name;
    int head_line = 0;
    for (std::size_t at = 0; at < text.size() && line < place.line; ++line) {
        auto const end = std::min(text.find('\n', at), text.size());
        if (auto const words = text.substr(at, end - at); is_head(words)) {
            name = words.substr(head.size());
            head_line = line;
        }
        at = end + 1;
    }
    if (name.empty()) return place;
    place.file = script.file.substr(0, base_of(script.file)) + std::string(name);
    place.line -= head_line;
    return place;
}

}  // namespace undrop
