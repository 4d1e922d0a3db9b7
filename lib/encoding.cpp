#include "encoding.hpp"

#include <algorithm>
#include <string_view>

#include "grouped.hpp"

namespace undrop {
namespace {

// Where the text stops being UTF-8 (RFC 3629: no overlong forms, no surrogates); npos: nowhere.
std::size_t first_invalid_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        auto const byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
        auto const first = byte(i);
        std::size_t const length = first < 0x80                    ? 1
                                   : first >= 0xC2 && first < 0xE0 ? 2
                                   : first >= 0xE0 && first < 0xF0 ? 3
                                   : first >= 0xF0 && first < 0xF5 ? 4
                                                                   : 0;
        if (length == 0) return i;
        for (std::size_t k = 1; k < length; ++k)
            if ((byte(i + k) & 0xC0U) != 0x80) return i;
        auto const second = byte(i + 1);
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
            (first == 0xF4 && second > 0x8F))
            return i;
        i += length;
    }
    return std::string_view::npos;
}

}  // namespace

std::optional<Finding> not_utf8(Script const& script) {
    auto const bad = first_invalid_utf8(script.text);
    if (bad == std::string::npos) return {};
    auto const line_start = bad == 0 ? 0 : script.text.rfind('\n', bad - 1) + 1;
    auto const line = std::count(script.text.begin(), script.text.begin() + static_cast<std::ptrdiff_t>(bad), '\n');
    return Finding{
        .severity = Finding::Severity::stop,
        .code = "encoding",
        .text = "the script is not UTF-8 here",
        .where = in_its_file(script, {script.file, script.line + static_cast<int>(line), static_cast<int>(bad - line_start) + 1}),
        .next = {.advice = "save the file as UTF-8"}};
}

}  // namespace undrop
