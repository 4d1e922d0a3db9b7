// What became of a step whose COMMIT got no answer.
#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "errors.hpp"
#include "postgres_backend.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"
#include "writable.hpp"

namespace undrop::postgres {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

Error still_in_doubt(std::string why) {
    return Error{.code = Code::in_doubt, .left = Left::unknown, .message = std::move(why), .next = {.command = "status"}};
}

// Sleeps; false when it is time to give up.
bool pause(Clock::time_point end, Options const& options) {
    if (Clock::now() >= end) return false;
    try {
        if (options.cancelled && options.cancelled()) return false;
    } catch (...) {
        return false;
    }
    std::this_thread::sleep_for(std::min<Clock::duration>(100ms, end - Clock::now()));
    return true;
}

// Committed or not; nothing where the server does not know the number, being another one or having forgotten it. An old server process may
// be at its COMMIT still: the number is in progress until it is done.
Result<std::optional<bool>> outcome_of(Connection& connection, std::string const& transaction, Clock::time_point end,
                                       Options const& options) {
    while (true) {
        auto const rows = connection.rows(fmt::format("select pg_catalog.pg_xact_status({}::pg_catalog.xid8)", quote_literal(transaction)));
        if (!rows.has_value() && connection.lost()) return still_in_doubt("the connection was lost again");
        if (!rows.has_value() || !rows.value().at(0).at(0)) return std::optional<bool>{};
        auto const& status = *rows.value()[0][0];
        if (status != "in progress") return std::optional<bool>{status == "committed"};
        if (!pause(end, options)) return still_in_doubt("the server is still at that COMMIT");
    }
}

}  // namespace

// The handle of an attached connection is the program's, which alone knows what else its session held.
Result<std::optional<bool>> PostgresBackend::settle(Options const& options) {
    if (connection_.borrowed()) return still_in_doubt("an attached connection is for the program to make anew");
    auto const end = Clock::now() + options.wait;
    auto const transaction = session_.transaction();
    known_.changed();
    run_lock_.lost();
    while (!connection_.reconnect())
        if (!pause(end, options)) return still_in_doubt("the server cannot be reached again");
    // A list of hosts may have led to a standby, which need not know yet what the primary has committed.
    UNDROP_TRY(auto const standby, is_standby(connection_));
    if (standby) return still_in_doubt("the server that answers now is a standby, which may lag behind");
    UNDROP_CHECK(session_.start_anew());
    UNDROP_TRY(auto const outcome, outcome_of(connection_, transaction, end, options));
    this->end();
    return outcome;
}

}  // namespace undrop::postgres
