// The sandbox: a database of its own on the server, marked as undrop's (P10).
#include <libpq-fe.h>

#include <memory>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "errors.hpp"
#include "open.hpp"
#include "postgres_backend.hpp"
#include "postgres_dialect.hpp"
#include "sandbox.hpp"
#include "sandbox_copy.hpp"
#include "try.hpp"
#include "writable.hpp"

namespace undrop::postgres {

namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

constexpr char const* prefix = "undrop_sandbox_";
// The mark is the database's comment, which only its owner can write. It says whose it is: a session of the server, until that ends.
constexpr char const* mark = "undrop sandbox: disposable, made by backend ";

// Leftovers: by name and by mark ours, made by a session that has ended, and nobody is connected.
constexpr char const* leftovers_query = R"(
select d.datname from pg_catalog.pg_database d
cross join lateral (select pg_catalog.shobj_description(d.oid, 'pg_database') as mark) c
where d.datname operator(pg_catalog.~) '^undrop_sandbox_[0-9a-f]{{16}}$' and pg_catalog.starts_with(c.mark, {})
  and pg_catalog.pg_has_role(d.datdba, 'MEMBER')
  and not exists (select from pg_catalog.pg_stat_activity a where a.datid operator(pg_catalog.=) d.oid)
  and not exists (select from pg_catalog.pg_stat_activity a where pg_catalog.starts_with(c.mark, {}
                  operator(pg_catalog.||) a.pid::pg_catalog.text operator(pg_catalog.||) ' since '
                  operator(pg_catalog.||) coalesce(extract(epoch from a.backend_start)::pg_catalog.text, ''))))";

// How the target's database was made, and the settings that it gives to every session.
constexpr char const* target_query = R"(
select pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
       coalesce(pg_catalog.to_jsonb(d) operator(pg_catalog.->>) 'datlocprovider', 'c'),
       coalesce(pg_catalog.to_jsonb(d) operator(pg_catalog.->>) 'datlocale', pg_catalog.to_jsonb(d) operator(pg_catalog.->>) 'daticulocale')
from pg_catalog.pg_database d where d.datname operator(pg_catalog.=) pg_catalog.current_database())";
constexpr char const* settings_query = R"(
select c.setting from pg_catalog.pg_db_role_setting s
cross join lateral pg_catalog.unnest(s.setconfig) as c(setting)
left join pg_catalog.pg_settings p on p.name operator(pg_catalog.=) pg_catalog.split_part(c.setting, '=', 1)
where s.setrole operator(pg_catalog.=) 0 and (p.name is null or p.context operator(pg_catalog.=) 'user')
  and s.setdatabase operator(pg_catalog.=)
      (select d.oid from pg_catalog.pg_database d where d.datname operator(pg_catalog.=) pg_catalog.current_database()))";

Result<std::unique_ptr<PostgresBackend>> connect_as(Parameters const& parameters, std::string const& role) {
    std::unique_ptr<PGconn, decltype(&PQfinish)> handle(connect(parameters), &PQfinish);
    if (!handle || PQstatus(handle.get()) != CONNECTION_OK)
        return Error{.message = "no second connection for the rehearsal",
                     .native = handle ? one_line(PQerrorMessage(handle.get())) : std::string("out of memory"),
                     .next = {.advice = "A rehearsal needs two connections; --sandbox URL makes its database on another server."}};
    auto backend = std::make_unique<PostgresBackend>(handle.release(), Connection::Ownership::owned);
    if (!role.empty()) UNDROP_CHECK(backend->set_role(role));
    return backend;
}

std::string fresh_name() {
    std::random_device random;
    return fmt::format("{}{:08x}{:08x}", prefix, random() & 0xFFFFFFFFU, random() & 0xFFFFFFFFU);
}

class PostgresSandbox final : public Sandbox {
public:
    PostgresSandbox(std::unique_ptr<PostgresBackend> server, std::string name) : server_(std::move(server)), name_(std::move(name)) {}
    ~PostgresSandbox() override { (void)end(); }

    [[nodiscard]] PostgresBackend& backend() override { return *database_; }
    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] PostgresBackend& server() { return *server_; }
    void open(std::unique_ptr<PostgresBackend> database) { database_ = std::move(database); }

    [[nodiscard]] Result<void> end() override {
        database_.reset();
        if (name_.empty()) return success();
        auto const name = std::exchange(name_, {});
        auto dropped = drop(name);
        if (dropped) return dropped;
        auto error = std::move(dropped).error();
        error.message = fmt::format("the sandbox {} is left behind ({}); the next rehearsal drops it", name, error.message);
        return error;
    }

private:
    // P10: what does not carry the mark is not dropped, whatever it is called.
    [[nodiscard]] Result<void> drop(std::string const& name) {
        UNDROP_TRY(auto const marked,
                   server_->rows(fmt::format("select from pg_catalog.pg_database d where d.datname operator(pg_catalog.=) {} and "
                                             "pg_catalog.starts_with(pg_catalog.shobj_description(d.oid, 'pg_database'), {})",
                                             quote_literal(name), quote_literal(mark))));
        if (marked.empty()) return Error{.message = "it does not carry undrop's mark"};
        UNDROP_CHECK(server_->run(fmt::format("DROP DATABASE {} WITH (FORCE)", quote_identifier(name))));
        return success();
    }

    std::unique_ptr<PostgresBackend> server_;  // lives as long as the sandbox: who made it is still there
    std::string name_;
    std::unique_ptr<PostgresBackend> database_;
};

