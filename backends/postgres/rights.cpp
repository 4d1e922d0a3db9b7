// What our role may not make again, or not do, told before it is needed (P7): a step that takes what it could not bring back is refused.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>

#include "connection.hpp"
#include "postgres_backend.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

using Objects = Catalog;
using Names = std::set<std::string>;

std::string array(Names const& names) {
    std::vector<std::string> quoted;
    for (auto const& name : names) quoted.push_back(quote_literal(name));
    return fmt::format("array[{}]::text[]", fmt::join(quoted, ", "));
}

// What stands between these words in an object's text, without quotes; empty: it does not say.
std::string word_after(std::string const& text, std::string_view before) {
    auto const at = text.find(before);
    if (at == std::string::npos) return {};
    auto const from = at + before.size();
    if (from >= text.size()) return {};
    if ((text[from] == '"' || text[from] == '\'')) {
        auto const quote = text[from];
        std::string word;
        for (auto i = from + 1; i < text.size(); ++i) {
            if (text[i] == quote && (i + 1 >= text.size() || text[++i] != quote)) break;
            word += text[i];
        }
        return word;
    }
    return text.substr(from, text.find_first_of(" ;,\n)", from) - from);
}

// Who gave the rights that this text gives, beside the owner (kinds/grants.cpp): in a block, so as a text in a text.
Names grantors(std::string const& make) {
    constexpr std::string_view becomes = "set_config('role', '";
    Names names;
    std::string text;
    for (std::size_t i = 0; i < make.size(); ++i) {
        text += make[i];
        if (make.compare(i, 2, "''") == 0) ++i;
    }
    for (auto at = text.find(becomes); at != std::string::npos; at = text.find(becomes, at + 1))
        names.insert(word_after(text.substr(at + becomes.size() - 1), ""));
    return names;
}

bool has_own_schema(ObjectId const& id) {
    constexpr std::array kinds{"table",    "view",      "materialized_view", "sequence",  "type",
                               "function", "procedure", "aggregate",         "collation", "statistics"};
    return std::find(kinds.begin(), kinds.end(), id.kind) != kinds.end();
}

// A property of something that has a name beside its schema: its owner, its rights, how a table is stored.
bool is_property(ObjectId const& id) {
    constexpr std::array kinds{"storage", "replica_identity", "clustered_on", "row_security", "partition"};
    return id.kind.starts_with("owner of ") || id.kind.starts_with("grants on ") ||
           std::find(kinds.begin(), kinds.end(), id.kind) != kinds.end();
}

Finding finding(std::string text, std::string advice) {
    return {.severity = Finding::Severity::stop, .code = "rights", .text = std::move(text), .next = {.advice = std::move(advice)}};
}

class Rights {
public:
    Rights(Connection& connection, Objects const& objects) : connection_(connection), objects_(objects) {}
    [[nodiscard]] Result<std::vector<Finding>> look() {
        UNDROP_TRY(auto const rows,
                   connection_.rows("select current_user, rolsuper from pg_catalog.pg_roles where rolname = current_user"));
        if (rows.empty() || rows[0][1] == "t") return found_;
        me_ = rows[0][0].value_or("");
        UNDROP_CHECK(owners());
        UNDROP_CHECK(schemas());
        UNDROP_CHECK(tables());
        UNDROP_CHECK(languages());
        UNDROP_CHECK(references());
        UNDROP_CHECK(parents());
        UNDROP_CHECK(files());
        UNDROP_CHECK(types());
        UNDROP_CHECK(publications());
        UNDROP_CHECK(extensions());
        return std::move(found_);
    }

private:
    // Each object once, by the first reason.
    void say(ObjectId const& id, std::string const& reason, std::string const& advice) {
        if (said_.insert({id.parent, id.name}).second)
            found_.push_back(finding(fmt::format("{} could not be made again by {}: {}", id.text(), me_, reason), advice));
    }

