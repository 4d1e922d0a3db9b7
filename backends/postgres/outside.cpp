#include "outside.hpp"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>
#include <set>

#include "parse.hpp"
#include "patience.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

using nlohmann::json;

void set_name(Outside& what, json const& relation) {
    what.schema = text_at(relation, "schemaname");
    what.name = text_at(relation, "relname");
}

void set_table(Outside& what, json const& relation) {
    what.table_schema = text_at(relation, "schemaname");
    what.table = text_at(relation, "relname");
}

// A dotted name as the grammar gives it.
json relation_of(json const& parts) {
    json relation = json::object();
    if (!parts.empty()) relation["relname"] = text_at(at(parts.back(), "String"), "sval");
    if (parts.size() > 1) relation["schemaname"] = text_at(at(parts[parts.size() - 2], "String"), "sval");
    return relation;
}

bool has_option(json const& options, char const* name) {
    return std::any_of(options.begin(), options.end(), [&](json const& o) { return text_at(at(o, "DefElem"), "defname") == name; });
}

constexpr char const* not_readable =
    "PostgreSQL runs it only outside of a transaction, and undrop cannot read from its text what it is about";

// Fills in what the text says; false: it is none of this kind.
bool reads_create(Node const& node, Outside& what) {
    if (node.type != "IndexStmt" || !flag_at(node.body, "concurrent")) return false;
    set_table(what, at(node.body, "relation"));
    what.schema = what.table_schema;
    what.name = text_at(node.body, "idxname");
    if (what.name.empty()) what.refused = "the index has no name, by which undrop could find it again after a crash: give it one";
    return true;
}

bool reads_drop(Node const& node, Outside& what) {
    if (node.type != "DropStmt" || !flag_at(node.body, "concurrent")) return false;
    auto const& objects = at(node.body, "objects");
    if (objects.size() == 1) set_name(what, relation_of(at(at(objects[0], "List"), "items")));
    return true;
}

bool reads_reindex(Node const& node, Outside& what) {
    if (node.type != "ReindexStmt" || !has_option(at(node.body, "params"), "concurrently")) return false;
    auto const kind = text_at(node.body, "kind");
    if (kind != "REINDEX_OBJECT_INDEX" && kind != "REINDEX_OBJECT_TABLE") return false;
    set_name(what, at(node.body, "relation"));
    what.repeatable = true;
    return true;
}

bool reads_detach(Node const& node, Outside& what) {
    if (node.type != "AlterTableStmt") return false;
    auto const& commands = at(node.body, "cmds");
    if (commands.size() != 1) return false;
    auto const& partition = at(at(at(commands[0], "AlterTableCmd"), "def"), "PartitionCmd");
    if (!flag_at(partition, "concurrent")) return false;
    set_table(what, at(node.body, "relation"));
    set_name(what, at(partition, "name"));
    what.whole_table = true;
    return true;
}

bool reads_vacuum(Node const& node, Outside& what) {
    if (node.type != "VacuumStmt" || !flag_at(node.body, "is_vacuumcmd")) return false;
    auto const& tables = at(node.body, "rels");
    if (tables.size() == 1) set_name(what, at(at(tables[0], "VacuumRelation"), "relation"));
    what.repeatable = true;
    return true;
}

bool reads_add_value(Node const& node, Outside& what) {
    if (node.type != "AlterEnumStmt" || !text_at(node.body, "oldVal").empty()) return false;
    set_name(what, relation_of(at(node.body, "typeName")));
    what.label = text_at(node.body, "newVal");
    return true;
}

// An index of any kind, as it is now.
constexpr char const* one_index =
    "from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid join pg_catalog.pg_namespace n on n.oid = "
    "c.relnamespace where n.nspname = {schema} and c.relname = {name}";
