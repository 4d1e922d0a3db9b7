// The sandbox: a database of its own on the server, marked as undrop's (P10).
#include <libpq-fe.h>

#include <memory>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cluster.hpp"
#include "dump_text.hpp"
#include "errors.hpp"
#include "made_values.hpp"
#include "open.hpp"
#include "postgres_backend.hpp"
#include "postgres_dialect.hpp"
#include "sandbox.hpp"
#include "sandbox_copy.hpp"
#include "sandbox_fill.hpp"
#include "sandbox_source.hpp"
#include "sql_tokens.hpp"
#include "try.hpp"
#include "writable.hpp"

namespace undrop::postgres {

namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

constexpr char const* prefix = "undrop_sandbox_";
// The mark is the database's comment, which only its owner can write. It says whose it is: a session of the server, until that ends.
constexpr char const* mark = "undrop sandbox: disposable, made by backend ";
// Until the comment is there: a limit that nobody else sets and nothing reaches, which comes into being with the database, and the maker
// in the name.
constexpr int half_made = 1'948'003;
constexpr char const* maker_query = R"(
select pg_catalog.lpad(pg_catalog.to_hex(a.pid), 8, '0') operator(pg_catalog.||) coalesce(pg_catalog.lpad(pg_catalog.to_hex(
           extract(epoch from a.backend_start)::pg_catalog.int8 operator(pg_catalog.%) 4294967296), 8, '0'), '') as maker
from pg_catalog.pg_stat_activity a)";

// Leftovers: by name and by mark ours, made by a session that has ended, and nobody is connected.
constexpr char const* leftovers_query = R"(
select d.datname from pg_catalog.pg_database d
cross join lateral (select pg_catalog.shobj_description(d.oid, 'pg_database') as mark) c
where d.datname operator(pg_catalog.~) '^undrop_sandbox_[0-9a-f]{{16}}$'
  and (pg_catalog.starts_with(c.mark, {0}) or (c.mark is null and d.datconnlimit operator(pg_catalog.=) {1}
       and not exists (select from ({2}) m where pg_catalog.strpos(d.datname, '_' operator(pg_catalog.||) m.maker) operator(pg_catalog.>) 0)))
  and pg_catalog.pg_has_role(d.datdba, 'MEMBER')
  and not exists (select from pg_catalog.pg_stat_activity a where a.datid operator(pg_catalog.=) d.oid)
  and not exists (select from pg_catalog.pg_stat_activity a where pg_catalog.starts_with(c.mark, {0}
                  operator(pg_catalog.||) a.pid::pg_catalog.text operator(pg_catalog.||) ' since '
                  operator(pg_catalog.||) coalesce(extract(epoch from a.backend_start)::pg_catalog.text, ''))))";

// How the target's database was made, and the settings that it gives to every session.
constexpr char const* target_query = R"(
select pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
       coalesce(pg_catalog.to_jsonb(d) operator(pg_catalog.->>) 'datlocprovider', 'c'),
       coalesce(pg_catalog.to_jsonb(d) operator(pg_catalog.->>) 'datlocale', pg_catalog.to_jsonb(d) operator(pg_catalog.->>) 'daticulocale'),
       pg_catalog.pg_has_role(d.datdba, 'USAGE'), pg_catalog.pg_get_userbyid(d.datdba)
from pg_catalog.pg_database d where d.datname operator(pg_catalog.=) pg_catalog.current_database())";
// Those of the database, of the role, and of the role in the database, the stronger ones last.
constexpr char const* settings_query = R"(
select c.setting from pg_catalog.pg_db_role_setting s
cross join lateral pg_catalog.unnest(s.setconfig) as c(setting)
left join pg_catalog.pg_settings p on p.name operator(pg_catalog.=) pg_catalog.split_part(c.setting, '=', 1)
where (p.name is null or p.context operator(pg_catalog.=) 'user')
  and (s.setrole operator(pg_catalog.=) 0
       or s.setrole operator(pg_catalog.=) (select r.oid from pg_catalog.pg_roles r where r.rolname operator(pg_catalog.=) session_user))
  and (s.setdatabase operator(pg_catalog.=) 0 or s.setdatabase operator(pg_catalog.=)
       (select d.oid from pg_catalog.pg_database d where d.datname operator(pg_catalog.=) pg_catalog.current_database()))