    [[nodiscard]] Result<void> owners();
    [[nodiscard]] Result<void> schemas();
    [[nodiscard]] Result<void> tables();
    [[nodiscard]] Result<void> languages();
    [[nodiscard]] Result<void> references();
    [[nodiscard]] Result<void> parents();
    [[nodiscard]] Result<void> files();
    [[nodiscard]] Result<void> types();
    [[nodiscard]] Result<void> publications();
    [[nodiscard]] Result<void> extensions();

    // name -> further cells, of a query whose `$` is replaced by these names
    [[nodiscard]] Result<std::map<std::string, Row>> ask(std::string_view sql, Names const& names);

    Connection& connection_;
    Objects const& objects_;
    std::string me_;
    std::vector<Finding> found_;
    std::set<std::pair<std::string, std::string>> said_;
};

Result<std::map<std::string, Row>> Rights::ask(std::string_view sql, Names const& names) {
    std::map<std::string, Row> answers;
    if (names.empty()) return answers;
    auto text = std::string(sql);
    text.replace(text.find('$'), 1, array(names));
    UNDROP_TRY(auto const rows, connection_.rows(text));
    for (auto const& row : rows) answers.emplace(row[0].value_or(""), row);
    return answers;
}

// What comes back as another's has to be given to that role.
Result<void> Rights::owners() {
    std::map<ObjectId, Names> roles;
    Names all;
    for (auto const& [id, object] : objects_) {
        if (id.kind.starts_with("owner of ")) roles[id] = {word_after(object.make, " OWNER TO ")};
        if (id.kind.starts_with("grants on ")) roles[id] = grantors(object.make);
    }
    for (auto const& [id, names] : roles) all.insert(names.begin(), names.end());
    auto const how = connection_.server_version() >= 160000 ? "SET" : "MEMBER";
    UNDROP_TRY(auto const lacking, ask(fmt::format("select r.rolname from pg_catalog.pg_roles r where r.rolname = any($) and not "
                                                   "pg_catalog.pg_has_role(current_user, r.oid, '{}')",
                                                   how),
                                       all));
    for (auto const& [id, names] : roles) {
        for (auto const& name : names) {
            if (!lacking.contains(name)) continue;
            auto const owned = id.kind.starts_with("owner of ");
            ObjectId const what{.kind = owned ? id.kind.substr(9) : id.kind, .parent = id.parent, .name = id.name};
            say(what,
                fmt::format(fmt::runtime(owned ? "it belongs to {0}, and {1} is no member of {0}"
                                               : "{0} gave some of them, and {1} is no member of {0}"),
                            name, me_),
                fmt::format(
                    "let a superuser say GRANT {} TO {}, or run undrop as a role that is a member of both (--role, or another user in "
                    "the URL); what is to go for good, let {} drop before",
                    quote_identifier(name), quote_identifier(me_), name));
        }
    }
    // And that role must be allowed to have it there.
    for (auto const& [id, names] : roles) {
        if (!id.kind.starts_with("owner of ") || id.parent.empty()) continue;
        for (auto const& name : names) {
            if (name == me_ || lacking.contains(name)) continue;
            UNDROP_TRY(auto const rows, connection_.rows(fmt::format("select 1 from pg_catalog.pg_namespace n, pg_catalog.pg_roles r where "
                                                                     "pg_catalog.quote_ident(n.nspname) = {} and r.rolname = {} and not "
                                                                     "pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')",
                                                                     quote_literal(id.parent), quote_literal(name))));
            if (!rows.empty())
                say({.kind = id.kind.substr(9), .parent = id.parent, .name = id.name},
                    fmt::format("it belongs to {}, who may not create in schema {}", name, id.parent),
                    fmt::format("GRANT CREATE ON SCHEMA {} TO {}", id.parent, quote_identifier(name)));
        }
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Rights::schemas() {
    Names names;
    for (auto const& [id, object] : objects_)
        if (has_own_schema(id)) names.insert(id.parent);
    UNDROP_TRY(auto const lacking,
               ask("select pg_catalog.quote_ident(n.nspname), pg_catalog.has_schema_privilege(n.oid, 'USAGE') from "
                   "pg_catalog.pg_namespace n where pg_catalog.quote_ident(n.nspname) = any($) and not "
                   "(pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_schema_privilege(n.oid, 'CREATE'))",
                   names));
    for (auto const& [id, object] : objects_)
        if (auto const in = lacking.find(id.parent); in != lacking.end() && has_own_schema(id))
            say(id, fmt::format("it may not {} schema {}", in->second[1] == "t" ? "create in" : "use", id.parent),
                fmt::format("let its owner say GRANT USAGE, CREATE ON SCHEMA {} TO {}, or run undrop as a role that may (--role)",
                            id.parent, quote_identifier(me_)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// What belongs to a table that stays is made by its owner, and a property changed by the owner of what has it.
Result<void> Rights::tables() {
    auto const relation = [](ObjectId const& id) { return is_property(id) ? id.parent + "." + quote_identifier(id.name) : id.parent; };
    Names names;
    for (auto const& [id, object] : objects_)
        if (id.kind != "publication_table") names.insert(relation(id));
    UNDROP_TRY(
        auto const others,
        ask("select q.name, pg_catalog.pg_get_userbyid(c.relowner), n.nspname, pg_catalog.pg_has_role(c.relowner, 'USAGE') from "
            "pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace cross join lateral (select "
            "pg_catalog.format('%I.%I', n.nspname, c.relname) as name union select pg_catalog.quote_ident(n.nspname) || '.\"' || "
            "pg_catalog.replace(c.relname, '\"', '\"\"') || '\"') q where q.name = any($) and c.relkind in ('r', 'p', 'v', 'm', 'S') "
            "and not (pg_catalog.pg_has_role(c.relowner, 'USAGE') and pg_catalog.has_schema_privilege(n.oid, 'USAGE') and "
            "pg_catalog.has_schema_privilege(n.oid, 'CREATE'))",
            names));
    for (auto const& [id, object] : objects_) {
        auto const table = others.find(relation(id));
        if (table == others.end() || id.kind == "publication_table") continue;
        auto const owner = table->second[1].value_or("");
        auto const schema = quote_identifier(table->second[2].value_or(""));
        if (table->second[3] != "t")
            say(id, fmt::format("{} belongs to {}", is_property(id) ? id.parent + "." + id.name : id.parent, owner),
                fmt::format("let a superuser say GRANT {} TO {}, or run undrop as a role that is a member of both (--role)",
                            quote_identifier(owner), quote_identifier(me_)));
        else if (id.kind == "index" || id.kind == "constraint")
            say(id, fmt::format("it may not create in schema {}", schema),
                fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {}", schema, quote_identifier(me_)));
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Rights::languages() {
    std::map<ObjectId, std::string> of;
    Names names;
    for (auto const& [id, object] : objects_)
        if (id.kind == "function" || id.kind == "procedure") names.insert(of[id] = word_after(object.make, "\n LANGUAGE "));
    UNDROP_TRY(auto const lacking, ask("select l.lanname, l.lanpltrusted from pg_catalog.pg_language l where l.lanname = any($) and not "
                                       "(l.lanpltrusted and pg_catalog.has_language_privilege(l.oid, 'USAGE'))",
                                       names));
    for (auto const& [id, language] : of) {
        auto const found = lacking.find(language);
        if (found == lacking.end()) continue;
        auto const trusted = found->second[1] == "t";
        say(id,
            trusted ? fmt::format("it may not use language {}", language) : fmt::format("only a superuser may use language {}", language),
            trusted ? fmt::format("GRANT USAGE ON LANGUAGE {} TO {}", quote_identifier(language), quote_identifier(me_))
                    : "run this step as a superuser (--role, or another user in the URL)");
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Rights::references() {
    std::map<ObjectId, Names> to;
    Names names;
    for (auto const& [id, object] : objects_) {
        if (id.kind != "foreign_key") continue;
        for (auto const& need : object.needs)
            if (need.parent != id.parent && need.kind == "column") to[id].insert(need.parent);
        names.insert(to[id].begin(), to[id].end());
    }
    UNDROP_TRY(auto const lacking,
               ask("select q.name, pg_catalog.pg_get_userbyid(c.relowner) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on "
                   "n.oid = c.relnamespace cross join lateral (select pg_catalog.format('%I.%I', n.nspname, c.relname) as name) q where "
                   "q.name = any($) and c.relkind in ('r', 'p') and not (pg_catalog.has_table_privilege(c.oid, 'REFERENCES') or "
                   "pg_catalog.has_any_column_privilege(c.oid, 'REFERENCES'))",
                   names));
    for (auto const& [id, parents] : to)
        for (auto const& parent : parents)
            if (lacking.contains(parent))
                say(id, fmt::format("it may not refer to {}, which belongs to {}", parent, lacking.at(parent)[1].value_or("")),
                    fmt::format("let its owner say GRANT REFERENCES ON {} TO {}", parent, quote_identifier(me_)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// A partition, or a table that inherits, is given to its parent by the owner of both; going takes its own owner alone.
Result<void> Rights::parents() {
    std::map<ObjectId, Names> of;
    Names names;
    auto const text = [](ObjectId const& table) { return table.parent + "." + quote_identifier(table.name); };
    for (auto const& [id, object] : objects_) {
        if (id.kind != "partition" && id.kind != "table") continue;
        for (auto const& need : object.needs)
            if (need.kind == "table" && (need.parent != id.parent || need.name != id.name)) of[id].insert(text(need));
        names.insert(of[id].begin(), of[id].end());
    }
    UNDROP_TRY(auto const others, ask("select q.name, pg_catalog.pg_get_userbyid(c.relowner) from pg_catalog.pg_class c join "
                                      "pg_catalog.pg_namespace n on n.oid = c.relnamespace cross join lateral (select "
                                      "pg_catalog.quote_ident(n.nspname) || '.\"' || pg_catalog.replace(c.relname, '\"', '\"\"') || '\"' "
                                      "as name) q where q.name = any($) and not pg_catalog.pg_has_role(c.relowner, 'USAGE')",
                                      names));
    for (auto const& [id, parents] : of)
        for (auto const& parent : parents)
            if (others.contains(parent)) {
                auto const owner = others.at(parent)[1].value_or("");
                say(id, fmt::format("{} belongs to {}", parent, owner),
                    fmt::format("let a superuser say GRANT {} TO {}, or run undrop as a role that is a member of both (--role)",
                                quote_identifier(owner), quote_identifier(me_)));
            }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// file_fdw lets only some name a file or a program, whoever owns the table.
Result<void> Rights::files() {
    std::map<ObjectId, std::string> servers;
    Names names;
    for (auto const& [id, object] : objects_)
        if (id.kind == "foreign_table" || id.kind == "server") {
            servers[id] = id.kind == "server" ? id.name : word_after(object.make, " SERVER ");
            names.insert(servers[id]);
        }
    UNDROP_TRY(
        auto const of_files,
        ask("select s.srvname, pg_catalog.pg_has_role('pg_read_server_files', 'USAGE'), "
            "pg_catalog.pg_has_role('pg_execute_server_program', 'USAGE') from pg_catalog.pg_foreign_server s join "
            "pg_catalog.pg_depend d on d.classid = 2328 and d.objid = s.srvfdw and d.deptype = 'e' join pg_catalog.pg_extension x on "
            "x.oid = d.refobjid and x.extname = 'file_fdw' where s.srvname = any($)",
            names));
    for (auto const& [id, server] : servers) {
        auto const found = of_files.find(server);
        if (id.kind != "foreign_table" || found == of_files.end()) continue;
        auto const runs = objects_.at(id).make.find("program ") != std::string::npos;
        if (found->second[runs ? 2 : 1] == "t") continue;
        auto const* role = runs ? "pg_execute_server_program" : "pg_read_server_files";
        say(id, fmt::format("only a superuser or a member of {} may have it read {}", role, runs ? "a program's output" : "a file"),
            fmt::format("let a superuser say GRANT {} TO {}, or run this step as a superuser (--role, or another user in the URL)", role,
                        quote_identifier(me_)));
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Rights::types() {
    Names names;
    auto const is_type = [](ObjectId const& need) { return need.kind == "type"; };
    auto const text = [](ObjectId const& need) { return need.parent + "." + quote_identifier(need.name); };
    for (auto const& [id, object] : objects_)
        for (auto const& need : object.needs)
            if (is_type(need)) names.insert(text(need));
    UNDROP_TRY(auto const lacking,
               ask("select q.name, pg_catalog.pg_get_userbyid(t.typowner) from pg_catalog.pg_type t join pg_catalog.pg_namespace n on "
                   "n.oid = t.typnamespace cross join lateral (select pg_catalog.quote_ident(n.nspname) || '.\"' || "
                   "pg_catalog.replace(t.typname, '\"', '\"\"') || '\"' as name) q where q.name = any($) and not "
                   "pg_catalog.has_type_privilege(t.oid, 'USAGE')",
                   names));
    for (auto const& [id, object] : objects_)
        for (auto const& need : object.needs)
            if (is_type(need) && lacking.contains(text(need)) && (id.kind == "column" || has_own_schema(id)))
                say(id,
                    fmt::format("it may not use type {}.{}, which belongs to {}", need.parent, need.name,
                                lacking.at(text(need))[1].value_or("")),
                    fmt::format("let its owner say GRANT USAGE ON TYPE {} TO {}", text(need), quote_identifier(me_)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Rights::publications() {
    Names names;
    for (auto const& [id, object] : objects_)
        if (id.kind == "publication_table") names.insert(id.name);
    UNDROP_TRY(auto const others, ask("select p.pubname, pg_catalog.pg_get_userbyid(p.pubowner) from pg_catalog.pg_publication p where "
                                      "p.pubname = any($) and not pg_catalog.pg_has_role(p.pubowner, 'USAGE')",
                                      names));
    for (auto const& [id, object] : objects_)
        if (id.kind == "publication_table" && others.contains(id.name))
            say(id, fmt::format("publication {} belongs to {}", id.name, others.at(id.name)[1].value_or("")),
                fmt::format(
                    "let its owner take {} out of it before, and put it back after a rollback; or run undrop as a member of that role "
                    "(--role)",
                    id.parent));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// Asked of extensions that went: while one is there it is an object only where it could be made again.
Result<void> Rights::extensions() {
    for (auto const& [id, object] : objects_) {
        if (id.kind != "extension") continue;
        auto const version = word_after(object.make, " VERSION ");
        UNDROP_TRY(auto const rows,
                   connection_.rows(fmt::format(
                       "select v.superuser and not (v.trusted and pg_catalog.has_database_privilege(current_database(), 'CREATE')) from "
                       "pg_catalog.pg_available_extension_versions v where v.name = {} and v.version = {}",
                       quote_literal(id.name), quote_literal(version))));
        if (rows.empty())
            say(id, fmt::format("version {} of it is not installed on this server", version),
                "install the server's package that has it (`select * from pg_available_extension_versions` lists what is there)");
        else if (rows[0][0] == "t")
            say(id, "only a superuser may create it", "run this step as a superuser (--role, or another user in the URL)");
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace

Result<std::vector<Finding>> PostgresBackend::cannot_make(Catalog const& objects) {
    if (objects.empty()) return std::vector<Finding>{};
    return Rights(connection_, objects).look();
}

}  // namespace undrop::postgres
