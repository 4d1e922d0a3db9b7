// postgrator: N.do.name.sql and N.undo.name.sql.
#include <algorithm>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace {

struct DoName {
    std::string version;
    std::string name;
    bool undo = false;
};

std::optional<DoName> named(std::string_view name) {
    if (!name.ends_with(".sql")) return {};
    name.remove_suffix(4);
    auto const dot = name.find('.');
    if (dot == std::string_view::npos || !is_digits(name.substr(0, dot))) return {};
    auto const rest = name.substr(dot + 1);
    auto const end = std::min(rest.find('.'), rest.size());
    auto const word = rest.substr(0, end);
    if (word != "do" && word != "undo") return {};
    auto const version = std::string(name.substr(0, dot));
    return DoName{version, end < rest.size() ? std::string(rest.substr(end + 1)) : version, word == "undo"};
}

class Postgrator : public Format {
public:
    Postgrator() : Format("postgrator", "N.do.name.sql, N.undo.name.sql", Order::numbers) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        return std::any_of(files.begin(), files.end(), [](File const& file) { return file.folder().empty() && named(file.name); });
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        std::map<std::string, std::string> names;  // the tool tells a pair by the number alone
        for (auto const& file : files)
            if (auto const name = file.folder().empty() ? named(file.name) : std::nullopt; name && !name->undo)
                names.emplace(name->version, name->name);
        Gathering found;
        for (auto const& file : files) {
            if (!file.folder().empty() || !ends_in_sql(file.name)) continue;
            auto const name = named(file.name);
            if (!name) return refused("the name of this file is not a migration's", file.where, "name it N.do.name.sql or N.undo.name.sql");
            auto const known = names.find(name->version);
            Script script{file.text, file.where};
            mark_where_concurrent(script);
            UNDROP_CHECK(found.add(name->version, name->undo && known != names.end() ? known->second : name->name,
                                   name->undo ? Part::down : Part::up, std::move(script)));
        }
        return found.finish(".do.sql");
    }
};

}  // namespace

Format const& postgrator() {
    static Postgrator const format;
    return format;
}

}  // namespace undrop::sources
