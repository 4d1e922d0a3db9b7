// Flyway: V1.2__name.sql, U1.2__name.sql (the way back), R__name.sql (repeatable), B1.2__name.sql (baseline); ${placeholders}.
#include <fmt/format.h>

#include <algorithm>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

struct FlywayName {
    char kind = 'V';  // V, U, R, B
    std::string version;
    std::string name;
};

std::optional<FlywayName> named(File const& file) {
    auto const base = file.base();
    if (!base.ends_with(".sql")) return {};
    auto const stem = base.substr(0, base.size() - 4);
    auto const end = stem.find("__");
    if (end == std::string_view::npos || end == 0 || end + 2 == stem.size()) return {};
    FlywayName found{stem[0], std::string(stem.substr(1, end - 1)), std::string(stem.substr(end + 2))};
    std::replace(found.version.begin(), found.version.end(), '_', '.');  // V1_2__x is 1.2
    if (found.kind == 'R') return found.version.empty() ? std::optional(found) : std::nullopt;
    if (found.kind != 'V' && found.kind != 'U' && found.kind != 'B') return {};
    bool const is_version = !found.version.empty() && found.version.find_first_not_of("0123456789.") == std::string::npos &&
                            found.version.front() != '.' && found.version.back() != '.';
    return is_version ? std::optional(found) : std::nullopt;
}

// ${name} as --set name=text says; `$${` is no SQL that anybody writes.
Result<std::string> filled(File const& file, SourceWish const& wish) {
    std::string result;
    std::string_view const text = file.text;
    for (auto const& line : lines_of(text)) {
        if (line.number > 1) result += '\n';
        auto rest = line.text;
        bool const comment = trimmed(rest).starts_with("--");
        for (auto at = rest.find("${"); at != std::string_view::npos; at = rest.find("${")) {
            auto const end = rest.find('}', at);
            if (end == std::string_view::npos) break;
            auto const name = std::string(rest.substr(at + 2, end - at - 2));
            auto const value = wish.set.find(name);
            if (value == wish.set.end() && !comment) {
                auto const advice = name.starts_with("flyway:") ? "undrop has no placeholders of its own: say what it stands for"
                                                                : "say what it stands for";
                return refused(fmt::format("${{{}}} stands for nothing", name), file.where, fmt::format("{}: --set {}=TEXT", advice, name),
                               line.number, static_cast<int>(line.text.size() - rest.size() + at) + 1);
            }
            result += rest.substr(0, at);
            result += value == wish.set.end() ? rest.substr(at, end - at + 1) : std::string_view(value->second);
            rest.remove_prefix(end + 1);
        }
        result += rest;
    }
    return result;
}

// V1__x.sql.conf may say executeInTransaction=false. Flyway also finds out by itself what no transaction takes.
void mark(Files const& files, File const& file, Script& script) {
    auto const conf = std::find_if(files.begin(), files.end(), [&](File const& f) { return f.name == file.name + ".conf"; });
    bool const alone = conf != files.end() && lower(conf->text).find("executeintransaction=false") != std::string::npos;
    if (alone) return mark_no_transaction(script);
    mark_where_concurrent(script);
}

class Flyway : public Format {
public:
    Flyway() : Format("flyway", "V1.2__name.sql, U1.2__name.sql, R__name.sql, B1.2__name.sql; ${x} by --set x=TEXT", Order::numbers) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        return std::any_of(files.begin(), files.end(), [](File const& file) { return named(file).has_value(); });
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const& wish) const override {
        Gathering versions;
        Gathering baselines;
        std::vector<Migration> repeatables;
        for (auto const& file : files) {
            if (!ends_in_sql(file.name)) continue;
            auto const name = named(file);
            if (!name)
                return refused("the name of this file is not a migration's", file.where,
                               "name it V1__name.sql, U1__name.sql (its way back), R__name.sql (repeatable) or B1__name.sql (baseline)");
            UNDROP_TRY(auto text, filled(file, wish));
            Script script{std::move(text), file.where};
            mark(files, file, script);
            if (name->kind == 'R') {
                repeatables.push_back(repeatable(*name, std::move(script)));
            } else {
                auto& found = name->kind == 'B' ? baselines : versions;
                UNDROP_CHECK(found.add(name->version, name->name, name->kind == 'U' ? Part::down : Part::up, std::move(script)));
            }
        }
        UNDROP_TRY(auto migrations, versions.finish("__name.sql"));
        UNDROP_TRY(auto const based, baselines.finish());
        for (auto migration : based) {
            migration.kind = Migration::Kind::baseline;
            migrations.push_back(std::move(migration));
        }
        std::stable_sort(migrations.begin(), migrations.end(),
                         [](Migration const& a, Migration const& b) { return version_less(a.version, b.version); });
        std::sort(repeatables.begin(), repeatables.end(), [](Migration const& a, Migration const& b) { return a.name < b.name; });
        migrations.insert(migrations.end(), repeatables.begin(), repeatables.end());
        return migrations;
    }

private:
    // Another text is another version, so that the ledger keeps the earlier one and the way back to it.
    [[nodiscard]] static Migration repeatable(FlywayName const& name, Script script) {
        Migration migration{.name = name.name, .kind = Migration::Kind::repeatable};
        migration.version = fmt::format("R.{}.{}", as_version(name.name), checksum(script.text).substr(0, 12));
        migration.up = std::move(script);
        return migration;
    }
};

}  // namespace

Format const& flyway() {
    static Flyway const format;
    return format;
}

}  // namespace undrop::sources
