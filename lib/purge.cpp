// Purge: snapshots go for good, by an explicit wish or by a retention that the user set.
#include "purge.hpp"
#include "aside.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "apply.hpp"
#include "keep_aside.hpp"
#include "snapshots.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::system_clock;
using Time = std::chrono::time_point<Clock, std::chrono::seconds>;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Of ISO 8601 in UTC, to the second. What cannot be read is of the present: nothing too new is purged.
Time time_of(std::string const& at, Time now) {
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (std::sscanf(at.c_str(), "%d-%u-%uT%d:%d:%d", &year, &month, &day, &hour, &minute, &second) != 6) return now;
    auto const date = std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day};
    if (!date.ok()) return now;
    return Time{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second};
}

std::string date_of(Time time) {
    std::chrono::year_month_day const date{std::chrono::floor<std::chrono::days>(time)};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
}

// The directives of the step that saved a snapshot: of its migration's scripts, as the ledger holds them.
class Keeps {
public:
    explicit Keeps(Ledger& ledger) : ledger_(ledger) {}

    // The longest `keep` of the scripts of a step; 0: there is none.
    Result<std::chrono::hours> of(std::int64_t step) {
        if (auto const known = known_.find(step); known != known_.end()) return known->second;
        std::chrono::hours longest{0};
        UNDROP_TRY(auto const scripts, ledger_.scripts_of(step));
        for (auto const& text : scripts) {
            auto const told = directives({text, ""});
            if (!told || !told.value().keep) continue;
            if (auto const hours = hours_of(*told.value().keep)) longest = std::max(longest, hours.value());
        }
        known_.emplace(step, longest);
        return longest;
    }

private:
    Ledger& ledger_;
    std::map<std::int64_t, std::chrono::hours> known_;
};

// One line for each migration whose rows or values do not come back any more.
std::vector<std::string> irreversible(History const& history, std::vector<SnapshotInfo> const& going) {
    std::map<std::string, std::string> lost;  // by what needs it
    std::vector<std::string> order;
    for (auto const& info : going) {
        if (info.needed_by.empty() || info.kind == name_of(Snapshot::Kind::view)) continue;  // which its query fills anyway
        auto& names = lost[info.needed_by];
        if (names.empty()) order.push_back(info.needed_by);
        names += (names.empty() ? "" : ", ") + info.what;
    }
    std::vector<std::string> lines;
    for (auto const& need : order) {
        auto const version = need.substr(need.rfind(' ') + 1);
        auto const* applied = history.find(version);
        lines.push_back(fmt::format("{}{}: {} does not bring back {}", version, applied ? " " + applied->name : "",
                                    need.substr(0, need.rfind(' ')), lost.at(need)));
    }
    return lines;
}

bool may_go(SnapshotInfo const& info) { return !info.purged && info.kind != name_of(Snapshot::Kind::sequence); }

Result<Purge> planned(Backend& backend, Ledger& ledger, PurgeWish const& wish) {
    UNDROP_TRY(auto const history, ledger.history());
    Purge purge{.target = backend.description()};
    if (!history.has_ledger) return purge;
    if (history.unfinished) return not_while_in_progress(*history.unfinished);
    UNDROP_TRY(auto const all, ledger.list_snapshots(history));
    UNDROP_TRY(auto const asked, chosen(all, wish.ids));
    auto const now = std::chrono::floor<std::chrono::seconds>(Clock::now());
    Keeps keeps(ledger);
    for (auto const& info : asked) {
        if (!may_go(info) || (wish.older_than && time_of(info.at, now) > now - *wish.older_than)) continue;
        UNDROP_TRY(auto const keep, keeps.of(info.step));
        auto const until = time_of(info.at, now) + keep;
        if (wish.ids.empty() && keep.count() > 0 && until > now)
            purge.kept.push_back({info, fmt::format("migration {} says keep: until {}", info.version, date_of(until))});
        else
            purge.snapshots.push_back(info);
    }
    purge.irreversible = irreversible(history, purge.snapshots);
    return purge;
}

