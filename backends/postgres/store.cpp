#include "store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <array>

#include "errors.hpp"
#include "postgres_dialect.hpp"
#include "reader.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// One row if the schema is there: its owner, whether we trust the owner, and what is wrong, in words. A name proves nothing.
// A role that can only read is no prey: the database's owner is then trusted as well; anybody, where it cannot make a store of its own.
// {1}: which rights of others do no harm. Those to read the ledger, {2}, are the owner's to give to whom it names: rows are not in there.
// What is in it depends on it, but for indexes, which are their tables'.
// What capture.hpp makes, with its owner, is there only while a statement commits by itself, or after a crash in it.
constexpr char const* state_query = R"(
with s as (
    select n.oid, n.nspowner as owner, n.nspacl as acl from pg_catalog.pg_namespace n where n.nspname = {0}
), member as materialized (
    select d.classid, d.objid from s cross join lateral (
        select m.classid, m.objid from pg_catalog.pg_depend m where m.refclassid = 2615 and m.refobjid = s.oid offset 0) d
), relation as materialized (
    select c.* from s, member m cross join lateral (select * from pg_catalog.pg_class x where x.oid = m.objid offset 0) c
    where m.classid = 1259 and not (c.relkind = 'v' and c.relowner = s.owner and c.relname ~ '^capture_[0-9]+_guard$')
), wrong(what) as (
    select 'rights on the schema are granted to ' || case x.grantee when 0 then 'PUBLIC' else pg_catalog.pg_get_userbyid(x.grantee) end
      from s cross join lateral pg_catalog.aclexplode(s.acl) x where x.grantee <> s.owner {1}
        and not (x.privilege_type = 'USAGE' and x.grantee <> 0)
    union all select 'rights on ' || r.relname || ' are granted to '
                     || case x.grantee when 0 then 'PUBLIC' else pg_catalog.pg_get_userbyid(x.grantee) end
      from s, relation r cross join lateral pg_catalog.aclexplode(r.relacl) x where x.grantee <> s.owner {1}
        and not (x.privilege_type = 'SELECT' and x.grantee <> 0 and r.relkind = 'r'
                 and r.relname::pg_catalog.text = any (array[{2}]))
    union all select 'rights on columns of ' || r.relname || ' are granted'
      from relation r where exists (select from pg_catalog.pg_attribute a where a.attrelid = r.oid and a.attacl is not null offset 0)
    union all select r.relname || ' is owned by ' || pg_catalog.pg_get_userbyid(r.relowner) from s, relation r where r.relowner <> s.owner
             and not (select o.rolsuper from pg_catalog.pg_roles o where o.oid = r.relowner)
    union all select r.relname || ' is no table' from relation r where r.relkind not in ('r', 'S', 'i')
    union all select r.relname || ' has a trigger' from relation r where exists (select from pg_catalog.pg_trigger t where t.tgrelid = r.oid and not t.tgisinternal offset 0)
    union all select r.relname || ' has a rule' from relation r join pg_catalog.pg_rewrite w on w.ev_class = r.oid
    union all select r.relname || ' has a policy' from relation r join pg_catalog.pg_policy p on p.polrelid = r.oid
    union all select r.relname || ' takes part in inheritance'
      from relation r join pg_catalog.pg_inherits i on r.oid in (i.inhrelid, i.inhparent)
      where r.relkind = 'r'
    union all select r.relname || ' has a default' from relation r where exists (select from pg_catalog.pg_attrdef d where d.adrelid = r.oid offset 0)
    union all select r.relname || ' has a constraint that is no key'
      from relation r where exists (select from pg_catalog.pg_constraint k where k.conrelid = r.oid and k.contype not in ('p', 'u', 'n') offset 0)
    union all select r.relname || ' has an index over an expression, or over some rows'
      from relation r where exists (select from pg_catalog.pg_index x where x.indrelid = r.oid and (x.indexprs is not null or x.indpred is not null) offset 0)
        and r.relname !~ '^capture_[0-9]+_(old|left)$'
    union all select 'it holds the function ' || p.proname from s, member m join pg_catalog.pg_proc p on p.oid = m.objid
      where m.classid = 1255 and (p.proowner <> s.owner or p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype or p.proname !~ '^capture_([0-9]+_row|refuse)$')
    union all select 'it holds the type ' || t.typname from member m join pg_catalog.pg_type t on t.oid = m.objid where m.classid = 1247
)
select pg_catalog.pg_get_userbyid(s.owner),
       s.owner = (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user)
       or coalesce((select r.rolsuper from pg_catalog.pg_roles r where r.oid = s.owner), false)
       or (not pg_catalog.has_database_privilege(current_database(), 'CREATE')
           and not exists (select from relation r where r.relkind = 'r' and pg_catalog.has_table_privilege(r.oid, 'INSERT')))
       or (s.owner = (select d.datdba from pg_catalog.pg_database d where d.datname = current_database())
           and (pg_catalog.pg_has_role(s.owner, 'MEMBER')
                or not exists (select from relation r where r.relkind = 'r' and pg_catalog.has_table_privilege(r.oid, 'INSERT')))),
       (select pg_catalog.string_agg(w.what, '; ' order by w.what collate "C") from (select distinct what from wrong limit 5) w),
       current_user
