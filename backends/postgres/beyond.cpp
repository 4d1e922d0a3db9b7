#include "beyond.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "locator.hpp"
#include "observe.hpp"
#include "parse.hpp"
#include "sql_tokens.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

constexpr char const* of_the_server = "roles are the whole server's, and no way back is derived for them";
constexpr char const* of_the_database = "it is no part of the schema, and no way back is derived for it";

std::string line_of(std::string const& sort, std::string const& name) {
    if (sort == "role") return fmt::format("what is changed of role {} stays so: {}", name, of_the_server);
    if (sort == "roles") return fmt::format("roles or memberships of roles that code of the script changes stay so: {}", of_the_server);
    if (sort == "gone")
        return fmt::format("a setting or comment of a database or role, which is taken away, stays so: {}", of_the_database);
    if (sort == "parameters") return "rights on the server's parameters stay as they are: no way back is derived for them";
    return fmt::format("what is changed of {}{} stays so: {}", sort == "own" ? "PostgreSQL's own " : sort + " ", name, of_the_database);
}

// {0}: whether the row x is ours; {1}: whether what is written is counted; {2}: see beyond_counted. A catalog that nobody has written to is
// not read. Nobody's objects are below 16384; what is the schema's all the same is in kinds/: the schema public, and rights on an
// extension's members.
constexpr char const* query = R"sql(
with wrote(class, changed, updated) as materialized (
    select c, n.inserted + n.updated > 0 or not k.counts, n.updated > 0 or not k.counts
    from unnest(array[1213, 1247, 1255, 1259, 1262, 2396, 2609, 2612, 2615, 2964]::oid[]) c
    cross join lateral (select pg_stat_get_xact_tuples_inserted(c) as inserted, pg_stat_get_xact_tuples_updated(c) as updated) n
    cross join (select {1} as counts) k
), own(class, oid, sub) as (
    select x.classoid, x.objoid, x.objsubid from pg_description x
    where (select w.changed from wrote w where w.class = 2609) and x.objoid < 16384 and not (x.classoid = 2615 and x.objoid = 2200) and {0}
    union
    select m.class, m.oid, 0
    from (select 1255::oid as class, x.oid from pg_proc x where (select w.updated from wrote w where w.class = 1255) and x.oid < 16384 and {0}
          union all
          select 1247, x.oid from pg_type x where (select w.updated from wrote w where w.class = 1247) and x.oid < 16384 and {0}
          union all
          select 1259, x.oid from pg_class x where (select w.updated from wrote w where w.class = 1259) and x.oid < 16384 and {0}
          union all
          select 2612, x.oid from pg_language x where (select w.updated from wrote w where w.class = 2612) and x.oid < 16384 and {0}) m
    where not exists (select from pg_depend d where d.classid = m.class and d.objid = m.oid and d.deptype = 'e')
    union
    select 2615, x.oid, 0 from pg_namespace x
    where (select w.updated from wrote w where w.class = 2615) and x.oid < 16384 and x.oid <> 2200 and {0}
)
select 'own', pg_describe_object(o.class, o.oid, o.sub) from own o
union
select 'database', x.datname from pg_database x where (select w.changed from wrote w where w.class = 1262) and {0}
union
select case when x.setrole = 0 and x.setdatabase <> 0 then 'database' else 'role' end,
       case when x.setrole <> 0 then pg_get_userbyid(x.setrole)
            when x.setdatabase <> 0 then (select d.datname from pg_database d where d.oid = x.setdatabase) else 'ALL' end
from pg_db_role_setting x where (select w.changed from wrote w where w.class = 2964) and {0}
union
select case x.classoid when 1262 then 'database' when 1260 then 'role' else 'tablespace' end,
       coalesce((select d.datname from pg_database d where x.classoid = 1262 and d.oid = x.objoid),
                (select s.spcname from pg_tablespace s where x.classoid = 1213 and s.oid = x.objoid), pg_get_userbyid(x.objoid))
from pg_shdescription x where (select w.changed from wrote w where w.class = 2396) and {0}
union
select 'tablespace', x.spcname from pg_tablespace x where (select w.changed from wrote w where w.class = 1213) and {0}
union
select (array['roles', 'parameters', 'gone'])[n.i], ''
from generate_series(1, 3) n(i) where ({2}::int8[])[n.i] > ($2::int8[])[n.i]
order by 1, 2)sql";

// The name in the member `name` of what a statement is about, by the words that the tree has for its kind.
std::string named_by(nlohmann::json const& object) {
    if (auto const name = text_at(at(object, "String"), "sval"); !name.empty()) return name;
    return text_at(at(object, "RoleSpec"), "rolename");
}

