// What a virtual table's definition says of where its rows are. Pure; any thread.
#pragma once

#include <optional>
#include <string>

namespace undrop::sqlite {

struct VirtualTable {
    std::string module;                  // in lower case: "fts5"
    std::optional<std::string> content;  // of a full-text table: the table or view that its text is read from; empty: it is kept nowhere

    [[nodiscard]] bool full_text() const { return module == "fts3" || module == "fts4" || module == "fts5"; }
    // Is it only an index of another table, which can be made anew from that at any time?
    [[nodiscard]] bool is_index() const { return full_text() && content && !content->empty(); }
};

[[nodiscard]] VirtualTable virtual_table(std::string const& sql);

// Makes such an index anew.
[[nodiscard]] std::string rebuild_index(std::string const& name);

}  // namespace undrop::sqlite
