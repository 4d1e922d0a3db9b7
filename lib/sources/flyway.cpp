// Flyway: V1.2__name.sql, U1.2__name.sql (the way back), R__name.sql (repeatable), B1.2__name.sql (baseline); ${placeholders}.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

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

constexpr char const* skips_callbacks = "skip-callbacks";

// beforeMigrate.sql, afterEachMigrate__note.sql
bool is_callback(File const& file) {
    auto const base = file.base();
    auto const event = base.substr(0, std::min(base.find("__"), base.size() - 4));
    auto const follows = [&](std::string_view word) {
        return event.size() > word.size() && event.starts_with(word) && event[word.size()] >= 'A' && event[word.size()] <= 'Z';
    };
    return follows("before") || follows("after") || event == "createSchema";
}

// V1__x.sql.conf, Flyway's settings of one script: whether it has the line KEY=VALUE.
bool is_set(Files const& files, File const& file, std::string_view key, std::string_view value) {
    auto const conf = std::find_if(files.begin(), files.end(), [&](File const& f) { return f.name == file.name + ".conf"; });
    if (conf == files.end()) return false;
    for (auto const& line : lines_of(conf->text)) {
        auto const equals = line.text.find('=');
        if (equals == std::string_view::npos || lower(trimmed(line.text.substr(0, equals))) != key) continue;
        return lower(trimmed(line.text.substr(equals + 1))) == value;
    }
    return false;
}

struct OwnPlaceholder {
    std::string_view name;  // in lower case
    std::string_view instead;
};
// Flyway's own, but for flyway:filename, of which all is known. What they stand for is another text for another target, user or run, and a
// script whose text changes is another migration: nobody but the author can say what is meant.
constexpr std::array<OwnPlaceholder, 8> own_placeholders = {{
    {"flyway:defaultschema", "leave it out where the schema is the first of the search path"},
    {"flyway:schemas", "write the schemas out"},
    {"flyway:user", "write CURRENT_USER, which the database fills in"},
    {"flyway:database", "write current_database(), or format('...%I...', current_database()) in a DO block"},
    {"flyway:timestamp", "write CURRENT_TIMESTAMP; a repeatable migration that has it to run each time runs when its text changes"},
    {"flyway:workingdirectory", "a script that needs a directory is run by your tool"},
    {"flyway:table", "write the table's name out"},
    {"flyway:environment", "write it out"},
}};

// What Flyway calls this: names are told apart by no case of letters. `main` is the only schema that a SQLite file has.
std::optional<std::string> stands_for(std::string const& name, File const& file, SourceWish const& wish) {
    if (auto const value = wish.set.find(name); value != wish.set.end()) return value->second;
    auto const wanted = lower(name);
    for (auto const& [key, value] : wish.set)
        if (lower(key) == wanted) return value;
    if (wanted == "flyway:filename") return std::string(file.base());
    if (wanted == "flyway:defaultschema" && wish.dialect == "sqlite") return "main";
    return {};
}

Error unknown_placeholder(std::string const& name, File const& file, int line, int column) {
    auto const* const own = std::find_if(own_placeholders.begin(), own_placeholders.end(),
                                         [&](OwnPlaceholder const& known) { return known.name == lower(name); });
    if (own == own_placeholders.end())
        return refused(fmt::format("${{{}}} stands for nothing", name), file.where,
                       fmt::format("say what it stands for: --set {}=TEXT", name), line, column);
    return refused(fmt::format("${{{}}} is another text for another database, user or run, and the script is to be the same for all", name),
                   file.where,
                   fmt::format("{}; or say what it stands for, everywhere: --set {}=TEXT, or \"{}\" = \"TEXT\" under [set] in undrop.toml",
                               own->instead, name, name),
                   line, column);
}

// ${name} as --set name=text says; `$${` is no SQL that anybody writes. What nobody set stays in comments.
Result<std::string> filled(Files const& files, File const& file, SourceWish const& wish) {
    if (file.text.find("${") == std::string::npos || is_set(files, file, "placeholderreplacement", "false")) return file.text;
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
            auto const value = stands_for(name, file, wish);
            if (!value && !comment)
                return unknown_placeholder(name, file, line.number, static_cast<int>(line.text.size() - rest.size() + at) + 1);
            result += rest.substr(0, at);
            result += value ? std::string_view(*value) : rest.substr(at, end - at + 1);
            rest.remove_prefix(end + 1);
        }
        result += rest;
    }
    return result;
}

// CRC-32 of the bytes of all lines, without their ends and without a BOM, as a signed number: SqlMigrationResolver.calculateChecksum,
// since 6.0 LoadableResource's, and BomFilter in flyway-core (github.com/flyway/flyway).
std::string line_crc(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::uint32_t crc = 0xFFFFFFFFU;
    for (char const c : text) {
        if (c == '\n' || c == '\r') continue;
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
    return std::to_string(static_cast<std::int32_t>(~crc));
}

// V1__x.sql.conf may say executeInTransaction=false. Flyway also finds out by itself what no transaction takes.
void mark(Files const& files, File const& file, Script& script) {
    if (is_set(files, file, "executeintransaction", "false")) return mark_no_transaction(script);
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
            if (!name && is_callback(file)) {
                if (wish.set.contains(skips_callbacks)) continue;
                return refused("this is a callback, which Flyway runs beside migrations, and undrop does not", file.where,
                               "make what it does a repeatable migration, R__name.sql; or, where the schema does without it, leave "
                               "callbacks out with --set skip-callbacks=yes");
            }
            if (!name)
                return refused("the name of this file is not a migration's", file.where,
                               "name it V1__name.sql, U1__name.sql (its way back), R__name.sql (repeatable) or B1__name.sql (baseline)");
            UNDROP_TRY(auto text, filled(files, file, wish));
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

    // Of a repeatable one with its placeholders filled in.
    [[nodiscard]] std::optional<std::string> checksum_of(File const& file, SourceWish const& wish) const override {
        auto const name = named(file);
        if (!name || name->kind == 'B') return {};
        if (name->kind != 'R') return line_crc(file.text);
        auto const text = filled({}, file, wish);
        return text ? std::optional(line_crc(text.value())) : std::nullopt;
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
