#include "lease.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "names.hpp"
#include "open.hpp"
#include "postgres_dialect.hpp"
#include "store.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

constexpr char const* columns =
    "id bigint not null primary key, fence bigint not null, holder text, who text, taken_at timestamp with time zone, renewed_at timestamp "
    "with time zone, expires_at timestamp with time zone";

// For a statement outside of a transaction, whatever the role's defaults are.
constexpr char const* writing = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE; ";

std::string table_of(std::string const& ledger) { return quote_identifier(ledger) + "." + quote_identifier(names::lease); }

std::string from_now(milliseconds time) {
    return fmt::format("pg_catalog.clock_timestamp() + {} * interval '1 millisecond'", time.count());
}

std::string random_token() {
    std::random_device random;
    std::string token;
    for (int i = 0; i < 4; ++i) token += fmt::format("{:08x}", random() & 0xFFFFFFFFU);
    return token;
}

std::string or_else(std::string const& text, std::string const& otherwise) { return text.empty() ? otherwise : text; }

// "undrop 0.1.0 (process 4711 of ann on web-3)"
std::string who(Options const& options) {
    std::array<char, 256> machine{};
    (void)gethostname(machine.data(), machine.size() - 1);
    return fmt::format("{} (process {}{} on {})", or_else(options.program, "a program"), getpid(),
                       options.user.empty() ? "" : " of " + options.user, or_else(options.host, machine.data()));
}

Result<bool> is_there(Connection& connection, std::string const& ledger) {
    UNDROP_TRY(auto const rows, connection.rows(fmt::format("select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid "
                                                            "operator(pg_catalog.=) c.relnamespace where n.nspname operator(pg_catalog.=) "
                                                            "{} and c.relname operator(pg_catalog.=) {}",
                                                            quote_literal(ledger), quote_literal(names::lease))));
    return !rows.empty();
}

// Sends one statement now and then over a connection of its own, and never waits for the answer.
class Keeper {
public:
    Keeper(PGconn* like, std::string sql, milliseconds every) : like_(like), sql_(std::move(sql)), every_(every) {}
    void operator()() {
        if (handle_ && sent_) {
            if (PQconsumeInput(handle_.get()) == 0) return close();
            while (sent_ && PQisBusy(handle_.get()) == 0) {
                auto* const result = PQgetResult(handle_.get());
                sent_ = result != nullptr;
                PQclear(result);
            }
        }
        if (sent_ || Clock::now() < next_) return;
        next_ = Clock::now() + every_;
        if (!handle_) handle_.reset(connect_like(like_));
        sent_ = handle_ && PQstatus(handle_.get()) == CONNECTION_OK && PQsendQuery(handle_.get(), sql_.c_str()) == 1;
        if (!sent_) close();
    }

private:
    void close() {
        handle_.reset();
        sent_ = false;
    }

    PGconn* like_;
    std::string sql_;
    milliseconds every_;
    Clock::time_point next_ = Clock::now();
    std::unique_ptr<PGconn, decltype(&PQfinish)> handle_{nullptr, &PQfinish};
    bool sent_ = false;
};

}  // namespace

Result<void> Lease::prepare(Options const& options) {
    ledger_ = options.ledger;
    UNDROP_TRY(bool const there, is_there(connection_, ledger_));
    if (there) return success();
    UNDROP_CHECK(session_.begin(options));
    auto made = [&]() -> Result<void> {
        UNDROP_CHECK(connection_.run(fmt::format("create table {} ({})", table_of(ledger_), columns)));
        UNDROP_CHECK(seal(connection_, table_of(ledger_), nullptr));
        UNDROP_CHECK(connection_.run(fmt::format("insert into {} (id, fence) values (1, 0)", table_of(ledger_))));
        return session_.commit();
    }();
    if (made) return made;
    session_.rollback();
    // Another migrator may have made it between our look and our transaction.
    if (auto const again = is_there(connection_, ledger_); again && again.value()) return success();
    return made;
}

Result<bool> Lease::take(Options const& options, std::int64_t key) {
    ledger_ = options.ledger;
    key_ = key;
    time_ = std::max(options.lease_time, milliseconds{1});
    if (holder_.empty()) holder_ = random_token();
    auto rows = connection_.rows(
        writing + session_.safely(
                      fmt::format("with gate as materialized (select pg_catalog.pg_try_advisory_xact_lock({key}) as open), "
                                  "free as (select l.id from {lease} l, gate g where g.open and (l.holder is null or l.expires_at <= "
                                  "pg_catalog.clock_timestamp()) for update of l skip locked) "
                                  "update {lease} l set fence = l.fence + 1, holder = {holder}, who = {who} || ' as ' || current_user, "
                                  "taken_at = pg_catalog.clock_timestamp(), renewed_at = pg_catalog.clock_timestamp(), expires_at = {end} "
                                  "from free f where f.id = l.id returning l.fence",
                                  fmt::arg("key", key), fmt::arg("lease", table_of(ledger_)), fmt::arg("holder", quote_literal(holder_)),
                                  fmt::arg("who", quote_literal(who(options))), fmt::arg("end", from_now(time_)))));
    if (!rows) return rows.error().code == Code::busy && !connection_.lost() ? Result<bool>{false} : rows.error();
    fence_ = rows.value().empty() ? 0 : std::stoll(rows.value().front().at(0).value_or("0"));
    return held();
}

