// maragudk/migrate: NAME.up.sql and NAME.down.sql, ordered by the whole name, which is the version: numbers may be shared.
#include <algorithm>
#include <map>
#include <set>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace {

class WholeNames : public Format {
public:
    WholeNames() : Format("maragudk", "N_name.up.sql, N_name.down.sql; the whole name is the version (maragudk/migrate)", Order::bytes) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        return shares_numbers(files) && !has_dialects(files) && !is_marked_up(files);
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        std::set<std::string_view> ups;
        for (auto const& file : files)
            if (file.name.ends_with(".up.sql")) ups.insert(std::string_view(file.name).substr(0, file.name.size() - 7));
        Gathering found;
        for (auto const& file : files) {
            if (!file.folder().empty() || !ends_in_sql(file.name)) continue;
            auto const name = std::string_view(file.name);
            bool const up = name.ends_with(".up.sql");
            if (!up && !name.ends_with(".down.sql")) continue;  // none of the tool's
            auto const stem = name.substr(0, name.size() - (up ? 7 : 9));
            if (stem.empty() || !ups.contains(stem)) continue;  // a way back of nothing
            auto const split = numbered(stem);
            UNDROP_CHECK(
                found.add(as_version(stem), split ? split->name : std::string(stem), up ? Part::up : Part::down, {file.text, file.where}));
        }
        return found.finish();
    }
};

}  // namespace

bool shares_numbers(Files const& files) {
    std::map<std::string, std::set<std::string>> names;
    for (auto const& file : files)
        if (auto const name = file.folder().empty() ? taken_apart(file.name) : std::nullopt; name && !name->alone)
            names[name->version].insert(name->name);
    return std::count_if(names.begin(), names.end(), [](auto const& entry) { return entry.second.size() > 1; }) > 1;
}

Format const& whole_names() {
    static WholeNames const format;
    return format;
}

}  // namespace undrop::sources