from s)";

struct Relation {
    std::string oid;
    std::string name;  // quoted
    bool sequence = false;
};

// A table of the store, and the sequences of its columns.
Result<std::vector<Relation>> with_sequences(Connection& connection, std::string const& store_table) {
    UNDROP_TRY(auto const rows,
               connection.repeated("select c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind = 'S' "
                                   "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
                                   "where c.oid in (select $1::pg_catalog.regclass union all select d.objid from pg_catalog.pg_depend d "
                                   "where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
                                   "and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
                                   "and d.refobjid = $1::pg_catalog.regclass and d.deptype in ('a', 'i')) "
                                   "and (c.relkind = 'S' or c.oid = $1::pg_catalog.regclass)",
                                   std::array{Cell(store_table)}));
    std::vector<Relation> relations;
    for (auto const& row : rows) relations.push_back({*row[0], *row[1], row[2] == "t"});
    return relations;
}

// Default privileges may have given rights to anyone by now. `acl` is an expression, and `from` may have a parameter; what comes back is a
// list for REVOKE.
std::string grantees_query(std::string const& acl, std::string const& owner, std::string const& from) {
    return fmt::format(
        "select distinct case x.grantee when 0 then 'PUBLIC' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) end "
        "from {} cross join lateral pg_catalog.aclexplode({}) x where x.grantee <> {}",
        from, acl, owner);
}