std::string detail_of(Purge const& purge) {
    auto gone = nlohmann::json::array();
    for (auto const& s : purge.snapshots)
        gone.push_back({{"id", s.id}, {"step", s.step}, {"what", s.what}, {"rows", s.rows}, {"bytes", s.bytes}, {"hash", s.hash}});
    nlohmann::json const detail = {{"purged", gone}, {"irreversible", purge.irreversible}};
    return detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// In one transaction of its own.
Result<void> take_away(Backend& backend, Ledger& ledger, Purge const& purge, Options const& options) {
    UNDROP_CHECK(backend.begin(options, {}));
    auto gone = [&]() -> Result<void> {
        for (auto const& info : purge.snapshots) {
            UNDROP_TRY(auto snapshot, manifest_of(ledger, info));
            if (snapshot.kind == Snapshot::Kind::aside) {
                UNDROP_CHECK(drop_aside(backend, ledger, snapshot));
                snapshot.hash = Snapshot::was_purged;
                UNDROP_CHECK(ledger.update(snapshot));
                continue;
            }
            UNDROP_TRY(auto const there, backend.columns_of(ledger.table(snapshot.store)));
            if (!there.empty()) UNDROP_CHECK(backend.run("drop table " + ledger.table(snapshot.store)));
            UNDROP_CHECK(Aside(backend, ledger, snapshot).drop());
            snapshot.store.clear();
            UNDROP_CHECK(ledger.update(snapshot));
        }
        UNDROP_CHECK(ledger.add_event("purged", detail_of(purge), options));
        return backend.commit();
    }();
    if (!gone) backend.rollback();
    return gone;
}

}  // namespace

Error not_while_in_progress(Unfinished const& step) {
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("{} {} is in progress: its snapshots may be needed to take it back", step.version, step.name),
                 .next = {.command = step.direction == Direction::up ? "up" : "down", .advice = "goes on with it first"}};
}

Result<std::chrono::hours> hours_of(std::string_view text) {
    std::int64_t number = 0;
    auto const digits = text.substr(0, text.empty() ? 0 : text.size() - 1);
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    auto const unit = std::string_view("hdwy").find(text.empty() ? ' ' : text.back());
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || number < 0 || number > 1'000'000 ||
        unit == std::string_view::npos)
        return Error{.code = Code::usage,
                     .left = Left::untouched,
                     .message = fmt::format("\"{}\" is no age", text),
                     .next = {.advice = "write it as 12h, 30d, 4w or 1y"}};
    constexpr std::array<std::int64_t, 4> hours{1, 24, 24 * 7, 24 * 365};
    return std::chrono::hours{number * hours[unit]};
}

Result<Purge> plan_purge(Target& target, PurgeWish const& wish, Options const& options) {
    if (static_cast<int>(!wish.ids.empty()) + static_cast<int>(wish.older_than.has_value()) + static_cast<int>(wish.all) != 1)
        return Error{.code = Code::usage,
                     .left = Left::untouched,
                     .message = "say which snapshots are to go, in one way",
                     .next = {.command = "snapshots purge ID ...", .advice = "or --older-than 30d, or --all"}};
    Ledger ledger(target.backend(), options.ledger);
    return planned(target.backend(), ledger, wish);
}

Result<Purge> purge_snapshots(Target& target, Purge const& purge, Options const& options) {
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    Purge done{.target = target.description(), .kept = purge.kept};
    if (purge.snapshots.empty()) return done;
    UNDROP_CHECK(with_run_lock(backend, options, [&]() -> Result<void> {
        UNDROP_CHECK(ledger.ensure(options));
        UNDROP_TRY(auto const history, ledger.history());
        if (history.unfinished) return not_while_in_progress(*history.unfinished);
        UNDROP_TRY(auto const all, ledger.list_snapshots(history));
        for (auto const& info : all)
            if (may_go(info) && std::any_of(purge.snapshots.begin(), purge.snapshots.end(),
                                            [&](SnapshotInfo const& s) { return s.id == info.id && s.step == info.step; }))
                done.snapshots.push_back(info);
        done.irreversible = irreversible(history, done.snapshots);
        return done.snapshots.empty() ? Result<void>(success()) : take_away(backend, ledger, done, options);
    }));
    return done;
}

// Options::keep_snapshots, at the end of a run, under its lock.
Result<Purge> purge_old(Backend& backend, Ledger& ledger, Options const& options) {
    UNDROP_TRY(auto purge, planned(backend, ledger, {.older_than = options.keep_snapshots}));
    if (!purge.snapshots.empty()) UNDROP_CHECK(take_away(backend, ledger, purge, options));
    return purge;
}

}  // namespace undrop
