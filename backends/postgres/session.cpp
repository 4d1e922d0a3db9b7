#include "session.hpp"

#include <libpq-fe.h>

#include <array>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errors.hpp"
#include "observe.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

enum class For { undrop, script_too };

struct Setting {
    char const* name;
    char const* value;
    For whom = For::undrop;
    int since = 0;  // server version
};

// What undrop's own statements run under: nobody else's operators, no hidden rows, texts that come back as the same bytes,
// definitions as pg_dump writes them, and no timeout in the middle of a copy. The order matters: whoever we are comes first.
constexpr std::array settings{
    Setting{"search_path", "pg_catalog, pg_temp"},
    Setting{"row_security", "off"},
    Setting{"client_encoding", "UTF8", For::script_too},
    Setting{"DateStyle", "ISO, YMD"},
    Setting{"IntervalStyle", "postgres"},
    Setting{"TimeZone", "UTC"},
    Setting{"bytea_output", "hex"},
    Setting{"extra_float_digits", "1"},
    Setting{"standard_conforming_strings", "on"},
    Setting{"lc_monetary", "C"},
    Setting{"xmloption", "content"},
    Setting{"xmlbinary", "base64"},
    Setting{"array_nulls", "on"},
    Setting{"transform_null_equals", "off"},
    Setting{"quote_all_identifiers", "off"},
    Setting{"check_function_bodies", "off"},
    Setting{"default_tablespace", ""},
    Setting{"default_table_access_method", "heap"},
    Setting{"client_min_messages", "warning"},
    Setting{"statement_timeout", "0"},
    Setting{"idle_in_transaction_session_timeout", "0", For::script_too},
    Setting{"transaction_timeout", "0", For::script_too, 170000},
};

// Only a superuser may set it; a value of another kind would keep triggers and foreign keys from working.
constexpr Setting replication_role{"session_replication_role", "origin"};

// A server's process looks after its client only when it has something to tell it: one that runs or waits for a statement would keep its
// locks, after its program was killed, until the statement's end. Servers on other systems than Linux may not know how to look.
std::string mind_the_client(int version, bool local) {
    if (version < 140000) return {};
    return fmt::format(
        "case when pg_catalog.strpos(pg_catalog.version(), 'linux') OPERATOR(pg_catalog.>) 0 then "
        "pg_catalog.set_config('client_connection_check_interval', '1s', {}) end",
        local);
}

bool known(Setting const& setting, int version) { return version >= setting.since; }

std::string set(std::string const& name, std::string const& value) {
    return fmt::format("pg_catalog.set_config({}, {}, true)", quote_literal(name), quote_literal(value));
}

bool weak(std::string const& synchronous_commit) {
    return synchronous_commit == "off" || synchronous_commit == "local" || synchronous_commit == "remote_write";
}

constexpr char const* settings_query =
    "select s.name, s.setting, s.reset_val, s.source from pg_catalog.pg_settings s where s.context OPERATOR(pg_catalog.=) any "
    "(array['user', "
    "'superuser']) and s.name OPERATOR(pg_catalog.<>) all (array['transaction_isolation', 'transaction_read_only', "
    "'transaction_deferrable'])";

// All that a session can set, as a map; empty where it cannot be read.
std::map<std::string, std::string> all_settings(Connection& connection) {
    std::map<std::string, std::string> found;
    auto const rows =
        connection.rows(std::string(settings_query) +
                        " union all select 'session_authorization', session_user::pg_catalog.text, null, null union all select "
                        "'role', pg_catalog.current_setting('role'), null, null");
    if (!rows.has_value()) return found;
    for (auto const& row : rows.value())
        if (row[0] && row[1]) found.emplace(*row[0], *row[1]);
    return found;
}

Error not_open() { return Error{.code = Code::usage, .message = "the connection has a transaction open; undrop opens its own"}; }

}  // namespace

Result<void> Session::begin(Options const& options) {
    if (!connection_.idle() && !connection_.lost()) return not_open();
    UNDROP_CHECK(connection_.find_pooler());
    if (connection_.borrowed() && !connection_.pooled()) before_ = all_settings(connection_);
    lock_timeout_ = fmt::format("{}ms", options.lock_timeout.count());
    statement_timeout_ = options.statement_timeout.count() > 0 ? fmt::format("{}ms", options.statement_timeout.count()) : std::string();
    script_ran_ = false;
    // A table that gets another file has its rows there in the order in which it was read.
    auto opened = open_transaction("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE; set local synchronize_seqscans to off",
                                   "pg_catalog.pg_current_xact_id()");
    if (opened.has_value() && connection_.pooled()) before_ = all_settings(connection_);
    if (opened.has_value()) opened = pin();
    if (!opened.has_value()) rollback();
    return opened;
}

