// Drizzle: meta/_journal.json says which files there are and in which order; up only. `--> statement-breakpoint` ends a statement.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace {

constexpr std::string_view breakpoint = "--> statement-breakpoint";

File const* journal_of(Files const& files) {
    auto const found = std::find_if(files.begin(), files.end(), [](File const& file) { return file.name == "meta/_journal.json"; });
    return found == files.end() ? nullptr : &*found;
}

std::string with_ends(std::string const& text) {
    std::string result;
    for (auto const& line : lines_of(text)) {
        if (line.number > 1) result += '\n';
        auto const at = line.text.find(breakpoint);
        if (at == std::string_view::npos) {
            result += line.text;
            continue;
        }
        result += line.text.substr(0, at);
        if (!trimmed(result).empty() && !trimmed(result).ends_with(';')) result += ';';
        result += line.text.substr(at);
    }
    return result;
}

class Drizzle : public Format {
public:
    Drizzle() : Format("drizzle", "meta/_journal.json, N_name.sql with `--> statement-breakpoint`", Order::listed) {}

    [[nodiscard]] bool fits(Files const& files) const override { return has_journal(files); }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        auto const* journal = journal_of(files);
        if (!journal)
            return refused("there is no meta/_journal.json", files.empty() ? "" : files.front().where, "name Drizzle's `out` directory");
        auto const json = nlohmann::json::parse(journal->text, nullptr, false);
        auto const entries = json.is_object() ? json.find("entries") : json.end();
        if (!json.is_object() || entries == json.end() || !entries->is_array())
            return refused("this journal has no entries", journal->where, "make it anew with drizzle-kit");
        std::vector<Numbered> order;
        for (auto const& entry : *entries) {
            auto const tag = entry.is_object() ? entry.value("tag", std::string()) : std::string();
            if (tag.empty()) return refused("an entry of this journal has no tag", journal->where, "make it anew with drizzle-kit");
            order.push_back({tag, tag});
        }
        number(order);
        Gathering found;
        for (std::size_t i = 0; i < order.size(); ++i) {
            auto const tag = (*entries)[i].value("tag", std::string());
            auto const file = std::find_if(files.begin(), files.end(), [&](File const& f) { return f.name == tag + ".sql"; });
            if (file == files.end())
                return refused(fmt::format("{}.sql is not there, and the journal names it", tag), journal->where, "bring the file back");
            UNDROP_CHECK(found.add(order[i].version, order[i].name, Part::up, {with_ends(file->text), file->where}));
        }
        return found.finish(".sql");
    }

    [[nodiscard]] std::optional<std::string> checksum_of(File const& file, SourceWish const&) const override {
        return file.name.ends_with(".sql") ? std::optional(digests_of(file.text)) : std::nullopt;
    }

private:
    // By the tags' own numbers, where they are in the journal's order; else by the place in it.
    static void number(std::vector<Numbered>& order) {
        std::vector<Numbered> own;
        for (auto const& entry : order)
            if (auto split = numbered(entry.name)) own.push_back(std::move(*split));
        auto const disordered = [](Numbered const& a, Numbered const& b) { return !version_less(a.version, b.version); };
        if (own.size() == order.size() && std::adjacent_find(own.begin(), own.end(), disordered) == own.end()) {
            order = std::move(own);
            return;
        }
        for (std::size_t i = 0; i < order.size(); ++i) order[i].version = fmt::format("{:04}", i);
    }
};

}  // namespace

bool has_journal(Files const& files) { return journal_of(files) != nullptr; }

Format const& drizzle() {
    static Drizzle const format;
    return format;
}

}  // namespace undrop::sources