Result<void> revoke_all(Connection& connection, std::string const& query, Cell const& parameter, std::string const& what) {
    UNDROP_TRY(auto const grantees, connection.repeated(query, std::array{parameter}));
    if (grantees.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    for (auto const& row : grantees) UNDROP_CHECK(connection.run(fmt::format("REVOKE ALL ON {} FROM {} CASCADE", what, *row[0])));
    UNDROP_TRY(auto const left, connection.repeated(query, std::array{parameter}));
    if (left.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    return Error{.code = Code::refused,
                 .message = fmt::format("rights on {} of the store cannot be taken from {}; what is saved there would be readable", what,
                                        *left[0][0])};
}

// A TOAST table and statistics know no row security. What was in the source's rows themselves stays in the store's: old and new values side
// by side are more than either; and no values are noted for the planner.
Result<void> keep_in_rows(Connection& connection, std::string const& store_table) {
    UNDROP_TRY(auto const rows,
               connection.rows(fmt::format(
                   "select pg_catalog.format('ALTER COLUMN %I SET STATISTICS 0', a.attname), case when a.attstorage in ('x', 'e') then "
                   "pg_catalog.format('ALTER COLUMN %I SET STORAGE MAIN', a.attname) end from pg_catalog.pg_attribute a where a.attrelid = "
                   "{}::pg_catalog.regclass and a.attnum > 0",
                   quote_literal(store_table))));
    std::vector<std::string> changes;
    for (auto const& row : rows)
        for (auto const& change : row)
            if (change) changes.push_back(*change);
    if (!changes.empty()) UNDROP_CHECK(connection.run(fmt::format("ALTER TABLE {} {}", store_table, fmt::join(changes, ", "))));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

std::string grant_advice(Connection& connection, std::string const& role) {
    auto const rows = connection.rows("select current_database()");
    auto const database = rows.has_value() ? rows.value().at(0).at(0).value_or("") : "";
    return fmt::format("GRANT CREATE ON DATABASE {} TO {};", quote_identifier(database), quote_identifier(role));
}

}  // namespace

Result<StoreState> store_state(Session const& session, std::string const& ledger) {
    UNDROP_TRY(auto const rows, session.repeated(fmt::format(state_query, quote_literal(ledger), "", ledger_tables())));
    StoreState state;
    if (rows.empty()) return state;
    state.exists = true;
    auto const& owner = *rows[0][0];
    if (rows[0][1] != "t") {
        state.foreign = fmt::format("schema {} belongs to {}, whom {} has no reason to trust", quote_identifier(ledger), owner,
                                    rows[0][3].value_or(""));
    } else if (rows[0][2]) {
        state.foreign = fmt::format("schema {} of {} is not as undrop leaves it: {}", quote_identifier(ledger), owner, *rows[0][2]);
    }
    return state;
}

// Fails on a store that is not ours: what follows in the same text is then neither planned nor run. Who may only look on does no harm to
// who reads.
std::string store_guard(std::string const& ledger) {
    auto const state = fmt::format(state_query, quote_literal(ledger), "and x.privilege_type not in ('SELECT', 'USAGE')", ledger_tables());
    return fmt::format("select 1 / (case when g.trusted and g.wrong is null then 1 else 0 end) from ({}) g(owner, trusted, wrong, role); ",
                       state);
}

Result<void> create_store(Connection& connection, Session const& session, std::string const& ledger) {
    auto const schema = quote_identifier(ledger);
    auto const advice = [&] { return grant_advice(connection, session.role()); };
    UNDROP_TRY(auto const may,
               connection.rows("select pg_catalog.has_database_privilege(current_database(), 'CREATE'), current_database()"));
    if (may.at(0).at(0) != "t")
        return Error{.code = Code::refused,
                     .message = fmt::format("{} may not make undrop's store: it needs the right CREATE on database {}", session.role(),
                                            may[0][1].value_or("")),
                     .next = {.advice = "let the database's owner say: " + advice()}};
    auto made = connection.run("CREATE SCHEMA " + schema);
    if (!made.has_value()) {
        auto error = std::move(made).error();
        if (sqlstate(error) == "42P06") error.code = Code::conflict;
        error.message = fmt::format("undrop's store, the schema {}, cannot be made", schema);
        return error;
    }
    auto const query = grantees_query("n.nspacl", "n.nspowner", "(select * from pg_catalog.pg_namespace where nspname = $1) n");
    return revoke_all(connection, query, ledger, "SCHEMA " + schema);
}

Result<void> seal(Connection& connection, std::string const& store_table, Table const* source, bool hidden) {
    UNDROP_TRY(auto const relations, with_sequences(connection, store_table));
    // A store is one role's, whoever else may write to it: what another has made in it nobody would trust.
    UNDROP_TRY(auto const owner, connection.repeated("select pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner)) from "
                                                     "pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
                                                     "where c.oid = $1::pg_catalog.regclass and c.relowner <> n.nspowner",
                                                     std::array{Cell(store_table)}));
    if (!owner.empty()) UNDROP_CHECK(connection.run(fmt::format("ALTER TABLE {} OWNER TO {}", store_table, owner[0][0].value_or(""))));
    for (auto const& relation : relations) {
        auto const query = grantees_query("c.relacl", "c.relowner", "(select * from pg_catalog.pg_class where oid = $1::pg_catalog.oid) c");
        auto const what = (relation.sequence ? "SEQUENCE " : "TABLE ") + relation.name;
        UNDROP_CHECK(revoke_all(connection, query, relation.oid, what));
    }
    if (!source) return BOOST_OUTCOME_V2_NAMESPACE::success();
    // A source that is gone by now may have had row security: then it holds here, too.
    UNDROP_TRY(auto const open,
               connection.rows(fmt::format("select from pg_catalog.pg_class where oid = {} and not relrowsecurity", source->id)));
    if (!open.empty() && !hidden) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_CHECK(connection.run(fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", store_table)));
    return keep_in_rows(connection, store_table);
}

Result<std::int64_t> bytes_of(Connection& connection, std::string const& store_table) {
    UNDROP_TRY(auto const rows, connection.rows(fmt::format("select pg_catalog.pg_total_relation_size({}::pg_catalog.regclass)",
                                                            quote_literal(store_table))));
    return std::stoll(rows.at(0).at(0).value_or("0"));
}

// The sum of the rows' digests: of 60 bits of each, which no two orders change and no accident meets.
Result<std::string> hash_of(Connection& connection, Session const& session, std::string const& store_table,
                            std::vector<std::string> const& columns) {
    std::vector<std::string> names;
    for (auto const& column : columns) names.push_back("t." + quote_identifier(column));
    UNDROP_TRY(auto const rows,
               connection.rows(session.safely(fmt::format(
                   "select coalesce(pg_catalog.sum(('x' || pg_catalog.substr({}, 1, 15))::bit(60)::pg_catalog.int8), 0) from ONLY {} as t",
                   PostgresDialect().digest(PostgresDialect().image(names)), store_table))));
    return "sha256-sum:" + rows.at(0).at(0).value_or("0");
}

// No such relation, no such schema.
bool means_no_store(Error const& error) {
    auto const state = sqlstate(error);
    return state == "42P01" || state == "3F000";
}

Result<std::vector<std::string>> publications(Connection& connection, Session const& session, std::string const& ledger) {
    auto const of_schema = connection.server_version() < 150000
                               ? std::string("false")
                               : fmt::format(
                                     "exists (select from pg_catalog.pg_publication_namespace s join pg_catalog.pg_namespace n on "
                                     "n.oid = s.pnnspid where s.pnpubid = p.oid and n.nspname = {})",
                                     quote_literal(ledger));
    UNDROP_TRY(
        auto const rows,
        connection.rows(session.safely(fmt::format("select p.pubname from pg_catalog.pg_publication p where (p.puballtables or {}) and "
                                                   "pg_catalog.current_setting('wal_level') = 'logical' order by 1",
                                                   of_schema))));
    std::vector<std::string> names;
    for (auto const& row : rows) names.push_back(row[0].value_or(""));
    return names;
}

Result<std::vector<std::string>> event_triggers(Connection& connection) {
    UNDROP_TRY(
        auto const rows,
        connection.rows("select pg_catalog.concat('event trigger ', t.evtname, ' of ', pg_catalog.pg_get_userbyid(t.evtowner), ' runs ', "
                        "n.nspname, '.', p.proname, '() on ', t.evtevent, "
                        "case when t.evttags is not null then ' of ' || pg_catalog.array_to_string(t.evttags, ', ') end) "
                        "from pg_catalog.pg_event_trigger t join pg_catalog.pg_proc p on p.oid = t.evtfoid "
                        "join pg_catalog.pg_namespace n on n.oid = p.pronamespace where t.evtenabled in ('O', 'A') order by t.evtname"));
    std::vector<std::string> found;
    for (auto const& row : rows) found.push_back(row[0].value_or(""));
    return found;
}

}  // namespace undrop::postgres