// One round trip: BEGIN, and the settings as they are until now. Said in full: a role may have other defaults.
Result<void> Session::open_transaction(std::string const& begin, std::string const& number) {
    std::vector<std::string> names{"session_authorization", "role", "synchronous_commit"};
    for (auto const& setting : settings)
        if (known(setting, connection_.server_version())) names.emplace_back(setting.name);
    if (connection_.superuser()) names.emplace_back(replication_role.name);
    std::vector<std::string> values;
    for (auto const& name : names) values.push_back(fmt::format("pg_catalog.current_setting({})", quote_literal(name)));
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format("{}; select {}, current_user, {}", begin, number, fmt::join(values, ", "))));
    transaction_ = rows.at(0).at(0).value_or("");
    current_user_ = acts_locally() ? role_ : rows.at(0).at(1).value_or("");
    own_.clear();
    for (std::size_t i = 0; i < names.size(); ++i) own_[names[i]] = rows.at(0).at(i + 2).value_or("");
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Session::begin_reading() {
    if (!connection_.idle() && !connection_.lost()) return not_open();
    UNDROP_CHECK(connection_.find_pooler());
    script_ran_ = false;
    transaction_.clear();
    lock_timeout_.clear();
    statement_timeout_.clear();
    auto opened = open_transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "''");
    if (opened.has_value()) opened = pin();
    if (!opened.has_value()) rollback();
    return opened;
}

