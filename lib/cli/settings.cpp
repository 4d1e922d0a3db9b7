#include "settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>
#include <undrop/snapshots.hpp>
#include <undrop/source.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "screen.hpp"
#include "suggest.hpp"

namespace undrop::cli {
namespace {

constexpr char const* file_name = "undrop.toml";

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};
constexpr std::array<Unit, 6> units = {{{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", 3'600'000}}};

std::chrono::milliseconds time(std::string_view text, std::string const& what) {
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    auto const unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (auto const& known : units) {
        if (error == std::errc() && number >= 0 && number < 1'000'000'000 && unit == known.name) {
            return std::chrono::milliseconds(number * known.milliseconds);
        }
    }
    wrong_use(fmt::format("{} is no time: \"{}\"", what, text), {.advice = "write it as 500ms, 60s, 5min or 1h; a bare number is seconds"});
}

class File {
public:
    File() {
        std::error_code ignored;
        if (!std::filesystem::exists(file_name, ignored)) return;
        try {
            table_ = toml::parse_file(file_name);
        } catch (toml::parse_error const& e) {
            auto const at = e.source().begin;
            throw Failure({.code = Code::usage,
                           .message = fmt::format("this file is no TOML: {}", e.description()),
                           .where = {file_name, static_cast<int>(at.line), static_cast<int>(at.column)},
                           .next = {.advice = "correct the file, or run undrop in another directory"}});
        }
        for (auto const& [key, value] : table_) known(key, value);
    }

    [[nodiscard]] std::string text(std::string_view key) const {
        auto const node = table_[key];
        if (auto const number = node.value_exact<std::int64_t>()) return std::to_string(*number);
        return node.value_or(std::string());
    }

    // [set]: placeholders and what they stand for
    [[nodiscard]] std::map<std::string, std::string> texts(std::string_view key) const {
        std::map<std::string, std::string> result;
        auto const* table = table_[key].as_table();
        if (table == nullptr) return result;
        for (auto const& [name, value] : *table) {
            auto const number = value.value_exact<std::int64_t>();
            result[std::string(name.str())] = number ? std::to_string(*number) : value.value_or(std::string());
        }
        return result;
    }

    [[nodiscard]] Place place(std::string_view key) const {
        auto const* node = table_.get(key);
        if (node == nullptr) return {};
        return {file_name, static_cast<int>(node->source().begin.line), static_cast<int>(node->source().begin.column)};
    }

private:
    static void known(toml::key const& key, toml::node const& value) {
        static std::vector<std::string> const keys = {
            "db",    "dir",          "ledger", "label",      "wait",           "lock_timeout",      "outside_wait", "statement_timeout",
            "ahead", "busy",         "lock",   "lease_time", "keep_snapshots", "require_rehearsal", "evidence",     "accept",
            "set",   "source_format"};
        Place const where{file_name, static_cast<int>(key.source().begin.line), static_cast<int>(key.source().begin.column)};
        if (std::find(keys.begin(), keys.end(), key.str()) == keys.end()) {
            auto const meant = nearest(key.str(), keys);
            auto const advice =
                meant.empty() ? fmt::format("the keys are {}", fmt::join(keys, ", ")) : fmt::format("did you mean {}?", meant);
            throw Failure({.code = Code::usage,
                           .message = fmt::format("there is no setting \"{}\"", key.str()),
                           .where = where,
                           .next = {.advice = advice}});
        }
        if (key.str() == "set" && value.is_table()) return texts_only(*value.as_table());
        if (key.str() == "set" || (!value.is_string() && !value.is_integer())) {
            throw Failure({.code = Code::usage,
                           .message = fmt::format("\"{}\" wants a text", key.str()),
                           .where = where,
                           .next = {.advice = key.str() == "set" ? "write it as [set] and lines NAME = \"TEXT\""
                                                                 : fmt::format("write it as {} = \"...\"", key.str())}});
        }
    }

    static void texts_only(toml::table const& table) {
        for (auto const& [name, value] : table)
            if (!value.is_string() && !value.is_integer())
                throw Failure(
                    {.code = Code::usage,
                     .message = fmt::format("\"{}\" wants a text", name.str()),
                     .where = {file_name, static_cast<int>(name.source().begin.line), static_cast<int>(name.source().begin.column)},
                     .next = {.advice = fmt::format("write it as {} = \"...\"", name.str())}});
    }

    toml::table table_;
};

std::string first(std::string const& a, std::string const& b) { return a.empty() ? b : a; }

void choose_database(Settings& result, Flags const& flags, File const& file) {
    result.db = flags.db;
    for (auto const* name : {"UNDROP_DB", "DATABASE_URL"}) {
        auto const* value = std::getenv(name);
        if (result.db.empty() && value != nullptr && *value != '\0') {
            result.db = value;
            result.environment = name;
        }
    }
    result.db = first(result.db, file.text("db"));
}

std::optional<std::chrono::milliseconds> optional_time(std::string const& flag, std::string const& option, std::string const& in_file,
                                                       std::string const& key) {
    if (!flag.empty()) return time(flag, option);
    if (!in_file.empty()) return time(in_file, fmt::format("{} of {}", key, file_name));
    return {};
}

// As in `snapshots purge --older-than 30d` and `-- undrop: keep 90d`.
std::optional<std::chrono::hours> optional_age(std::string const& flag, File const& file) {
    constexpr char const* key = "keep_snapshots";
    auto const in_file = file.text(key);
    if (flag.empty() && in_file.empty() && file.place(key).line == 0) return {};
    auto const age = hours_of(flag.empty() ? in_file : flag);
    if (age.has_value()) return age.value();
    auto error = age.error();
    error.message = fmt::format("{}: {}", flag.empty() ? key : "--keep-snapshots", error.message);
    if (flag.empty()) error.where = file.place(key);
    throw Failure(std::move(error));
}

}  // namespace

Settings settings(Flags const& flags) {
    File const file;
    Settings result;
    choose_database(result, flags, file);
    result.dir = first(flags.dir, file.text("dir"));
    result.source_format = first(flags.source_format, file.text("source_format"));
    if (auto const known = Source::embedded({}, "", {.format = result.source_format}); !known && known.error().code == Code::usage) {
        auto error = known.error();
        if (flags.source_format.empty()) error.where = file.place("source_format");
        throw Failure(std::move(error));
    }
    result.set = file.texts("set");
    for (auto const& given : flags.set) {
        auto const equals = given.find('=');
        if (equals == 0 || equals == std::string::npos)
            wrong_use(fmt::format("--set wants NAME=TEXT, and \"{}\" is none", given), {.command = "--help"});
        result.set[given.substr(0, equals)] = given.substr(equals + 1);
    }
    result.ledger = first(flags.ledger, file.text("ledger"));
    result.label = file.text("label");
    result.role = flags.role;
    result.wait = optional_time(flags.wait, "--wait", file.text("wait"), "wait");
    result.lock_timeout = optional_time(flags.lock_timeout, "--lock-timeout", file.text("lock_timeout"), "lock_timeout");
    result.outside_wait = optional_time(flags.outside_wait, "--outside-wait", file.text("outside_wait"), "outside_wait");
    result.statement_timeout =
        optional_time(flags.statement_timeout, "--statement-timeout", file.text("statement_timeout"), "statement_timeout");
    result.lease_time = optional_time(flags.lease_time, "--lease-time", file.text("lease_time"), "lease_time");
    result.keep_snapshots = optional_age(flags.keep_snapshots, file);
    result.ahead = file.text("ahead");
    result.busy = file.text("busy");
    result.lock = first(flags.lock, file.text("lock"));
    result.require_rehearsal = file.text("require_rehearsal");
    result.evidence = file.text("evidence");
    result.accept = file.text("accept");
    return result;
}

}  // namespace undrop::cli