// What a REINDEX that failed left on a table and its partitions: half-made ones, and old ones that it could not drop.
constexpr char const* left_by_reindex =
    "from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid join pg_catalog.pg_namespace n on n.oid = "
    "c.relnamespace where not i.indisvalid and c.relkind = 'i' and c.relname ~ '_cc(new|old)[0-9]*$' and i.indrelid in (select t.oid from "
    "pg_catalog.pg_class t join pg_catalog.pg_namespace s on s.oid = t.relnamespace where s.nspname = {table_schema} and t.relname = "
    "{table} union select p.relid from pg_catalog.pg_class t join pg_catalog.pg_namespace s on s.oid = t.relnamespace, lateral "
    "pg_catalog.pg_partition_tree(t.oid) p where s.nspname = {table_schema} and t.relname = {table})";
constexpr char const* drop_index = "pg_catalog.format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname)";

struct Kind {
    char const* name;
    char const* words;  // that such a statement begins with
    bool (*reads)(Node const& node, Outside& what);
    // Schema and name of the thing itself, of its table; kind, parent and name in the catalog.
    char const* find;
    char const* probe;  // 'none', 'half' or 'whole'
    char const* tidy;   // statements that make half of it none or whole, one per row; null: there is no half
};

constexpr char const* found_table =
    "select n.nspname, {name}, n.nspname, c.relname, 'index', pg_catalog.format('%I.%I', n.nspname, c.relname), "
    "{name} from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where "
    "c.oid = {table_oid}";
constexpr char const* found_index =
    "select n.nspname, c.relname, s.nspname, t.relname, 'index', pg_catalog.format('%I.%I', s.nspname, t.relname), c.relname from "
    "pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_index i on i.indexrelid = c.oid "
    "join "
    "pg_catalog.pg_class t on t.oid = i.indrelid join pg_catalog.pg_namespace s on s.oid = t.relnamespace where c.oid = {oid}";
constexpr char const* found_reindexed =
    "select n.nspname, c.relname, s.nspname, t.relname, '', '', '' from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = "
    "c.relnamespace left join pg_catalog.pg_index i on i.indexrelid = c.oid join pg_catalog.pg_class t on t.oid = coalesce(i.indrelid, "
    "c.oid) join pg_catalog.pg_namespace s on s.oid = t.relnamespace where c.oid = {oid}";
constexpr char const* found_partition =
    "select n.nspname, c.relname, s.nspname, t.relname, '', '', '' from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = "
    "c.relnamespace, pg_catalog.pg_class t join pg_catalog.pg_namespace s on s.oid = t.relnamespace where c.oid = {oid} "
    "and t.oid = {table_oid}";
constexpr char const* found_type =
    "select n.nspname, t.typname, '', '', 'type', pg_catalog.quote_ident(n.nspname), t.typname from pg_catalog.pg_type t join "
    "pg_catalog.pg_namespace n on n.oid = t.typnamespace where t.oid = {type_oid}";

constexpr char const* is_made =
    "select coalesce((select case when i.indisvalid and i.indisready and i.indislive then 'whole' else 'half' end {index}), 'none')";
constexpr char const* is_dropped =
    "select coalesce((select case when i.indisvalid and i.indislive then 'none' else 'half' end {index}), 'whole')";
constexpr char const* is_detached =
    "select coalesce((select case when h.inhdetachpending then 'half' else 'none' end from pg_catalog.pg_inherits h join "
    "pg_catalog.pg_class c on c.oid = h.inhrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_class t on "
    "t.oid = h.inhparent join pg_catalog.pg_namespace s on s.oid = t.relnamespace where n.nspname = {schema} and c.relname = {name} and "
    "s.nspname = {table_schema} and t.relname = {table}), 'whole')";
constexpr char const* has_label =
    "select case when exists (select from pg_catalog.pg_enum e join pg_catalog.pg_type t on t.oid = e.enumtypid join "
    "pg_catalog.pg_namespace n on n.oid = t.typnamespace where n.nspname = {schema} and t.typname = {name} and e.enumlabel = {label}) then "
    "'whole' else 'none' end";

