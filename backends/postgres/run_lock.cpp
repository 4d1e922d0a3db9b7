#include "run_lock.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <random>
#include <string_view>
#include <thread>

#include <fmt/format.h>

#include "try.hpp"

namespace undrop::postgres {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// FNV-1a, 64 bits.
std::uint64_t hash(std::string_view text) {
    std::uint64_t value = 0xcbf29ce484222325;
    for (char const c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return value;
}

std::string locks_of(std::int64_t key) {
    auto const bits = std::bit_cast<std::uint64_t>(key);
    return fmt::format(
        "l.locktype = 'advisory' and l.granted and l.classid = {} and l.objid = {} and l.objsubid = 1 "
        "and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())",
        bits >> 32, bits & 0xffffffff);
}

std::string for_holders(std::int64_t key, std::string const& columns) {
    return fmt::format("select {} from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid where {}", columns,
                       locks_of(key));
}

}  // namespace

std::int64_t run_key(std::string const& ledger) { return std::bit_cast<std::int64_t>(hash("undrop: one migrator at a time: " + ledger)); }

Result<bool> RunLock::is_lease(Options const& options) {
    if (options.lock != Lock::automatic) return options.lock == Lock::lease;
    UNDROP_CHECK(connection_.find_pooler());
    return connection_.pooled();
}

// Either kind is given only where the other one is free: a lease is taken, and used, under the same advisory lock.
Result<bool> RunLock::try_lock(Options const& options, bool lease) {
    if (lease) return lease_.take(options, key_);
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format("select pg_catalog.pg_try_advisory_lock({})", key_)));
    if (rows.at(0).at(0) != "t") return false;
    auto free = Lease::ended(connection_, session_, options.ledger);
    if (free && free.value()) return true;
    (void)connection_.rows(fmt::format("select pg_catalog.pg_advisory_unlock({})", key_));
    return free;
}

std::string RunLock::holder(Options const& options) {
    if (auto who = Lease::holder(connection_, session_, options.ledger); !who.empty()) return who;
    auto const rows = connection_.rows(for_holders(key_,
                                                   "l.pid, a.application_name, a.usename, pg_catalog.to_char(a.backend_start at time "
                                                   "zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"));
    if (!rows.has_value() || rows.value().empty()) return {};
    auto const& row = rows.value()[0];
    return fmt::format("process {} ({} as {}){}", row[0].value_or("?"), row[1] && !row[1]->empty() ? *row[1] : "no name",
                       row[2].value_or("?"), row[3] ? ", connected since " + *row[3] : "");
}

Error RunLock::busy(Options const& options) {
    auto const who = holder(options);
    auto const waited =
        options.wait.count() > 0 ? fmt::format("; waited {:.1f} s", std::chrono::duration<double>(options.wait).count()) : std::string();
    return Error{
        .code = Code::busy,
        .message = fmt::format("another migrator is at work on ledger {}{}{}", options.ledger, who.empty() ? "" : ": " + who, waited),
        .next = {.advice = "try again when it has finished, or wait for longer"}};
}

// Tells once that we wait, and asks whether to go on. Callbacks are the program's and may throw.
Result<void> RunLock::ask(Options const& options, bool told) {
    try {
        if (!told && options.on_event) {
            auto const who = holder(options);
            options.on_event({.kind = Event::Kind::waiting,
                              .text = fmt::format("another migrator is at work{}; waiting for it", who.empty() ? "" : ": " + who),
                              .version = {},
                              .direction = Direction::up});
        }
        if (!options.cancelled || !options.cancelled()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    } catch (...) {
        return Error{.code = Code::interrupted, .message = "the program's event callback threw an exception"};
    }
    return Error{.code = Code::interrupted, .message = "cancelled while another migrator was at work"};
}

Result<void> RunLock::lock(Options const& options) {
    if (held_) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_TRY(bool const lease, is_lease(options));
    if (lease) UNDROP_CHECK(lease_.prepare(options));
    key_ = run_key(options.ledger);
    auto const end = Clock::now() + options.wait;
    std::minstd_rand random(std::random_device{}());
    milliseconds pause{20};
    for (bool told = false;; told = true) {
        UNDROP_TRY(held_, try_lock(options, lease));
        wanted_ = wanted_ || held_;
        if (held_) return BOOST_OUTCOME_V2_NAMESPACE::success();
        auto const left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
        if (left.count() <= 0) return busy(options);
        UNDROP_CHECK(ask(options, told));
        auto const jittered = milliseconds(pause.count() / 2 + std::uniform_int_distribution<milliseconds::rep>(0, pause.count())(random));
        std::this_thread::sleep_for(std::min(jittered, left));
        pause = std::min(pause * 2, milliseconds{200});
    }
}

Result<void> RunLock::regain(Options const& options) {
    if (wanted_) return lock(options);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

void RunLock::unlock() {
    wanted_ = false;
    // A lease outlives the connection: others should not have to wait for its time.
    if (lease_.held() && connection_.lost() && !connection_.borrowed() && connection_.reconnect()) (void)session_.start_anew();
    if (lease_.held())
        lease_.give_back();
    else if (held_ && !connection_.lost())
        (void)connection_.rows(fmt::format("select pg_catalog.pg_advisory_unlock({})", key_));
    held_ = false;
}

// A script cannot let go of the locks of its own transaction.
Result<bool> RunLock::intact() {
    if (!held_ || lease_.held()) return true;
    UNDROP_TRY(auto const rows,
               connection_.repeated("select 1 from pg_catalog.pg_locks l where l.pid = pg_catalog.pg_backend_pid() and " + locks_of(key_)));
    return !rows.empty();
}

}  // namespace undrop::postgres
