// Prisma: N_name/migration.sql, up only. The whole name is the version: numbers may be shared.
#include <algorithm>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace {

bool is_migration(File const& file) { return file.base() == "migration.sql" && file.folder().find('/') == std::string_view::npos; }

class Prisma : public Format {
public:
    Prisma() : Format("prisma", "N_name/migration.sql, migration_lock.toml; a down.sql beside it is the way back", Order::bytes) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        return std::any_of(files.begin(), files.end(), [](File const& file) { return is_migration(file) && numbered(file.folder()); });
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        Gathering found;
        for (auto const& file : files) {
            bool const down = file.base() == "down.sql" && file.folder().find('/') == std::string_view::npos;
            if (file.folder().empty() || (!is_migration(file) && !down)) continue;
            auto const name = numbered(file.folder());
            if (!name)
                return refused("the name of this folder is not a migration's", file.where,
                               "name it N_name, N in digits: the time, as Prisma does");
            Script script{file.text, file.where};
            mark_where_concurrent(script);
            UNDROP_CHECK(found.add(as_version(file.folder()), name->name, down ? Part::down : Part::up, std::move(script)));
        }
        return found.finish("/migration.sql");
    }

    [[nodiscard]] std::optional<std::string> checksum_of(File const& file, SourceWish const&) const override {
        return is_migration(file) ? std::optional(digests_of(file.text)) : std::nullopt;
    }
};

}  // namespace

Format const& prisma() {
    static Prisma const format;
    return format;
}

}  // namespace undrop::sources