// In the text of a procedure's own body, or of a block; deeper ones the server, or the triggers that watch, will refuse. Regular
// expressions as C++ and PostgreSQL read them both.
constexpr char const* ends_transactions = "(;|[^a-z_](begin|then|loop|else))\\s*(commit|rollback)(\\s+and\\s+(no\\s+)?chain)?\\s*;";
constexpr char const* changes_schema =
    "(^|[^a-z_])((create|alter|drop)\\s+(or\\s+replace\\s+)?(unlogged\\s+)?(table|(unique\\s+)?index|(materialized\\s+|recursive\\s+)?view|"
    "sequence|type|domain|schema|function|procedure|trigger|policy|rule|extension|statistics)|truncate|refresh\\s+materialized\\s+view)"
    "[^a-z_]";

constexpr std::array kinds{
    Kind{"create index", "CREATE INDEX CONCURRENTLY", reads_create, found_table, is_made, "select {drop} {index}"},
    Kind{"create index", "CREATE UNIQUE INDEX CONCURRENTLY", reads_create, found_table, is_made, "select {drop} {index}"},
    Kind{"drop index", "DROP INDEX CONCURRENTLY", reads_drop, found_index, is_dropped, "select {drop} {index}"},
    Kind{"reindex", "REINDEX", reads_reindex, found_reindexed, "select case when exists (select {reindexed}) then 'half' else 'none' end",
         "select {drop} {reindexed}"},
    Kind{"detach partition", "ALTER TABLE", reads_detach, found_partition, is_detached,
         "select pg_catalog.format('ALTER TABLE %I.%I DETACH PARTITION %I.%I FINALIZE', {table_schema}, {table}, {schema}, {name})"},
    Kind{"vacuum", "VACUUM", reads_vacuum, nullptr, "select 'none'", nullptr},
    Kind{"add value", "", reads_add_value, found_type, has_label, nullptr},  // only where it is hoisted
};

Kind const* kind_of(Outside const& what) {
    auto const found = std::find_if(kinds.begin(), kinds.end(), [&](Kind const& k) { return what.kind == k.name; });
    return found == kinds.end() ? nullptr : &*found;
}

bool begins_with(std::string_view words, std::string_view prefix) {
    return !prefix.empty() && words.starts_with(prefix) && (words.size() == prefix.size() || words[prefix.size()] == ' ');
}

struct Oids {
    std::string thing = "null";
    std::string table = "null";
    std::string type = "null";
};

// A kind's SQL with what a statement names, as literals.
std::string filled(char const* sql, Outside const& what, Oids const& oids = {}) {
    fmt::dynamic_format_arg_store<fmt::format_context> names;
    names.push_back(fmt::arg("schema", quote_literal(what.schema)));
    names.push_back(fmt::arg("name", quote_literal(what.name)));
    names.push_back(fmt::arg("table_schema", quote_literal(what.table_schema)));
    names.push_back(fmt::arg("table", quote_literal(what.table)));
    names.push_back(fmt::arg("label", quote_literal(what.label)));
    names.push_back(fmt::arg("oid", oids.thing));
    names.push_back(fmt::arg("table_oid", oids.table));
    names.push_back(fmt::arg("type_oid", oids.type));
    auto const index = fmt::vformat(one_index, names);
    auto const reindexed = fmt::vformat(left_by_reindex, names);
    names.push_back(fmt::arg("index", index));
    names.push_back(fmt::arg("reindexed", reindexed));
    names.push_back(fmt::arg("drop", drop_index));
    return fmt::vformat(sql, names);
}