order by s.setrole operator(pg_catalog.<>) 0, s.setdatabase operator(pg_catalog.<>) 0)";
// What another server would have its own of, and values are read and written by.
constexpr char const* pinned_query = R"(
select p.name operator(pg_catalog.||) '=' operator(pg_catalog.||) p.reset_val from pg_catalog.pg_settings p
where p.name in ('TimeZone', 'DateStyle', 'IntervalStyle', 'search_path', 'default_text_search_config') order by 1)";
// Roles of the target's server, for one of the sandbox's own.
constexpr char const* roles_query = R"(
select pg_catalog.format('CREATE ROLE %I NOLOGIN %s %s %s %s', r.rolname, case when r.rolsuper then 'SUPERUSER' else 'NOSUPERUSER' end,
                         case when r.rolcreaterole then 'CREATEROLE' else 'NOCREATEROLE' end,
                         case when r.rolinherit then 'INHERIT' else 'NOINHERIT' end,
                         case when r.rolbypassrls then 'BYPASSRLS' else 'NOBYPASSRLS' end), r.oid operator(pg_catalog.=) 10, r.rolname
from pg_catalog.pg_roles r where r.rolname !~ '^pg_' order by 2 desc, r.rolname)";
constexpr char const* members_query = R"(
select distinct pg_catalog.format('GRANT %I TO %I', g.rolname, m.rolname) from pg_catalog.pg_auth_members a
join pg_catalog.pg_roles g on g.oid operator(pg_catalog.=) a.roleid join pg_catalog.pg_roles m on m.oid operator(pg_catalog.=) a.member
where m.rolname !~ '^pg_')";

// Another file: the rows were written anew.
constexpr char const* storage_query = R"(
select c.oid, c.relfilenode from pg_catalog.pg_class c where c.relkind in ('r', 'm') and c.relfilenode operator(pg_catalog.<>) 0
and c.relnamespace operator(pg_catalog.<>) 'pg_catalog'::pg_catalog.regnamespace)";

constexpr char const* tables_query = R"(
select c.oid::pg_catalog.regclass::pg_catalog.text from pg_catalog.pg_class c join pg_catalog.pg_namespace n
on n.oid operator(pg_catalog.=) c.relnamespace where c.relkind in ('r', 'p', 'm') and c.oid operator(pg_catalog.>=) 16384::pg_catalog.oid
and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname operator(pg_catalog.!~~) 'pg\_t%' and not exists (
select from pg_catalog.pg_depend d where d.classid operator(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
and d.objid operator(pg_catalog.=) c.oid and d.deptype operator(pg_catalog.=) 'e') order by 1 limit 1)";
// By their first part, should one be huge.
constexpr char const* objects_query = R"(
select m.oid, case when pg_catalog.pg_has_role(m.lomowner, 'usage') then pg_catalog.md5(pg_catalog.lo_get(m.oid, 0, 100000000)) end
from pg_catalog.pg_largeobject_metadata m)";

// A session makes no more than one.
Result<std::string> fresh_name(PostgresBackend& server) {
    UNDROP_TRY(auto const maker,
               server.rows(fmt::format("{} where a.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()", maker_query)));
    return prefix + maker.at(0).at(0).value_or("");
}

class PostgresSandbox final : public Sandbox {
public:
    PostgresSandbox(std::unique_ptr<PostgresBackend> server, std::string name) : server_(std::move(server)), name_(std::move(name)) {}
    ~PostgresSandbox() override { (void)end(); }