// Leftovers are no reason not to rehearse: what cannot be dropped stays for the next time.
void sweep(PostgresBackend& server) {
    auto const found = server.rows(fmt::format(leftovers_query, quote_literal(mark), quote_literal(mark)));
    if (!found) return;
    for (auto const& row : found.value()) (void)server.run("DROP DATABASE " + quote_identifier(row[0].value_or("")));
}

Error may_not_create(Error error, PostgresBackend const& server) {
    if (sqlstate(error) != "42501") {
        error.message = "the sandbox cannot be made: " + error.message;
        return error;
    }
    error.code = Code::refused;
    error.message = fmt::format("{} may not make a database for the rehearsal", server.role());
    error.next.advice = fmt::format("Let a superuser say: ALTER ROLE {} CREATEDB; or name another server with --sandbox URL.",
                                    quote_identifier(server.role()));
    return error;
}

Result<void> create(PostgresSandbox& sandbox, Row const& like) {
    auto& server = sandbox.server();
    auto sql = fmt::format("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}", quote_identifier(sandbox.name()),
                           quote_literal(like[0].value_or("")), quote_literal(like[1].value_or("C")), quote_literal(like[2].value_or("C")));
    if (like[3] == "i") sql += fmt::format(" LOCALE_PROVIDER icu ICU_LOCALE {}", quote_literal(like[4].value_or("")));
    UNDROP_TRY(auto const maker, server.rows("select a.pid::pg_catalog.text operator(pg_catalog.||) ' since ' operator(pg_catalog.||) "
                                             "extract(epoch from a.backend_start)::pg_catalog.text from pg_catalog.pg_stat_activity a "
                                             "where a.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()"));
    if (auto made = server.run(sql); !made) return may_not_create(std::move(made).error(), server);
    auto const marking =
        fmt::format("COMMENT ON DATABASE {} IS {}", quote_identifier(sandbox.name()), quote_literal(mark + maker.at(0).at(0).value_or("")));
    UNDROP_CHECK(server.run(marking));
    // P8: a new database lets everybody in.
    UNDROP_CHECK(server.run(fmt::format("REVOKE ALL ON DATABASE {} FROM PUBLIC", quote_identifier(sandbox.name()))));
    return success();
}

// A pooler knows the databases that it was told of, and keeps its sessions in them.
Result<void> no_pooler(Connection& connection) {
    UNDROP_CHECK(connection.find_pooler());
    if (!connection.pooled()) return success();
    return Error{.code = Code::refused,
                 .message = "behind a connection pooler no sandbox can be made, and nothing copied",
                 .next = {.advice = "Name the server itself: --db URL; without --data, --sandbox URL does as well."}};
}

// Who keeps a connection without a statement for too long may be sent away; this one waits for the whole rehearsal.
void stay(PostgresBackend& server) {
    (void)server.rows(
        "select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings where name operator(pg_catalog.=) "
        "'idle_session_timeout'");
}

}  // namespace

// Each setting is one word.
std::string as_option(std::string const& setting) {
    std::string word;
    for (char const c : setting) {
        if (c == ' ' || c == '\\') word += '\\';
        word += c;
    }
    return " -c " + word;
}

Result<std::unique_ptr<Sandbox>> PostgresBackend::make_sandbox(SandboxWish const& wish) {
    auto const session_user = connection_.parameter("session_authorization");
    auto const role = session_.role() == session_user ? std::string() : session_.role();
    if (wish.elsewhere.empty() || wish.data.mode == DataMode::full)
        UNDROP_CHECK(no_pooler(connection_));  // pg_dump sets what it needs for its session
    UNDROP_TRY(auto const like, connection_.rows(target_query));
    UNDROP_TRY(auto const settings, connection_.rows(settings_query));
    auto const from = parameters_of(connection_.handle());
    auto to = from;
    if (!wish.elsewhere.empty()) {
        UNDROP_TRY(auto const elsewhere, open_backend(wish.elsewhere));
        to = parameters_of(static_cast<PostgresBackend&>(*elsewhere).connection().handle());
    }
    auto const role_there = wish.elsewhere.empty() ? role : std::string();
    UNDROP_TRY(auto server, connect_as(to, role_there));
    UNDROP_CHECK(no_pooler(server->connection()));
    UNDROP_CHECK(prove_writable(server->connection()));
    stay(*server);
    sweep(*server);
    auto sandbox = std::make_unique<PostgresSandbox>(std::move(server), fresh_name());
    UNDROP_CHECK(create(*sandbox, like.at(0)));
    to["dbname"] = sandbox->name();
    for (auto const& row : settings) to["options"] += as_option(row[0].value_or(""));
    if (wish.data.mode == DataMode::full) UNDROP_CHECK(copy_database(from, role, to, role_there));
    UNDROP_TRY(auto database, connect_as(to, role_there));
    database->be_alone();
    sandbox->open(std::move(database));
    return std::unique_ptr<Sandbox>(std::move(sandbox));
}

}  // namespace undrop::postgres