// Where the connection is gone, so is our way to say it: the time in the row does.
void Lease::give_back() {
    if (held() && !connection_.lost())
        (void)connection_.rows(writing + session_.safely(fmt::format(
                                             "update {} set holder = null, expires_at = null where id = 1 and holder = {} and fence = {}",
                                             table_of(ledger_), quote_literal(holder_), fence_)));
    fence_ = 0;
}

std::string Lease::renewal(std::string const& gate) const {
    return fmt::format(
        "update {} set renewed_at = pg_catalog.clock_timestamp(), expires_at = {} where id = 1 and holder = {} and fence = {}{} "
        "returning fence",
        table_of(ledger_), from_now(time_), quote_literal(holder_), fence_, gate);
}

Result<bool> Lease::renew(std::string const& gate) {
    UNDROP_TRY(auto const rows, connection_.rows(renewal(gate)));
    return !rows.empty();
}

Result<bool> Lease::is_ours() {
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format("select from {} where id = 1 and holder = {} and fence = {}",
                                                             table_of(ledger_), quote_literal(holder_), fence_)));
    return !rows.empty();
}

// Another one that looks whether it may have its turn holds the advisory lock for a moment.
Result<void> Lease::enter(Options const& options) {
    if (!held()) return success();
    auto const end = Clock::now() + options.lock_timeout;
    while (true) {
        UNDROP_TRY(bool const entered, renew(fmt::format(" and pg_catalog.pg_try_advisory_xact_lock({})", key_)));
        if (entered) return success();
        UNDROP_TRY(bool const ours, is_ours());
        if (!ours) return lost();
        if (Clock::now() >= end)
            return Error{.code = Code::busy,
                         .message = "another session holds the lock that keeps migrators apart",
                         .next = {.advice = "try again when it has finished; pg_locks shows who it is"}};
        std::this_thread::sleep_for(milliseconds{10});
    }
}

Result<void> Lease::prolong() {
    if (!held()) return success();
    UNDROP_TRY(bool const renewed, renew(""));
    if (!renewed) return lost();
    return success();
}

std::function<void()> Lease::keeper(Options const& options) {
    if (!held() || !options.second_connection) return [] {};
    auto const keeper = std::make_shared<Keeper>(connection_.handle(), writing + session_.safely(renewal("")), time_ / 3);
    return [keeper] { (*keeper)(); };
}

// Stays lost until it is given back, so that nothing of this run is committed any more.
Error Lease::lost() {
    auto const now = holder(connection_, session_, ledger_);
    return Error{
        .code = Code::conflict,
        .message = fmt::format("this migrator was held up for longer than its lease is good ({:.1f} s), and another one took over{}; "
                               "nothing was committed since",
                               std::chrono::duration<double>(time_).count(), now.empty() ? "" : ": " + now),
        .next = {.command = "status", .advice = "it tells what is applied by now; what is still pending is done by doing the same again"}};
}

// The store may be squatted: nothing of it is read unguarded.
Result<bool> Lease::ended(Connection& connection, Session const& session, std::string const& ledger) {
    UNDROP_TRY(bool const there, is_there(connection, ledger));
    if (!there) return true;
    UNDROP_TRY(auto const rows,
               connection.rows(writing + session.safely(store_guard(ledger) +
                                                        fmt::format("with gone as (select l.id from {0} l where l.holder is not null and "
                                                                    "l.expires_at <= pg_catalog.clock_timestamp() for update of l skip "
                                                                    "locked), freed as (update {0} l set fence = l.fence + 1, holder = "
                                                                    "null, expires_at = null from gone g where g.id = l.id) select from "
                                                                    "{0} l where l.holder is not null and l.expires_at > "
                                                                    "pg_catalog.clock_timestamp()",
                                                                    table_of(ledger)))));
    return rows.empty();
}

std::string Lease::holder(Connection& connection, Session const& session, std::string const& ledger) {
    auto const there = is_there(connection, ledger);
    if (!there || !there.value()) return {};
    auto const rows = connection.rows(
        session.safely(store_guard(ledger) +
                       fmt::format("select l.who, pg_catalog.to_char(l.taken_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
                                   "pg_catalog.ceil(extract(epoch from l.expires_at - pg_catalog.clock_timestamp())) "
                                   "from {} l where l.holder is not null",
                                   table_of(ledger))));
    if (!rows || rows.value().empty()) return {};
    auto const& row = rows.value().front();
    auto const left = std::stoll(row[2].value_or("0"));
    return fmt::format("{} since {}, {}", row[0].value_or("?"), row[1].value_or("?"),
                       left > 0 ? fmt::format("by a lease that is good for {} s more", left)
                                : std::string("by a lease that has run out, and is held if its transaction lives"));
}

}  // namespace undrop::postgres
