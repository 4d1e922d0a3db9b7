#include "writable.hpp"

#include "try.hpp"

namespace undrop::postgres {

namespace {

constexpr char const* to_the_primary =
    "connect to the primary: with all hosts in the URL, postgresql://HOST1,HOST2/DATABASE?target_session_attrs=read-write finds it; "
    "status, "
    "log and plan work here";

Error takes_no_writes(std::string message, std::string advice) {
    return Error{.code = Code::refused, .left = Left::untouched, .message = std::move(message), .next = {.advice = std::move(advice)}};
}

}  // namespace

Result<bool> is_standby(Connection& connection) {
    UNDROP_TRY(auto const rows, connection.rows("select pg_catalog.pg_is_in_recovery()"));
    return rows.at(0).at(0) == "t";
}

// Servers report both settings since 14, so that asking costs nothing; poolers may not pass that on. undrop's transactions say READ WRITE,
// and would pass over a default with which somebody keeps writers out.
Result<void> prove_writable(Connection& connection) {
    auto standby = connection.parameter("in_hot_standby");
    auto read_only = connection.parameter("default_transaction_read_only");
    if (standby.empty() || read_only.empty()) {
        UNDROP_TRY(auto const rows, connection.rows("select case when pg_catalog.pg_is_in_recovery() then 'on' else 'off' end, "
                                                    "pg_catalog.current_setting('default_transaction_read_only')"));
        standby = rows.at(0).at(0).value_or("");
        read_only = rows.at(0).at(1).value_or("");
    }
    if (standby == "on") return takes_no_writes("the server is a standby (in recovery): it takes no writes", to_the_primary);
    if (read_only == "on")
        return takes_no_writes("the database is read-only for this session: default_transaction_read_only is on",
                               "if another server is the primary now, " + std::string(to_the_primary) +
                                   "; if it is this one, switch that setting off (of the server, the database or the role), or say "
                                   "?options=-c%20default_transaction_read_only%3Doff in the URL");
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace undrop::postgres