Result<void> Session::pin() const {
    UNDROP_TRY(auto const rows, connection_.rows(pinned("")));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

std::string Session::safely(std::string const& sql) const { return connection_.idle() ? pinned(sql) : sql; }

Result<Rows> Session::repeated(std::string const& sql) const {
    return connection_.idle() ? connection_.repeated_after(pinned(""), sql) : connection_.repeated(sql);
}

std::string Session::pinned(std::string const& sql) const {
    std::vector<std::string> sets;
    for (auto const* name : {"session_authorization", "role"})
        if (auto const found = own_.find(name); found != own_.end() && !transaction_.empty()) sets.push_back(set(name, found->second));
    if (acts_locally()) sets.push_back(set("role", role_));
    for (auto const& setting : settings)
        if (known(setting, connection_.server_version())) sets.push_back(set(setting.name, setting.value));
    if (transaction_.empty() ? connection_.superuser() : own_.contains(replication_role.name))
        sets.push_back(set(replication_role.name, replication_role.value));
    if (auto const found = own_.find("synchronous_commit"); found != own_.end() && !transaction_.empty())
        sets.push_back(set("synchronous_commit", weak(found->second) ? "on" : found->second));
    if (!lock_timeout_.empty() && !transaction_.empty()) sets.push_back(set("lock_timeout", lock_timeout_));
    if (auto mind = mind_the_client(connection_.server_version(), true); !mind.empty() && !transaction_.empty())
        sets.push_back(std::move(mind));
    auto const all = fmt::format("select {}", fmt::join(sets, ", "));
    return sql.empty() ? all : all + "; " + sql;
}

// A SELECT that sets them as the session had them before the transaction.
std::string Session::authors_settings() {
    std::vector<std::string> sets;
    for (auto const& setting : settings)
        if (known(setting, connection_.server_version()) && setting.whom == For::undrop)
            sets.push_back(set(setting.name, own_[setting.name]));
    if (own_.contains(replication_role.name)) sets.push_back(set(replication_role.name, own_[replication_role.name]));
    sets.push_back(set("synchronous_commit", own_["synchronous_commit"]));
    if (!statement_timeout_.empty()) sets.push_back(set("statement_timeout", statement_timeout_));
    return fmt::format("select {}", fmt::join(sets, ", "));
}

Result<void> Session::enter_script() {
    script_ran_ = true;
    UNDROP_TRY(auto const rows, connection_.rows(authors_settings()));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Session::leave_script() {
    UNDROP_CHECK(pin());
    return connection_.tidy_prepared();
}

// Within a savepoint a transaction can be made to read only, cannot be made to write again, and writes as before once the savepoint is
// gone.
Result<void> Session::enter_check(Options const& options) {
    auto const lock_timeout = set("lock_timeout", fmt::format("{}ms", options.lock_timeout.count()));
    if (options.statement_timeout.count() > 0) statement_timeout_ = fmt::format("{}ms", options.statement_timeout.count());
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format("SAVEPOINT undrop_check; SET LOCAL transaction_read_only = on; select {}; {}",
                                                             lock_timeout, authors_settings())));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Session::leave_check() {
    UNDROP_CHECK(connection_.run("ROLLBACK TO SAVEPOINT undrop_check; RELEASE SAVEPOINT undrop_check"));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Session::enter_outside(Script const& script, std::vector<Statement> const& settings) {
    if (!connection_.idle()) return not_open();
    if (connection_.pooled()) return BOOST_OUTCOME_V2_NAMESPACE::success();  // may_run_outside() has seen that there is nothing to set
    if (connection_.borrowed()) before_ = all_settings(connection_);
    script_ran_ = true;
    auto entered = [&]() -> Result<void> {
        UNDROP_CHECK(connection_.run("SET statement_timeout = 0"));
        for (auto const& setting : settings) UNDROP_CHECK(connection_.run_script(script, setting));
        UNDROP_CHECK(connection_.run("SET lock_timeout = 0"));
        if (auto const mind = mind_the_client(connection_.server_version(), false); !mind.empty())
            UNDROP_CHECK(connection_.rows("select " + mind));
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }();
    if (!entered.has_value()) leave_outside();
    return entered;
}

void Session::leave_outside() {
    if (!connection_.lost()) put_back();
    script_ran_ = false;
}

// A pooler gives such a statement to any of its sessions, and what is set in one is another client's next.
Result<void> Session::may_run_outside(std::vector<Statement> const& settings, bool commits) {
    UNDROP_CHECK(connection_.find_pooler());
    if (!connection_.pooled()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto const refused = [](std::string const& why) {
        return Error{.code = Code::refused,
                     .message = "a statement outside of a transaction runs in any session of the connection pooler, where " + why,
                     .next = {.advice = "name the server itself, not the pooler: --db postgresql://..."}};
    };
    if (commits) return refused("what it takes could not be told from what others write");
    if (!settings.empty()) return refused("the script's SETs before it do not hold");
    if (!role_.empty()) return refused(fmt::format("role {} does not hold", role_));
    UNDROP_TRY(auto const rows,
               connection_.rows(safely("select s.name || ' is ' || s.reset_val from pg_catalog.pg_settings s where s.name in "
                                       "('lock_timeout', 'statement_timeout') and s.reset_val <> '0' order by 1")));
    if (!rows.empty()) return refused(fmt::format("{} ms, and may end it half way", rows.front().front().value_or("?")));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Session::still_ours() const {
    switch (PQtransactionStatus(connection_.handle())) {
        case PQTRANS_INTRANS:
            return BOOST_OUTCOME_V2_NAMESPACE::success();
        case PQTRANS_IDLE:
            return Error{.code = Code::refused,
                         .message = "the script ended the transaction in which undrop runs it",
                         .next = {.advice = "take COMMIT, ROLLBACK and the like out of the script: each step is one transaction"}};
        case PQTRANS_INERROR:
            return Error{.message = "the transaction has failed; the server takes no statement any more"};
        default:
            return Error{.message = "the connection to the server was lost"};
    }
}

Result<void> Session::commit() {
    if (connection_.lost())
        return Error{.message = "the connection to the server was lost before COMMIT was sent; nothing of the step stays"};
    bool const failed = PQtransactionStatus(connection_.handle()) == PQTRANS_INERROR;
    if (!failed && script_ran_ && connection_.pooled()) UNDROP_CHECK(leave_nothing());
    auto done = connection_.run("COMMIT");
    if (!done.has_value()) {
        auto error = std::move(done).error();
        if (!connection_.lost()) return error;
        error.code = Code::in_doubt;  // P6
        error.left = Left::unknown;
        error.message = "the connection to the server was lost during COMMIT: the step is in the database whole, or not at all";
        error.next = {.command = "status", .advice = "the ledger was to be committed with the step: the status tells which it is"};
        return error;
    }
    if (failed) return Error{.message = "the transaction had failed already; the server took it back instead of committing it"};
    transaction_.clear();
    put_back();
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

void Session::rollback() {
    transaction_.clear();
    // A request to end a statement may come late, and hit this one.
    for (int n = 0; n < 3 && !connection_.idle() && !connection_.lost(); ++n) (void)connection_.run("ROLLBACK");
}

// The commit is done; that a setting cannot be put back does not undo it.
void Session::put_back() {
    if (!script_ran_) return;
    script_ran_ = false;
    if (connection_.pooled()) return;
    if (!connection_.borrowed()) {
        auto const again = role_.empty() ? std::string() : "; SET ROLE " + quote_identifier(role_);
        (void)connection_.run("CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP" + again);
        return;
    }
    auto const now = all_settings(connection_);
    std::vector<std::string> sets;
    for (auto const* name : {"session_authorization", "role"})
        sets.push_back(fmt::format("pg_catalog.set_config({}, {}, false)", quote_literal(name), quote_literal(before_[name])));
    for (auto const& [name, value] : before_)
        if (auto const found = now.find(name);
            name != "role" && name != "session_authorization" && found != now.end() && found->second != value)
            sets.push_back(fmt::format("pg_catalog.set_config({}, {}, false)", quote_literal(name), quote_literal(value)));
    if (!before_.empty()) (void)connection_.rows(fmt::format("select {}", fmt::join(sets, ", ")));
}

// The session is the pooler's, and the next client's: what the script set or left in it goes in the same transaction. What was as the
// server begins a session with is so again; where another client, or the pooler, had set it, that value.
Result<void> Session::leave_nothing() {
    auto const made = fmt::format(
        "select 'CLOSE ' || pg_catalog.quote_ident(c.name) from pg_catalog.pg_cursors c where c.is_holdable and "
        "c.creation_time >= pg_catalog.transaction_timestamp() "
        "union all select pg_catalog.format('DROP TABLE IF EXISTS pg_temp.%I CASCADE', c.relname) from pg_catalog.pg_class c where "
        "c.relnamespace = pg_catalog.pg_my_temp_schema() and c.relkind in ('r', 'p') and {}",
        made_by(transaction_, "c.xmin"));
    UNDROP_TRY(auto const left, connection_.rows(made));
    UNDROP_TRY(auto const now, connection_.rows(settings_query));
    std::string text;
    for (auto const& row : left) text += *row[0] + "; ";
    text += "RESET SESSION AUTHORIZATION; RESET ROLE; ";
    if (own_["role"] != "none") text += fmt::format("select pg_catalog.set_config('role', {}, false); ", quote_literal(own_["role"]));
    for (auto const& row : now) {
        auto const& name = row[0].value_or("");
        auto const before = before_.find(name);
        if (!own_.contains(name) && name != "lock_timeout" && before != before_.end() && before->second == row[1].value_or("")) continue;
        if (before == before_.end() && row[3] != "session") continue;  // came with an extension that was loaded
        if (before == before_.end() || before->second == row[2].value_or(""))
            text += fmt::format("RESET {}; ", quote_identifier(name));
        else
            text += fmt::format("select pg_catalog.set_config({}, {}, false); ", quote_literal(name), quote_literal(before->second));
    }
    UNDROP_CHECK(connection_.run(text));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Session::start_anew() {
    transaction_.clear();
    script_ran_ = false;
    UNDROP_CHECK(connection_.find_pooler());
    if (role_.empty() || connection_.pooled()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_CHECK(connection_.run("SET ROLE " + quote_identifier(role_)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// Behind a pooler the role is each transaction's own; here it is only tried.
Result<void> Session::set_role(std::string const& role) {
    UNDROP_CHECK(connection_.find_pooler());
    if (connection_.borrowed() && !connection_.pooled() && role_.empty()) {
        UNDROP_TRY(auto const rows, connection_.rows("select pg_catalog.current_setting('role')"));
        role_before_ = rows.at(0).at(0).value_or("none");
    }
    auto const name = quote_identifier(role);
    auto done = connection_.run(connection_.pooled() ? fmt::format("SET LOCAL ROLE {}; select 1", name) : "SET ROLE " + name);
    if (!done.has_value()) {
        auto error = std::move(done).error();
        if (connection_.lost()) return error;
        error.message = fmt::format("{} may not act as role {}", connection_.parameter("session_authorization"), role);
        error.next.advice = fmt::format("check the name, or let a superuser say: GRANT {} TO {};", quote_identifier(role),
                                        quote_identifier(connection_.parameter("session_authorization")));
        return error;
    }
    role_ = role;
    current_user_ = role;
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

void Session::forget_role() {
    if (connection_.borrowed() && !connection_.pooled() && !role_.empty())
        (void)connection_.rows(fmt::format("select pg_catalog.set_config('role', {}, false)", quote_literal(role_before_)));
}

std::string Session::role() const { return current_user_.empty() ? connection_.parameter("session_authorization") : current_user_; }

}  // namespace undrop::postgres
