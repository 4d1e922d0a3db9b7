#include "patience.hpp"

#include <libpq-fe.h>

#include <fmt/format.h>

#include "open.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

constexpr std::chrono::milliseconds between_looks{200};

// Who is in the way: of locks, and of transactions that began before the statement did.
constexpr char const* who = R"(
select b.pid, coalesce(nullif(a.application_name, ''), 'no name'), coalesce(a.usename, '?'), coalesce(a.state, '?'),
       coalesce(extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::pg_catalog.int8, 0)
from unnest(pg_catalog.pg_blocking_pids({})) as b(pid) left join pg_catalog.pg_stat_activity a on a.pid = b.pid
order by a.xact_start nulls last limit 1)";

}  // namespace

Result<void> Patience::ask() {
    try {
        if (options_.cancelled && options_.cancelled())
            return Error{.code = Code::interrupted, .left = Left::rolled_back, .message = "interrupted"};
        if (Clock::now() - looked_ < between_looks) return BOOST_OUTCOME_V2_NAMESPACE::success();
        return look();
    } catch (std::exception const& thrown) {
        return Error{.code = Code::interrupted, .left = Left::rolled_back, .message = fmt::format("interrupted: {}", thrown.what())};
    }
}

Result<void> Patience::look() {
    auto const now = Clock::now();
    auto const since = now - looked_;
    looked_ = now;
    auto const name = blocker();
    if (name.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    waited_ += since;
    if (told_ != name && options_.on_event) {
        told_ = name;
        options_.on_event(
            {.kind = Event::Kind::waiting, .text = "waits until others have finished: " + name, .version = {}, .direction = Direction::up});
    }
    if (waited_ < options_.outside_wait) return BOOST_OUTCOME_V2_NAMESPACE::success();
    return Error{.code = Code::busy,
                 .left = Left::rolled_back,
                 .message = fmt::format("the statement has waited for {:.1f} s until others have finished: {}",
                                        std::chrono::duration<double>(waited_).count(), name),
                 .next = {.advice = "try again when they have, or wait for longer"}};
}

std::string Patience::blocker() {
    if (!tried_ && options_.second_connection && !working_.pooled()) {
        if (auto* handle = connect_like(working_.handle())) looking_ = std::make_unique<Connection>(handle, Connection::Ownership::owned);
    }
    tried_ = true;
    if (!looking_ || looking_->lost()) return {};
    auto const rows = looking_->rows(fmt::format(who, PQbackendPID(working_.handle())));
    if (!rows.has_value() || rows.value().empty()) return {};
    auto const& row = rows.value().front();
    return fmt::format("process {} ({} as {}, {}, in a transaction for {} s)", row[0].value_or("?"), row[1].value_or("?"),
                       row[2].value_or("?"), row[3].value_or("?"), row[4].value_or("?"));
}

}  // namespace undrop::postgres