    [[nodiscard]] PostgresBackend& backend() override { return *database_; }
    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] PostgresBackend& server() { return *server_; }
    void open(std::unique_ptr<PostgresBackend> database) { database_ = std::move(database); }
    void lives_in(std::unique_ptr<Cluster> cluster) { cluster_ = std::move(cluster); }
    void is_seen_at(Place place, SandboxWish const& wish) {
        place_ = std::move(place);
        ledger_ = wish.ledger;
        cancelled_ = wish.cancelled;
    }

    // Resources, the operating system, the server itself, an operator's shutdown; a statement that is too large or too long is the
    // script's.
    [[nodiscard]] bool is_to_blame(Error const& error) const override {
        auto const state = sqlstate(error);
        return state.starts_with("53") || state.starts_with("58") || state.starts_with("XX") || state.starts_with("57P");
    }

    // One that is older than the server reads nothing.
    [[nodiscard]] std::string witness() override {
        constexpr int per_major = 10000;
        if (pg_dump_ < 0) pg_dump_ = pg_dump_version();
        if (pg_dump_ < database_->connection().server_version() / per_major) return {};
        return fmt::format("pg_dump {}", pg_dump_);
    }
    [[nodiscard]] Result<SchemaText> seen_by_witness() override {
        UNDROP_TRY(auto const text, dump_schema(place_.to, place_.acts_as, ledger_, cancelled_));
        return read_dump(text);
    }
    [[nodiscard]] std::unique_ptr<ValueSource> values() override { return std::make_unique<MadeValues>(*database_); }
    [[nodiscard]] Result<std::map<std::string, std::string>> storage() override {
        UNDROP_TRY(auto const rows, database_->connection().repeated(storage_query));
        std::map<std::string, std::string> files;
        for (auto const& row : rows) files.emplace(row[0].value_or(""), row[1].value_or(""));
        return files;
    }

    [[nodiscard]] std::string reaches_beyond(Statement const& statement) const override {
        if (cluster_) return {};
        auto const begins = [&](auto const&... words) { return (statement.words.starts_with(words) || ...); };
        auto const of_roles = begins("CREATE ROLE", "CREATE USER", "CREATE GROUP", "ALTER ROLE", "ALTER USER", "DROP ROLE", "DROP USER",
                                     "DROP GROUP", "ALTER GROUP") &&
                              !begins("CREATE USER MAPPING", "ALTER USER MAPPING", "DROP USER MAPPING");
        auto const of_databases = begins("ALTER DATABASE", "COMMENT ON DATABASE") ||
                                  (begins("GRANT", "REVOKE") && lowered(statement.text).find(" on database ") != std::string::npos);
        if (!of_roles && !of_databases) return {};
        return fmt::format("{} are the whole server's: line {} was carried out for real; --sandbox local rehearses on a server of its own",
                           of_roles ? "roles" : "databases", statement.line);
    }
    [[nodiscard]] Result<SchemaText> beside_tables() override {
        UNDROP_TRY(auto const rows, database_->connection().repeated(objects_query));
        SchemaText objects;
        for (auto const& row : rows) objects.emplace("large object " + row[0].value_or(""), row[1].value_or(""));
        return objects;
    }

    [[nodiscard]] Result<void> end() override {
        database_.reset();
        if (cluster_) {  // the database goes with its server
            server_.reset();
            name_.clear();
            return std::exchange(cluster_, nullptr)->end();
        }
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

    std::unique_ptr<Cluster> cluster_;         // where it is a server of its own
    std::unique_ptr<PostgresBackend> server_;  // lives as long as the sandbox: who made it is still there
    std::string name_;
    std::unique_ptr<PostgresBackend> database_;
    Place place_;
    std::string ledger_;
    std::function<bool()> cancelled_;
    int pg_dump_ = -1;  // not asked for yet
};

// Leftovers are no reason not to rehearse: what cannot be dropped stays for the next time.
void sweep(PostgresBackend& server) {
    auto const found = server.rows(fmt::format(leftovers_query, quote_literal(mark), half_made, maker_query));
    if (!found) return;
    for (auto const& row : found.value()) (void)server.run("DROP DATABASE " + quote_identifier(row[0].value_or("")));
}

Error may_not_create(Error error, PostgresBackend const& server) {
    if (sqlstate(error) != "42501") {
        error.message = "the sandbox cannot be made: " + error.message;
        return error;
    }
    error.code = Code::refused;
    error.left = Left::untouched;
    error.message = fmt::format("{} may not make a database for the rehearsal", server.role());
    error.next.advice = fmt::format(
        "Let a superuser say: ALTER ROLE {} CREATEDB; or name another server with --sandbox URL, or have one "
        "made for the rehearsal with --sandbox local.",
        quote_identifier(server.role()));
    return error;
}

// `owner`: empty: who makes it.
Result<void> create(PostgresSandbox& sandbox, Row const& like, std::string const& owner) {
    auto& server = sandbox.server();
    auto sql = fmt::format("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}", quote_identifier(sandbox.name()),
                           quote_literal(like[0].value_or("")), quote_literal(like[1].value_or("C")), quote_literal(like[2].value_or("C")));
    if (like[3] == "i") sql += fmt::format(" LOCALE_PROVIDER icu ICU_LOCALE {}", quote_literal(like[4].value_or("")));
    if (!owner.empty()) sql += " OWNER " + quote_identifier(owner);
    sql += fmt::format(" CONNECTION LIMIT {}", half_made);
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

// A server is named by a database that holds nothing: who names one with tables may mean that these are disposable, which nothing is that
// undrop has not made (P10), or may have taken the wrong server.
Result<void> is_nobodys(Connection& elsewhere, Place const& place) {
    auto const same = [&](char const* key) {
        auto const here = place.from.find(key);
        auto const there = place.to.find(key);
        return (here == place.from.end() ? std::string() : here->second) == (there == place.to.end() ? std::string() : there->second);
    };
    if (same("host") && same("port") && same("dbname")) return success();
    UNDROP_TRY(auto const tables, elsewhere.rows(tables_query));
    if (tables.empty()) return success();
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("the database {} that --sandbox names holds tables, as {}", place.to.at("dbname"),
                                        tables[0][0].value_or("")),
                 .next = {.advice = "A sandbox is a database of its own beside it, and nothing else is touched; if that server is meant, "
                                    "name it by a database that holds nothing, as .../postgres."}};
}

