#include "source_for.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "rules.hpp"

namespace undrop {
namespace {

using Kind = Migration::Kind;

// R.name. of R.name.0123456789ab-2
std::string_view stem_of(std::string_view version) { return version.substr(0, version.rfind('.') + 1); }

Applied const* last_text(History const& history, std::string_view version) {
    Applied const* last = nullptr;
    for (auto const& applied : history.applied)
        if (stem_of(applied.version) == stem_of(version) && (!last || last->step < applied.step)) last = &applied;
    return last;
}

// A text that ran before another one runs again under a further version.
void give_version(Migration& migration, History const& history) {
    auto const* last = last_text(history, migration.version);
    if (last && last->up_sum == checksum(migration.up.text)) {
        migration.version = last->version;
        return;
    }
    auto const first = migration.version;
    for (int n = 2; history.find(migration.version); ++n) migration.version = fmt::format("{}-{}", first, n);
}

// The baseline that is applied; for a database with nothing the newest; else none.
std::string baseline_for(Source const& source, History const& history) {
    std::string newest;
    for (auto const& migration : source.migrations) {
        if (migration.kind != Kind::baseline) continue;
        auto const* applied = history.find(migration.version);
        if (applied && applied->up_sum == checksum(migration.up.text)) return migration.version;
        newest = migration.version;
    }
    bool const empty = history.applied.empty() && !history.unfinished;
    return empty ? newest : std::string();
}

bool same(std::string_view a, std::string_view b) { return !version_less(a, b) && !version_less(b, a); }

std::string_view number_of(std::string_view version) {
    return version.substr(0, std::min(version.find_first_not_of("0123456789."), version.size()));
}

}  // namespace

std::string full_version(std::string const& text, Source const& source, History const& history) {
    if (text == "0" || text.empty()) return text;
    std::vector<std::pair<std::string_view, std::string_view>> known;  // version and name
    for (auto const& migration : source.migrations) known.emplace_back(migration.version, migration.name);
    for (auto const& applied : history.applied) known.emplace_back(applied.version, applied.name);
    for (auto const& [version, name] : known)
        if (version == text) return text;
    std::set<std::string_view> meant;
    for (auto const& [version, name] : known)
        if (same(version, text)) meant.insert(version);
    if (meant.empty())
        for (auto const& [version, name] : known)
            if (name == text || (version != number_of(version) && !number_of(version).empty() && same(number_of(version), text)))
                meant.insert(version);
    return meant.size() == 1 ? std::string(*meant.begin()) : text;
}

bool is_repeatable(std::string_view version) { return version.starts_with("R."); }

bool is_earlier_text(Source const& source, std::string_view version) {
    return is_repeatable(version) && std::any_of(source.migrations.begin(), source.migrations.end(), [&](Migration const& m) {
               return m.kind == Kind::repeatable && stem_of(m.version) == stem_of(version);
           });
}

Source source_for(Source const& source, History const& history) {
    auto result = source;
    if (std::all_of(source.migrations.begin(), source.migrations.end(), [](Migration const& m) { return m.kind == Kind::usual; }))
        return result;
    auto const baseline = baseline_for(source, history);
    std::erase_if(result.migrations, [&](Migration const& m) {
        if (m.kind == Kind::baseline) return m.version != baseline;
        return m.kind == Kind::usual && !baseline.empty() && !version_less(baseline, m.version);
    });
    for (auto& migration : result.migrations)
        if (migration.kind == Kind::repeatable) give_version(migration, history);
    return result;
}

}  // namespace undrop
