// Pairs: N_name.up.sql and N_name.down.sql. Those of undrop, golang-migrate and sqlx, whose N_name.sql is an up alone, and of Authelia:
// V0001.Name.up.sql.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "nearest.hpp"
#include "sources/common.hpp"
#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

constexpr std::array<std::string_view, 4> parts = {"up", "down", "check", "down.check"};

// The words of other tools for the first lines.
bool asks_for_no_transaction(std::string_view text) {
    for (auto const& line : lines_of(text)) {
        auto const words = trimmed(line.text);
        if (words.empty()) continue;
        if (!words.starts_with("--")) return false;
        auto const said = lower(trimmed(words.substr(2)));
        for (auto const* known : {"no-transaction", "+migrate notransaction", "migrate:no-transaction", "disable_transaction"})
            if (said == known) return true;
    }
    return false;
}

class Pairs : public Format {
public:
    Pairs()
        : Format("pairs", "N_name.up.sql, N_name.down.sql; N_name.sql (undrop, golang-migrate, sqlx); V0001.Name.up.sql", Order::numbers) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        if (is_marked_up(files) || has_journal(files) || has_dialects(files) || shares_numbers(files)) return false;
        return std::any_of(files.begin(), files.end(), [](File const& file) { return file.folder().empty() && taken_apart(file.name); });
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        Gathering found;
        for (auto const& file : files) {
            if (!file.folder().empty() || !ends_in_sql(file.name)) continue;
            auto const name = taken_apart(file.name);
            if (!name) return misspelt(file);
            Script script{file.text, file.where};
            if (asks_for_no_transaction(file.text)) mark_no_transaction(script);
            UNDROP_CHECK(found.add(name->version, name->name, name->part, std::move(script)));
        }
        return found.finish();
    }
};

}  // namespace

std::optional<PairName> taken_apart(std::string_view name) {
    if (!name.ends_with(".sql")) return {};
    auto stem = name.substr(0, name.size() - 4);
    bool const has_v = stem.size() > 1 && stem[0] == 'V' && is_digits(stem.substr(1, 1));
    if (has_v) stem.remove_prefix(1);
    auto const end = stem.find_first_not_of("0123456789");
    if (end == 0 || end == std::string_view::npos || end + 1 == stem.size()) return {};
    if (stem[end] != '_' && !(has_v && stem[end] == '.')) return {};
    if (has_v && stem.substr(end).starts_with("__")) return {};  // Flyway's
    auto const rest = stem.substr(end + 1);
    PairName best{std::string(stem.substr(0, end)), std::string(rest), Part::up, true};
    std::size_t longest = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {  // The longest part that fits: x.down.check is no check of `x.down`.
        auto const part = parts[i];
        if (rest == part || rest.size() <= part.size() || !rest.ends_with(part) || rest[rest.size() - part.size() - 1] != '.') continue;
        auto const base = rest.substr(0, rest.size() - part.size() - 1);
        if (base.empty() || part.size() < longest) continue;
        longest = part.size();
        best.name = std::string(base);
        best.part = static_cast<Part>(i);
        best.alone = false;
    }
    if (!best.alone) return best;
    // N_name.dwon.sql is no up script that is called name.dwon.
    auto const dot = rest.rfind('.');
    if (rest == "up" || rest == "down" || rest == "check" || has_v) return {};
    if (dot != std::string_view::npos && !nearest(rest.substr(dot + 1), parts).empty()) return {};
    return best;
}

bool holds_both_ways(File const& file) {
    auto const name = taken_apart(file.name);
    return file.folder().empty() && ends_in_sql(file.name) && !(name && !name->alone);
}

Error misspelt(File const& file) {
    auto const name = file.base();
    auto const stem = name.substr(0, name.size() - 4);
    auto const digits = std::min(stem.find_first_not_of("0123456789"), stem.size());
    std::string advice = "name it VERSION_NAME.up.sql, .down.sql, .check.sql or .down.check.sql, VERSION in digits; or move it elsewhere";
    if (digits > 0 && digits + 1 < stem.size() && stem[digits] == '_') {
        auto const dot = stem.find('.');
        auto const base = stem.substr(0, dot);
        auto const part = dot == std::string_view::npos ? std::string_view("up") : nearest(stem.substr(dot + 1), parts);
        if (!part.empty() && base.size() > digits + 1) advice = fmt::format("did you mean {}.{}.sql?", base, part);
    }
    return refused("the name of this file is not a migration's", file.where, std::move(advice));
}

Format const& pairs() {
    static Pairs const format;
    return format;
}

}  // namespace undrop::sources