// Where the sandbox is to be made: `to` and `role_there`; the server that was started for it, if one was.
Result<std::unique_ptr<Cluster>> find_place(PostgresBackend& target, SandboxWish const& wish, Place& place) {
    std::unique_ptr<Cluster> cluster;
    place.to = place.from;
    if (wish.elsewhere == local_server) {
        UNDROP_TRY(auto const first, target.rows("select r.rolname from pg_catalog.pg_roles r where r.oid operator(pg_catalog.=) 10"));
        constexpr int per_major = 10000;
        UNDROP_TRY(cluster, Cluster::start({.version = target.connection().server_version() / per_major,
                                            .superuser = first.empty() ? "postgres" : first[0][0].value_or("postgres"),
                                            .cancelled = wish.cancelled}));
        place.to = cluster->parameters();
    } else if (wish.elsewhere.empty()) {
        place.role_there = place.role;
    } else {
        UNDROP_TRY(auto const elsewhere, open_backend(wish.elsewhere));
        auto& connection = static_cast<PostgresBackend&>(*elsewhere).connection();
        place.to = parameters_of(connection.handle());
        UNDROP_CHECK(is_nobodys(connection, place));
    }
    return cluster;
}

// Those of the target's server, without passwords: schema and migrations may name any of them.
Result<void> make_roles(Connection& target, PostgresBackend& server) {
    UNDROP_TRY(auto const roles, target.rows(roles_query));
    UNDROP_TRY(auto const members, target.rows(members_query));
    std::string sql;
    for (auto const& row : roles)
        if (row[1] != "t") sql += row[0].value_or("") + ";";  // the first is there
    for (auto const& row : members) sql += row[0].value_or("") + ";";
    if (!sql.empty()) UNDROP_CHECK(server.run(sql));
    return success();
}

}  // namespace

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
    if (wish.elsewhere.empty() || wish.data.mode != DataMode::migrations)
        UNDROP_CHECK(no_pooler(connection_));  // pg_dump sets what it needs for its session
    UNDROP_TRY(auto const like, connection_.rows(target_query));
    UNDROP_TRY(auto settings, connection_.rows(settings_query));
    Place place{.from = parameters_of(connection_.handle()), .role = role, .to = {}, .role_there = {}, .acts_as = {}};
    Cluster::sweep();
    std::unique_ptr<SandboxSource> source;
    if (wish.by_rows()) {
        UNDROP_TRY(auto reader, connect_as(place.from, role));
        UNDROP_TRY(source, SandboxSource::open(std::move(reader), wish));
    }
    UNDROP_TRY(auto cluster, find_place(*this, wish, place));
    UNDROP_TRY(auto server, connect_as(place.to, cluster ? std::string() : place.role_there));
    UNDROP_CHECK(no_pooler(server->connection()));
    UNDROP_CHECK(prove_writable(server->connection()));
    stay(*server);
    if (cluster) UNDROP_CHECK(make_roles(connection_, *server));
    if (!cluster && !wish.elsewhere.empty() && wish.data.mode != DataMode::migrations) UNDROP_CHECK(prove_fit(*this, *server));
    if (cluster && wish.data.mode != DataMode::migrations) UNDROP_CHECK(prove_fit(*this, *server));
    if (!cluster) sweep(*server);
    UNDROP_TRY(auto const name, fresh_name(*server));
    auto sandbox = std::make_unique<PostgresSandbox>(std::move(server), name);
    place.acts_as = cluster ? session_.role() : place.role_there;
    bool const own_server = wish.elsewhere.empty() || cluster;
    if (sandbox->server().connection().server_version() / 10000 < connection_.server_version() / 10000)
        sandbox->notes.emplace_back("the sandbox's server is of an older version than the target's");
    if (cluster) sandbox->lives_in(std::move(cluster));
    auto owner = own_server && !wish.elsewhere.empty() ? place.acts_as : std::string();
    // Whose store is trusted as the database's owner's is trusted so in the copy.
    if (own_server && like[0][5] == "t") owner = like[0][6].value_or("");
    UNDROP_CHECK(create(*sandbox, like.at(0), owner));
    place.to["dbname"] = sandbox->name();
    if (!wish.elsewhere.empty()) {
        UNDROP_TRY(auto const pinned, connection_.rows(pinned_query));
        settings.insert(settings.begin(), pinned.begin(), pinned.end());
    }
    for (auto const& row : settings) place.to["options"] += as_option(row[0].value_or(""));
    UNDROP_CHECK(fill(*this, source.get(), place, wish, own_server, *sandbox));
    source.reset();
    UNDROP_TRY(auto database, connect_as(place.to, place.acts_as));
    database->be_alone();
    sandbox->open(std::move(database));
    sandbox->is_seen_at(place, wish);
    return std::unique_ptr<Sandbox>(std::move(sandbox));
}

}  // namespace undrop::postgres
