#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>

#include <undrop/source.hpp>

#include "nearest.hpp"
#include "try.hpp"

namespace undrop {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

constexpr std::array<std::string_view, 4> parts = {"up", "down", "check", "down.check"};

// VERSION_NAME.PART.sql, taken apart.
struct FileName {
    std::string version;
    std::string name;
    std::string_view part;
};

Error refused(std::string message, std::string const& file, std::string advice) {
    return {.code = Code::refused, .message = std::move(message), .where = {.file = file}, .next = {.advice = std::move(advice)}};
}

bool ends_in_sql(std::string_view name) {
    if (name.size() < 4) return false;
    std::string end(name.substr(name.size() - 4));
    std::transform(end.begin(), end.end(), end.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return end == ".sql";
}

// Why a name that ends in .sql is none of ours, and what it was probably meant to be.
Error misspelt(std::string_view name, std::string const& file) {
    auto const stem = name.substr(0, name.size() - 4);
    auto const digits = std::min(stem.find_first_not_of("0123456789"), stem.size());
    std::string advice = "name it VERSION_NAME.up.sql, .down.sql, .check.sql or .down.check.sql, VERSION in digits; or move it elsewhere";
    if (digits > 0 && digits + 1 < stem.size() && stem[digits] == '_') {
        auto const dot = stem.find('.');
        auto const base = stem.substr(0, dot);
        auto const part = dot == std::string_view::npos ? std::string_view("up") : nearest(stem.substr(dot + 1), parts);
        if (!part.empty() && base.size() > digits + 1) advice = fmt::format("did you mean {}.{}.sql?", base, part);
    }
    return refused("the name of this file is not a migration's", file, std::move(advice));
}

std::optional<FileName> taken_apart(std::string_view name) {
    auto const underscore = name.find_first_not_of("0123456789");
    if (underscore == 0 || underscore == std::string_view::npos || name[underscore] != '_') return {};
    if (!name.ends_with(".sql")) return {};
    auto const stem = name.substr(underscore + 1, name.size() - underscore - 5);
    FileName best;
    for (auto const part : parts) {  // The longest part that fits: x.down.check is no check of `x.down`.
        if (stem.size() > part.size() + 1 && stem.ends_with(part) && stem[stem.size() - part.size() - 1] == '.' &&
            part.size() > best.part.size()) {
            best = {std::string(name.substr(0, underscore)), std::string(stem.substr(0, stem.size() - part.size() - 1)), part};
        }
    }
    return best.part.empty() ? std::nullopt : std::optional(best);
}

class Collector {
public:
    // `file` is the name for messages.
    Result<void> add(std::string_view name, std::string file, std::string text);
    Result<std::vector<Migration>> finish();

private:
    struct ByVersion {
        bool operator()(std::string const& a, std::string const& b) const { return version_less(a, b); }
    };
    struct Entry {
        Migration migration;
        std::string first_file;
        bool has_up = false;
    };
    std::map<std::string, Entry, ByVersion> entries_;
};

Result<void> Collector::add(std::string_view name, std::string file, std::string text) {
    auto const parsed = taken_apart(name);
    if (!parsed) return misspelt(name, file);
    if (parsed->version.find_first_not_of('0') == std::string::npos) {
        return refused("version 0 stands for \"nothing applied\"", file, "give the migration a version of 1 or more");
    }
    auto& entry = entries_[parsed->version];
    auto& migration = entry.migration;
    if (entry.first_file.empty()) {
        migration.version = parsed->version;
        migration.name = parsed->name;
        entry.first_file = file;
    } else if (migration.version != parsed->version || migration.name != parsed->name) {
        return refused(fmt::format("version {} is there twice: {} is of the same version", parsed->version, entry.first_file), file,
                       "give one of the two migrations another version; versions are compared as numbers");
    }
    Script script{std::move(text), std::move(file)};
    if (parsed->part == "up") {
        migration.up = std::move(script);
        entry.has_up = true;
    } else {
        auto& part = parsed->part == "down" ? migration.down : parsed->part == "check" ? migration.check : migration.down_check;
        part = std::move(script);
    }
    return outcome::success();
}

Result<std::vector<Migration>> Collector::finish() {
    std::vector<Migration> result;
    for (auto& [version, entry] : entries_) {
        if (!entry.has_up) {
            return refused(fmt::format("migration {} has no up script", version), entry.first_file,
                           fmt::format("add {}_{}.up.sql, or remove this file", version, entry.migration.name));
        }
        result.push_back(std::move(entry.migration));
    }
    return result;
}

Result<std::string> read_file(std::filesystem::path const& path) {
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in.is_open() || in.bad()) {
        return refused("this file cannot be read", path.string(), "see that the file is there and that you may read it");
    }
    return text;
}

Result<std::vector<std::filesystem::path>> files_of(std::filesystem::path const& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
        bool const exists = std::filesystem::exists(path, error);
        return refused(exists ? "this is no directory" : "there is no such directory of migrations", path.string(),
                       "name the directory with --dir, or make the first migration with `undrop new NAME`");
    }
    std::vector<std::filesystem::path> result;
    std::filesystem::directory_iterator at(path, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        std::error_code ignored;
        auto const name = at->path().filename().string();
        if (ends_in_sql(name) && name.front() != '.' && !at->is_directory(ignored)) result.push_back(at->path());
    }
    if (error) return refused("this directory cannot be read: " + error.message(), path.string(), "see that you may read it");
    std::sort(result.begin(), result.end());
    return result;
}

}  // namespace

Result<Source> Source::directory(std::filesystem::path const& path) {
    UNDROP_TRY(auto const files, files_of(path));
    Collector collector;
    for (auto const& file : files) {
        UNDROP_TRY(auto text, read_file(file));
        UNDROP_CHECK(collector.add(file.filename().string(), file.string(), std::move(text)));
    }
    UNDROP_TRY(auto migrations, collector.finish());
    return Source{std::move(migrations), path.string()};
}

Result<Source> Source::embedded(std::span<EmbeddedFile const> files, std::string origin) {
    Collector collector;
    for (auto const& file : files) {
        if (ends_in_sql(file.name)) UNDROP_CHECK(collector.add(file.name, std::string(file.name), std::string(file.text)));
    }
    UNDROP_TRY(auto migrations, collector.finish());
    return Source{std::move(migrations), std::move(origin)};
}

}  // namespace undrop
