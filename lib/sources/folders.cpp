// A folder for each migration, with up.sql and down.sql: Diesel's, whose metadata.toml may say run_in_transaction = false, and Hasura's.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace {

constexpr std::array<std::pair<std::string_view, Part>, 4> parts = {
    {{"up.sql", Part::up}, {"down.sql", Part::down}, {"check.sql", Part::check}, {"down.check.sql", Part::down_check}}};

// 2018-01-14-171611_create_tables, 00000000000000_diesel_initial_setup: dashes are none of the version.
std::optional<Numbered> of_folder(std::string_view folder) {
    auto const end = std::min(folder.find('_'), folder.size());
    std::string version(folder.substr(0, end));
    std::erase(version, '-');
    if (!is_digits(version)) return {};
    return Numbered{std::move(version), std::string(end < folder.size() ? folder.substr(end + 1) : folder)};
}

bool is_of_migration(File const& file) { return file.name.find('/') == file.name.rfind('/') && of_folder(file.folder()).has_value(); }

bool runs_without_transaction(std::string_view metadata) {
    for (auto const& line : lines_of(metadata)) {
        auto const text = trimmed(line.text.substr(0, line.text.find('#')));
        auto const equals = text.find('=');
        if (equals != std::string_view::npos && trimmed(text.substr(0, equals)) == "run_in_transaction")
            return trimmed(text.substr(equals + 1)) == "false";
    }
    return false;
}

bool counts_milliseconds(Files const& files) {
    return std::any_of(files.begin(), files.end(), [](File const& file) {
        auto const name = file.base() == "up.sql" && is_of_migration(file) ? of_folder(file.folder()) : std::nullopt;
        return name && name->version.size() == 13;
    });
}

bool has_folders(Files const& files) {
    return std::any_of(files.begin(), files.end(), [](File const& file) { return file.base() == "up.sql" && is_of_migration(file); });
}

class Folders : public Format {
public:
    Folders(std::string_view name, std::string_view summary, bool milliseconds)
        : Format(name, summary, milliseconds ? Order::numbers : Order::bytes), milliseconds_(milliseconds) {}

    [[nodiscard]] bool fits(Files const& files) const override { return has_folders(files) && counts_milliseconds(files) == milliseconds_; }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        std::set<std::string> outside;
        for (auto const& file : files)
            if (file.base() == "metadata.toml" && is_of_migration(file) && runs_without_transaction(file.text))
                outside.insert(std::string(file.folder()));
        Gathering found;
        for (auto const& file : files) {
            if (!is_of_migration(file) || !ends_in_sql(file.name)) continue;
            auto const part = std::find_if(parts.begin(), parts.end(), [&](auto const& known) { return known.first == file.base(); });
            if (part == parts.end())
                return refused("this file is no part of a migration", file.where, "name it up.sql or down.sql, or move it elsewhere");
            Script script{file.text, file.where};
            if ((part->second == Part::up || part->second == Part::down) && outside.contains(std::string(file.folder())))
                mark_no_transaction(script);
            auto const name = of_folder(file.folder());
            UNDROP_CHECK(found.add(name->version, name->name, part->second, std::move(script)));
        }
        return found.finish("/up.sql");
    }

private:
    bool milliseconds_;
};

}  // namespace

Format const& diesel() {
    static Folders const format("diesel", "N_name/up.sql, N_name/down.sql, N_name/metadata.toml", false);
    return format;
}

Format const& hasura() {
    static Folders const format("hasura", "N_name/up.sql, N_name/down.sql; N in milliseconds", true);
    return format;
}

}  // namespace undrop::sources
