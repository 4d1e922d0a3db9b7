// The list of formats.
#include <algorithm>
#include <array>

#include "sources/format.hpp"

namespace undrop {
namespace sources {
namespace {

// Whose files are the same.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> tools = {{{"native", "pairs"},
                                                                                 {"undrop", "pairs"},
                                                                                 {"golang-migrate", "pairs"},
                                                                                 {"sqlx", "pairs"},
                                                                                 {"supabase", "plain"},
                                                                                 {"popx", "pop"},
                                                                                 {"folder", "plain"},
                                                                                 {"maragudk/migrate", "maragudk"}}};

}  // namespace

std::span<Format const* const> formats() {
    static std::array const all = {&pairs(),  &whole_names(), &diesel(),  &hasura(), &dbmate(), &goose(),     &flyway(),
                                   &sqitch(), &prisma(),      &drizzle(), &plain(),  &pop(),    &postgrator()};
    return all;
}

Format const* format_of(std::string_view name) {
    auto const* const tool = std::find_if(tools.begin(), tools.end(), [&](auto const& known) { return known.first == name; });
    if (tool != tools.end()) name = tool->second;
    auto const all = formats();
    auto const found = std::find_if(all.begin(), all.end(), [&](Format const* format) { return format->name() == name; });
    return found == all.end() ? nullptr : *found;
}

}  // namespace sources

std::vector<SourceFormat> source_formats() {
    std::vector<SourceFormat> list;
    for (auto const* format : sources::formats()) list.push_back({std::string(format->name()), std::string(format->summary())});
    return list;
}

}  // namespace undrop
