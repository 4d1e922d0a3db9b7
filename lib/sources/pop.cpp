// pop: N_name[.dialect][.autocommit].up.sql and .down.sql. A dialect's own file beats the one for all. Ory's popx has one statement a file:
// those of one name whose versions differ in their last six digits are one migration.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "grouped.hpp"
#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

struct Dialect {
    std::string_view suffix;
    std::string_view target;  // SourceWish::dialect; empty: none of undrop's
};
constexpr std::array<Dialect, 9> dialects = {{{"postgres", "postgresql"},
                                              {"postgresql", "postgresql"},
                                              {"sqlite", "sqlite"},
                                              {"sqlite3", "sqlite"},
                                              {"mysql", ""},
                                              {"mariadb", ""},
                                              {"cockroach", ""},
                                              {"crdb", ""},
                                              {"mssql", ""}}};

struct PopName {
    std::string version;
    std::string name;
    Dialect const* dialect = nullptr;  // none: for all
    bool autocommit = false;
    bool down = false;
};

Dialect const* dialect_of(std::string_view suffix) {
    auto const* const found = std::find_if(dialects.begin(), dialects.end(), [&](Dialect const& d) { return d.suffix == suffix; });
    return found == dialects.end() ? nullptr : found;
}

bool take_end(std::string_view& text, std::string_view end) {
    if (!text.ends_with(end)) return false;
    text.remove_suffix(end.size());
    return true;
}

std::optional<PopName> named(File const& file) {
    if (!file.folder().empty()) return {};
    std::string_view rest = file.name;
    PopName found;
    found.down = take_end(rest, ".down.sql");
    if (!found.down && !take_end(rest, ".up.sql")) return {};
    found.autocommit = take_end(rest, ".autocommit");
    if (auto const dot = rest.rfind('.'); dot != std::string_view::npos) {
        found.dialect = dialect_of(rest.substr(dot + 1));
        if (found.dialect) rest = rest.substr(0, dot);
    }
    auto split = numbered(rest);
    if (!split) return {};
    found.version = std::move(split->version);
    found.name = std::move(split->name);
    return found;
}

struct Piece {
    Script script;
    bool own = false;  // of the dialect
    bool autocommit = false;
};

struct Step {
    std::string version;
    std::string name;
    std::optional<Piece> up;
    std::optional<Piece> down;
};

Script joined(std::vector<Piece const*> const& pieces) {
    std::vector<Script> scripts;
    for (auto const* piece : pieces) scripts.push_back(piece->script);
    auto all = grouped(scripts);
    if (std::any_of(pieces.begin(), pieces.end(), [](Piece const* piece) { return piece->autocommit; })) mark_no_transaction(all);
    return all;
}

// One statement a file: 20 digits, of which the last six count within the migration.
bool go_together(Step const& a, Step const& b) {
    return a.version.size() == 20 && b.version.size() == 20 && a.name == b.name && a.version.compare(0, 14, b.version, 0, 14) == 0;
}

class Pop : public Format {
public:
    Pop() : Format("pop", "N_name[.dialect][.autocommit].up.sql, .down.sql; the dialect is the target's", Order::bytes) {}

    [[nodiscard]] bool fits(Files const& files) const override { return has_dialects(files); }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const& wish) const override {
        UNDROP_TRY(auto const steps, steps_of(files, wish));
        std::vector<Migration> migrations;
        for (auto first = steps.begin(); first != steps.end();) {
            auto const last = std::find_if(first + 1, steps.end(), [&](Step const& step) { return !go_together(*first, step); });
            Migration migration{.version = first->version, .name = first->name};
            std::vector<Piece const*> ups;
            std::vector<Piece const*> downs;
            for (auto step = first; step != last; ++step) {
                UNDROP_CHECK(no_template(step->up->script, true));
                ups.push_back(&*step->up);
                if (step->down) downs.insert(downs.begin(), &*step->down);
            }
            migration.up = joined(ups);
            if (!downs.empty()) migration.down = joined(downs);
            migrations.push_back(std::move(migration));
            first = last;
        }
        return migrations;
    }

private:
    // The files of the target's dialect, by version; what has no up for it is none of its.
    [[nodiscard]] static Result<std::vector<Step>> steps_of(Files const& files, SourceWish const& wish) {
        std::map<std::string, Step> found;
        for (auto const& file : files) {
            if (file.folder().empty() && file.name.ends_with(".fizz"))
                return refused("this migration is in fizz, which only pop reads", file.where,
                               "write it as SQL: `soda fizz` or `buffalo pop` prints it");
            if (!ends_in_sql(file.name) || !file.folder().empty()) continue;
            auto const name = named(file);
            if (!name) return refused("the name of this file is not a migration's", file.where, "name it N_name.up.sql or N_name.down.sql");
            if (name->dialect && wish.dialect.empty())
                return refused("this file is one database's, and it is not said whose files are to be read", file.where,
                               "name the database with --db; a program says SourceWish::dialect");
            if (name->dialect && name->dialect->target != wish.dialect) continue;
            auto& step = found[name->version];
            if (step.version.empty()) step = Step{name->version, name->name, {}, {}};
            if (step.name != name->name)
                return refused(fmt::format("version {} is there twice, as {} and as {}", name->version, step.name, name->name), file.where,
                               "give one of the two migrations another version");
            auto& piece = name->down ? step.down : step.up;
            if (!piece || !piece->own) piece = Piece{{file.text, file.where}, name->dialect != nullptr, name->autocommit};
        }
        std::vector<Step> steps;
        for (auto& [version, step] : found)
            if (step.up) steps.push_back(std::move(step));
        return steps;
    }
};

}  // namespace

bool has_dialects(Files const& files) {
    return std::any_of(files.begin(), files.end(), [](File const& file) {
        auto const name = named(file);
        return (name && (name->dialect || name->autocommit)) || (file.folder().empty() && file.name.ends_with(".fizz"));
    });
}

Format const& pop() {
    static Pop const format;
    return format;
}

}  // namespace undrop::sources
