#include "session.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "policy.hpp"
#include "screen.hpp"
#include "signals.hpp"

namespace undrop::cli {
namespace {

constexpr std::array<char const*, 4> usual_directories = {"migrations", "db/migrations", "supabase/migrations", "prisma/migrations"};

char const* name_of(Event::Kind kind) {
    switch (kind) {
        case Event::Kind::waiting:
            return "waiting";
        case Event::Kind::started:
            return "started";
        case Event::Kind::locked:
            return "locked";
        case Event::Kind::saved:
            return "saved";
        case Event::Kind::statement:
            return "runs";
        case Event::Kind::ran:
            return "ran";
        case Event::Kind::mended:
            return "mended";
        case Event::Kind::restored:
            return "restored";
        case Event::Kind::looked:
            return "looked";
        case Event::Kind::checked:
            return "checked";
        case Event::Kind::again:
            return "again";
        case Event::Kind::recorded:
            return "recorded";
        case Event::Kind::journaled:
            return "journaled";
        case Event::Kind::outside:
            return "ran";
        case Event::Kind::committed:
            return "committed";
        case Event::Kind::failed:
            return "failed";
        case Event::Kind::notice:
            return "notice";
        case Event::Kind::warning:
            break;
    }
    return "warning";
}

bool is_shown(Event::Kind kind, Flags const& flags) {
    if (flags.verbose || kind == Event::Kind::warning) return true;
    if (flags.quiet) return false;
    return kind == Event::Kind::waiting || kind == Event::Kind::again || kind == Event::Kind::notice;
}

std::string user_name() {
    auto const* entry = getpwuid(geteuid());
    return entry == nullptr ? std::to_string(geteuid()) : entry->pw_name;
}

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string with_create(std::string const& url) {
    if (!url.starts_with("sqlite:")) wrong_use("--create makes a SQLite file; this database is none", {.advice = "leave --create out"});
    return url + (url.find('?') == std::string::npos ? "?create=1" : "&create=1");
}

}  // namespace

Target Session::open(bool create) const {
    if (settings_.db.empty()) {
        wrong_use("no database is named",
                  {.advice = "say --db sqlite:PATH or --db postgresql://..., or set UNDROP_DB or DATABASE_URL, or db in undrop.toml"});
    }
    auto target = Target::open(create ? with_create(settings_.db) : settings_.db).value();
    if (!settings_.role.empty()) target.set_role(settings_.role).value();
    return target;
}

std::string Session::directory() const {
    if (!settings_.dir.empty()) return settings_.dir;
    std::error_code ignored;
    auto const* const found = std::find_if(usual_directories.begin(), usual_directories.end(),
                                           [&](char const* name) { return std::filesystem::is_directory(name, ignored); });
    return found == usual_directories.end() ? usual_directories.front() : *found;
}

SourceWish Session::source_wish() const {
    auto const is = [&](char const* scheme) { return settings_.db.starts_with(scheme); };
    auto const* dialect = is("sqlite:") ? "sqlite" : is("postgres") ? "postgresql" : "";
    return {.format = settings_.source_format, .set = settings_.set, .dialect = dialect};
}

Source Session::source() const { return Source::directory(directory(), source_wish()).value(); }

Source Session::source_or_ledger() const {
    std::error_code ignored;
    if (!settings_.dir.empty() || std::filesystem::exists(directory(), ignored)) return source();
    if (!flags_.quiet)
        remark(fmt::format("undrop: no directory {} here; the ledger's scripts are used.", fmt::join(usual_directories, ", ")));
    return Source{{}, "no directory"};
}

Options Session::options() const {
    Options options;
    options.program = "undrop " UNDROP_VERSION;
    options.user = user_name();
    options.host = host_name();
    options.label = settings_.label;
    if (!settings_.ledger.empty()) options.ledger = settings_.ledger;
    options.wait = settings_.wait.value_or(options.wait);
    options.lock_timeout = settings_.lock_timeout.value_or(options.lock_timeout);
    options.statement_timeout = settings_.statement_timeout.value_or(options.statement_timeout);
    options.outside_wait = settings_.outside_wait.value_or(options.outside_wait);
    options.lease_time = settings_.lease_time.value_or(options.lease_time);
    options.keep_snapshots = settings_.keep_snapshots.value_or(options.keep_snapshots);
    options.lock = lock_of(settings_.lock);
    options.second_connection = !flags_.one_connection;
    options.published_store = flags_.published_store;
    options.cancelled = [] { return caught_signal() != 0; };
    options.on_event = [flags = flags_](Event const& event) {
        if (!is_shown(event.kind, flags)) return;
        auto const version = event.version.empty() ? "" : event.version + " ";
        remark(fmt::format("  {}{:<9} {}", version, name_of(event.kind), event.text));
    };
    return options;
}

}  // namespace undrop::cli
