#include "sqlite/virtual_table.hpp"

#include <fmt/format.h>

#include "sqlite/tokens.hpp"

namespace undrop::sqlite {

VirtualTable virtual_table(std::string const& sql) {
    VirtualTable found;
    auto const words = tokens(sql);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (found.module.empty() && words[i].is("USING")) found.module = lower(words[i + 1].text);
        if (i + 2 < words.size() && words[i].is("content") && words[i + 1].text == "=")
            found.content = words[i + 2].is_name() ? words[i + 2].text : std::string();
    }
    return found;
}

std::string rebuild_index(std::string const& name) {
    return fmt::format("INSERT INTO {0} ({1}) VALUES ('rebuild');", main_table(name), quote(name));
}

}  // namespace undrop::sqlite