// Under the script's own search path, and so with no operator in it.
Result<Oids> oids_of(Connection& connection, Outside const& named, std::vector<Statement> const& settings) {
    PostgresDialect const dialect;
    auto const thing = quote_literal(dialect.relation(named.schema, named.name));
    auto const table = quote_literal(dialect.relation(named.table_schema, named.table));
    UNDROP_CHECK(connection.run("BEGIN READ ONLY"));
    auto found = [&]() -> Result<Rows> {
        for (auto const& setting : settings) UNDROP_CHECK(connection.run(setting.text));
        return connection.rows(
            fmt::format("select pg_catalog.to_regclass({0})::pg_catalog.oid, "
                        "pg_catalog.to_regclass({1})::pg_catalog.oid, pg_catalog.to_regtype({0})::pg_catalog.oid",
                        thing, table));
    }();
    if (!connection.lost()) (void)connection.run("ROLLBACK");
    UNDROP_TRY(auto const rows, std::move(found));
    auto const& row = rows.at(0);
    return Oids{row[0].value_or("null"), row[1].value_or("null"), row[2].value_or("null")};
}

// Whoever builds an index of a table, or drops one, holds this lock on it all the while.
Result<void> nobody_builds(Connection& connection, Outside const& found, Options const& options) {
    auto const table = quote_identifier(found.table_schema) + "." + quote_identifier(found.table);
    auto done = connection.run(fmt::format("BEGIN; SET LOCAL lock_timeout = {}; LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE",
                                           options.lock_timeout.count(), table));
    if (!connection.lost()) (void)connection.run("ROLLBACK");
    if (done.has_value() || (done.error().code != Code::busy && !connection.lost())) return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto error = std::move(done).error();
    if (!connection.lost()) error.message = fmt::format("another session is at work on an index of {}.{}", found.table_schema, found.table);
    return error;
}

}  // namespace

std::optional<Outside> outside(Statement const& statement) {
    std::optional<Node> node;
    for (auto const& kind : kinds) {
        if (!begins_with(statement.words, kind.words)) continue;
        Outside what;
        what.kind = kind.name;
        if (!node) node = parse(statement);
        if (node && kind.reads(*node, what)) return what;
        // The words say it; what they are about is not known.
        if (!node && (kind.words == std::string_view("VACUUM") || std::string_view(kind.words).ends_with("CONCURRENTLY"))) {
            what.refused = not_readable;
            return what;
        }
    }
    return {};
}

std::optional<Outside> may_commit(Statement const& statement) {
    Outside what;
    what.commits = true;
    if (begins_with(statement.words, "DO")) {
        static std::regex const commits(ends_transactions, std::regex::icase);
        what.kind = "do";
        return std::regex_search(statement.text, commits) ? std::optional(what) : std::nullopt;
    }
    if (!begins_with(statement.words, "CALL")) return {};
    auto const node = parse(statement);
    if (!node || node->type != "CallStmt") return {};
    what.kind = "call";
    set_name(what, relation_of(at(at(node->body, "funccall"), "funcname")));
    return what;
}

std::map<std::size_t, Outside> hoisted(std::vector<Statement> const& statements) {
    std::map<std::size_t, Outside> added;
    std::set<std::string> made;  // types that the script makes itself, whose labels it may use at once
    for (std::size_t i = 0; i < statements.size(); ++i) {
        bool const alters = begins_with(statements[i].words, "ALTER TYPE");
        if (!alters && !begins_with(statements[i].words, "CREATE TYPE")) continue;
        auto const node = parse(statements[i]);
        Outside what;
        what.kind = "add value";
        if (node && node->type == "CreateEnumStmt") made.insert(text_at(relation_of(at(node->body, "typeName")), "relname"));
        if (node && alters && reads_add_value(*node, what)) added.emplace(i, std::move(what));
    }
    std::set<std::string> used;  // types
    for (auto const& [at, what] : added)
        for (std::size_t i = at + 1; i < statements.size(); ++i)
            if (!added.contains(i) && statements[i].text.find(quote_literal(what.label)) != std::string::npos) used.insert(what.name);
    std::erase_if(added, [&](auto const& one) { return made.contains(one.second.name) || !used.contains(one.second.name); });
    return added;
}

