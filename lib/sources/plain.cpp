// Plain folders: every .sql file is a way up, in the order of its number: 001-init.sql, 2.sql; also Supabase's N_name.sql.
#include <fmt/format.h>

#include <algorithm>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace {

// 1.2.3-name, 001 name, 2: the number, and what follows its separator.
std::optional<Numbered> of_stem(std::string_view stem) {
    if (stem.starts_with('v') || stem.starts_with('V')) stem.remove_prefix(1);
    auto end = std::min(stem.find_first_not_of("0123456789."), stem.size());
    while (end > 0 && stem[end - 1] == '.') --end;
    if (end == 0 || stem[0] == '.') return {};
    auto const rest = stem.substr(std::min(stem.find_first_not_of("_-. ", end), stem.size()));
    return Numbered{std::string(stem.substr(0, end)), std::string(rest.empty() ? stem : rest)};
}

std::string_view stem_of(File const& file) { return file.base().substr(0, file.base().size() - 4); }

// Files in the directory itself, else below it.
std::vector<File const*> counted(Files const& files) {
    std::vector<File const*> found;
    for (bool const below : {false, true}) {
        for (auto const& file : files)
            if (ends_in_sql(file.name) && file.folder().empty() != below) found.push_back(&file);
        if (!found.empty()) break;
    }
    return found;
}

class Plain : public Format {
public:
    Plain() : Format("plain", "N.sql, N-name.sql, N_name.sql (Supabase): ways up, by number", Order::numbers) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        auto const found = counted(files);
        return !found.empty() && found.front()->folder().empty() && std::all_of(found.begin(), found.end(), [](File const* file) {
            auto const name = lower(file->name);
            auto const has = [&](char const* part) { return name.find(part) != std::string::npos; };
            bool const is_part = has(".up.") || has(".down.") || has(".do.") || has(".undo.") || has("__") || has("_.");
            bool const is_pair = numbered(stem_of(*file)).has_value() || file->name.find('_') == file->name.find_first_not_of("0123456789");
            return !is_part && !is_pair && of_stem(stem_of(*file)) && !taken_apart(file->name) && !has_goose_marks(file->text) &&
                   !has_dbmate_marks(file->text);
        });
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        Gathering found;
        for (auto const* file : counted(files)) {
            auto const name = of_stem(stem_of(*file));
            if (!name)
                return refused("the name of this file begins with no number", file->where, "name it 001-name.sql, or move it elsewhere");
            Script script{file->text, file->where};
            mark_where_concurrent(script);
            UNDROP_CHECK(found.add(name->version, name->name, Part::up, std::move(script)));
        }
        return found.finish(".sql");
    }
};

}  // namespace

Format const& plain() {
    static Plain const format;
    return format;
}

}  // namespace undrop::sources