std::string about(std::string const& type, std::string const& name) {
    if (type == "OBJECT_DATABASE") return line_of("database", name);
    if (type == "OBJECT_TABLESPACE") return line_of("tablespace", name);
    if (type == "OBJECT_ROLE") return line_of("role", name);
    if (type == "OBJECT_PARAMETER_ACL") return line_of("parameters", "");
    return {};
}

// What a DO block makes, by its text.
std::string role_made_in(std::string const& block) {
    auto const all = tokens(block);
    for (std::size_t i = 2; i < all.size(); ++i)
        if (all[i - 2].is("create") && (all[i - 1].is("role") || all[i - 1].is("user") || all[i - 1].is("group")) && !all[i].is("mapping"))
            return all[i].text;
    return {};
}

std::string of_block(nlohmann::json const& block) {
    std::string role;
    for (auto const& argument : at(block, "args"))
        if (role.empty()) role = role_made_in(text_at(at(at(at(argument, "DefElem"), "arg"), "String"), "sval"));
    return role.empty() ? role : fmt::format("role {}, where this makes it, stays: {}", role, of_the_server);
}

std::string of_roles(Node const& node) {
    if (node.type == "CreateRoleStmt") return fmt::format("role {} stays: {}", text_at(node.body, "role"), of_the_server);
    if (node.type == "AlterRoleStmt" || node.type == "AlterRoleSetStmt") {
        auto const name = text_at(at(node.body, "role"), "rolename");
        return line_of("role", name.empty() ? "ALL" : name);
    }
    if (node.type == "GrantRoleStmt") return fmt::format("memberships of roles stay as they are: {}", of_the_server);
    if (node.type != "DropRoleStmt") return {};
    std::string names;
    for (auto const& role : at(node.body, "roles")) names += (names.empty() ? "" : ", ") + text_at(at(role, "RoleSpec"), "rolename");
    return fmt::format("role {} does not come back: {}", names, of_the_server);
}

}  // namespace

std::string beyond_schema(Statement const& statement) {
    auto const begins = [&](auto const&... words) {
        return ((statement.words.starts_with(words) &&
                 (statement.words.size() == std::string_view(words).size() || statement.words[std::string_view(words).size()] == ' ')) ||
                ...);
    };
    if (!begins("DO", "CREATE ROLE", "CREATE USER", "CREATE GROUP", "ALTER ROLE", "ALTER USER", "ALTER GROUP", "DROP ROLE", "DROP USER",
                "DROP GROUP", "GRANT", "REVOKE", "ALTER DATABASE", "ALTER TABLESPACE", "COMMENT ON DATABASE", "COMMENT ON ROLE",
                "COMMENT ON TABLESPACE"))
        return {};
    auto const node = parse(statement);
    if (!node) return {};
    if (node->type == "DoStmt") return of_block(node->body);
    if (auto roles = of_roles(*node); !roles.empty()) return roles;
    auto const& body = node->body;
    if (node->type == "AlterDatabaseStmt" || node->type == "AlterDatabaseSetStmt" || node->type == "AlterDatabaseRefreshCollStmt")
        return line_of("database", text_at(body, "dbname"));
    if (node->type == "AlterTableSpaceOptionsStmt") return line_of("tablespace", text_at(body, "tablespacename"));
    if (node->type == "CommentStmt") return about(text_at(body, "objtype"), named_by(at(body, "object")));
    if (node->type == "AlterOwnerStmt") return about(text_at(body, "objectType"), named_by(at(body, "object")));
    if (node->type == "RenameStmt") return about(text_at(body, "renameType"), text_at(body, "subname"));
    if (node->type != "GrantStmt") return {};
    auto const& objects = at(body, "objects");
    return about(text_at(body, "objtype"), objects.empty() ? std::string() : named_by(objects.front()));
}

Result<std::vector<std::string>> changed_beyond(Connection& connection, Mark const& mark, std::vector<std::string> const& said,
                                                bool script_sets_counters) {
    UNDROP_CHECK(pin_search_path(connection));
    auto const sql = fmt::format(query, made_by("$1", "x.xmin"), counters_hold(connection, script_sets_counters), beyond_counted);
    UNDROP_TRY(auto const rows, connection.repeated(sql, std::array{Cell(mark.transaction), Cell(mark.beyond)}));
    std::vector<std::string> found;
    auto const is_said = [&](char const* reason) {
        return std::any_of(said.begin(), said.end(), [&](std::string const& line) { return line.ends_with(reason); });
    };
    for (auto const& row : rows) {
        auto const sort = row[0].value_or("");
        if ((sort == "role" || sort == "roles" || sort == "gone") && is_said(of_the_server)) continue;
        if (sort == "gone" && is_said(of_the_database)) continue;
        found.push_back(line_of(sort, row[1].value_or("")));
    }
    return found;
}

}  // namespace undrop::postgres
