// Files in the format of git's configuration, which sqitch.conf has. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sources/format.hpp"

namespace undrop::sources {

class GitConfig {
public:
    // Sections and keys in any case of letters, [engine "pg"] and [engine.pg], quotes, escapes, `#` and `;`, lines continued by `\`.
    // Code::refused with the line: what git would not read.
    [[nodiscard]] static Result<GitConfig> read(File const& file);

    // `core.top_dir`, `engine.pg.target`; the last one counts. Section and key in lower case.
    [[nodiscard]] std::optional<std::string> get(std::string_view section, std::string_view subsection, std::string_view key) const;
    // Of every section.
    [[nodiscard]] std::vector<std::string> all(std::string_view key) const;
    [[nodiscard]] bool has_section(std::string_view section, std::string_view subsection) const;

private:
    struct Entry {
        std::string section;
        std::string subsection;
        std::string key;  // empty: the section's beginning
        std::string value;
    };
    std::vector<Entry> entries_;

    friend class GitConfigReader;
};

}  // namespace undrop::sources