bool sets_session(Statement const& statement) {
    for (auto const* word : {"SET LOCAL", "SET CONSTRAINTS", "SET TRANSACTION"})
        if (begins_with(statement.words, word)) return false;
    return begins_with(statement.words, "SET") || begins_with(statement.words, "RESET");
}

// What cannot be found is left as it is named; the statement itself will say so.
Result<Outside> find(Connection& connection, Session& session, Outside const& named, std::vector<Statement> const& settings) {
    auto const* kind = kind_of(named);
    if (!kind || !kind->find || named.name.empty()) return named;
    UNDROP_TRY(auto const oids, oids_of(connection, named, settings));
    UNDROP_TRY(auto const rows, connection.rows(session.safely(filled(kind->find, named, oids))));
    if (rows.empty()) return named;
    auto what = named;
    auto const text = [&](std::size_t column) { return rows.front()[column].value_or(""); };
    what.schema = text(0);
    what.name = text(1);
    what.table_schema = text(2);
    what.table = text(3);
    what.target = {text(4), text(5), text(6)};
    return what;
}

Result<Effect> probe(Connection& connection, Session& session, Outside const& found) {
    auto const* kind = kind_of(found);
    if (!kind) return Effect::none;
    UNDROP_TRY(auto const rows, connection.rows(session.safely(filled(kind->probe, found))));
    auto const text = rows.at(0).at(0).value_or("none");
    return text == "whole" ? Effect::whole : text == "half" ? Effect::half : Effect::none;
}

Result<void> run_outside(Connection& connection, Session& session, Script const& script, Statement const& statement,
                         std::vector<Statement> const& settings, Options const& options, std::function<void()> const& keep) {
    UNDROP_CHECK(session.enter_outside(script, settings));
    Patience patience(connection, options);
    connection.watch({.cancelled = options.cancelled, .look = [&] {
                          keep();
                          return patience.look();
                      }});
    auto done = connection.run_script(script, statement);
    connection.watch({});
    session.leave_outside();
    if (done.has_value() || connection.lost() || done.error().code != Code::interrupted || !patience.over()) return done;
    auto error = patience.error();
    error.where = done.error().where;
    return error;
}

Result<void> tidy(Connection& connection, Session& session, Outside const& found, Options const& options,
                  std::function<void()> const& keep) {
    auto const* kind = kind_of(found);
    if (!kind || !kind->tidy) return BOOST_OUTCOME_V2_NAMESPACE::success();
    if (!found.whole_table) UNDROP_CHECK(nobody_builds(connection, found, options));
    UNDROP_TRY(auto const statements, connection.rows(session.safely(filled(kind->tidy, found))));
    for (auto const& row : statements) {
        Statement statement;
        statement.text = row[0].value_or("");
        UNDROP_CHECK(run_outside(connection, session, Script{statement.text, ""}, statement, {}, options, keep));
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<std::string> why_not(Connection& connection, Statement const& statement, bool apart) {
    auto const what = may_commit(statement);
    if (!what) return std::string();
    auto const* pattern = apart ? changes_schema : ends_transactions;
    auto const of_procedure = fmt::format(
        "select 'procedure ' || n.nspname || '.' || p.proname from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = "
        "p.pronamespace where p.prokind = 'p' and p.proname = {} {} and p.prosrc ~* {} limit 1",
        quote_literal(what->name), what->schema.empty() ? "" : "and n.nspname = " + quote_literal(what->schema), quote_literal(pattern));
    auto const of_block = fmt::format("select 'the block' where {} ~* {}", quote_literal(statement.text), quote_literal(pattern));
    UNDROP_TRY(auto const found, connection.rows(what->name.empty() ? of_block : of_procedure));
    if (found.empty()) return std::string();
    return found[0][0].value_or("?") +
           (apart ? " changes the schema, truncates, or fills a view anew in transactions of its own, which undrop could not take back"
                  : " commits by itself, and a step is one transaction");
}

}  // namespace undrop::postgres
