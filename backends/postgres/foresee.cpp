// What the text of a script says that it will do. A guess that makes rounds cheap; what it misses is found by the look.
#include <array>
#include <string_view>
#include <vector>

#include "parse.hpp"
#include "postgres_dialect.hpp"

namespace undrop::postgres {

namespace {

using Kind = Foreseen::Touch::Kind;
using nlohmann::json;

// PostgreSQL's functions that scripts use all day and that write to no table. Any other may be the user's, and do anything.
constexpr std::string_view harmless =
    " abs age array_agg array_append array_length array_to_string avg btrim cardinality ceil char_length clock_timestamp concat concat_ws "
    "convert_from convert_to count current_setting currval date_part date_trunc decode dense_rank encode extract first_value floor format "
    "gen_random_uuid generate_series initcap json_agg json_build_object jsonb_agg jsonb_array_elements jsonb_array_elements_text "
    "jsonb_build_array jsonb_build_object jsonb_set lag last_value lastval lead left length lower lpad ltrim make_date make_interval max "
    "md5 min mod nextval now octet_length overlay pg_get_serial_sequence position power quote_ident quote_literal random rank regexp_match "
    "regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table repeat replace reverse right round row_number row_to_json "
    "rpad rtrim set_config setval sha256 split_part sqrt starts_with string_agg string_to_array strpos substr substring sum timezone "
    "to_char to_date to_json to_jsonb to_number to_timestamp translate trim trunc unnest upper uuid_generate_v4 ";

// Functions whose effects a rollback does not take back: other databases and servers, files, other sessions.
constexpr std::string_view outside =
    " dblink dblink_connect dblink_exec dblink_send_query http http_delete http_get http_patch http_post http_put lo_export "
    "pg_cancel_backend pg_drop_replication_slot pg_file_rename pg_file_unlink pg_file_write pg_reload_conf pg_rotate_logfile "
    "pg_terminate_backend ";

std::string name_of_function(json const& function_name) {
    return function_name.empty() ? std::string() : text_at(at(function_name.back(), "String"), "sval");
}

bool is_harmless(json const& function_name) {
    auto const name = name_of_function(function_name);
    bool const built_in = function_name.size() == 1 || text_at(at(function_name.front(), "String"), "sval") == "pg_catalog";
    return built_in && harmless.find(" " + name + " ") != std::string_view::npos;
}

class Foreseeing {
public:
    void see(std::string const& type, json const& body);
    Foreseen result;

private:
    void touch(Kind kind, json const& relation, std::string column = {});
    void touch_each(Kind kind, json const& relations);
    void body_goes(json const& relation, std::string const& what);
    void drop(json const& body);
    void alter(json const& body);
    void create(json const& body);
    void run(json const& root);
    void written(std::string const& type, json const& body);
};

void Foreseeing::touch(Kind kind, json const& relation, std::string column) {
    auto const name = text_at(relation, "relname");
    if (name.empty() || text_at(relation, "relpersistence") == "t") return;
    result.touches.push_back({kind, text_at(relation, "schemaname"), name, std::move(column)});
}

void Foreseeing::touch_each(Kind kind, json const& relations) {
    for (auto const& relation : relations) touch(kind, at(relation, "RangeVar"));
}

// A dotted name as the grammar gives it; `skip` parts at its end are no part of the table's name.
json relation_of(json const& object, std::size_t skip) {
    auto const& parts = at(at(object, "List"), "items");
    json relation = json::object();
    if (parts.size() <= skip) return relation;
    relation["relname"] = text_at(at(parts[parts.size() - 1 - skip], "String"), "sval");
    if (parts.size() >= 2 + skip) relation["schemaname"] = text_at(at(parts[parts.size() - 2 - skip], "String"), "sval");
    return relation;
}

// The names before a trigger's own are its table's.
void Foreseeing::body_goes(json const& relation, std::string const& what) {
    result.bodies.push_back({what == "OBJECT_TRIGGER" ? "" : text_at(relation, "schemaname"), text_at(relation, "relname")});
}

void Foreseeing::drop(json const& body) {
    auto const what = text_at(body, "removeType");
    bool const of_table = what == "OBJECT_TRIGGER" || what == "OBJECT_POLICY" || what == "OBJECT_RULE";
    for (auto const& object : at(body, "objects")) {
        if (what == "OBJECT_TABLE") touch(Kind::drop_table, relation_of(object, 0));
        if (of_table) touch(Kind::alter, relation_of(object, 1));
        if (what == "OBJECT_VIEW" || what == "OBJECT_MATVIEW" || what == "OBJECT_TRIGGER") body_goes(relation_of(object, 0), what);
        if (what == "OBJECT_FUNCTION" || what == "OBJECT_PROCEDURE" || what == "OBJECT_ROUTINE")
            body_goes(relation_of({{"List", {{"items", at(at(object, "ObjectWithArgs"), "objname")}}}}, 0), what);
    }
    // What depends on a schema, a type or a parent table, the text does not say.
    if (text_at(body, "behavior") == "DROP_CASCADE") result.opaque = true;
}

// A plain change to text or varchar is mostly one from the other, which rewrites nothing.
bool rewrites(json const& definition) {
    auto const& names = at(at(definition, "typeName"), "names");
    auto const type = names.empty() ? std::string() : text_at(at(names.back(), "String"), "sval");
    return at(definition, "raw_default").is_object() || (type != "text" && type != "varchar");
}

void Foreseeing::alter(json const& body) {
    auto const& relation = at(body, "relation");
    if (text_at(body, "objtype") == "OBJECT_TYPE")
        for (auto const& item : at(body, "cmds"))
            if (auto const& command = at(item, "AlterTableCmd"); text_at(command, "subtype") == "AT_DropColumn")
                touch(Kind::rewrite_type, relation, text_at(command, "name"));
    if (text_at(body, "objtype") != "OBJECT_TABLE") return;
    bool other = false;
    for (auto const& item : at(body, "cmds")) {
        auto const& command = at(item, "AlterTableCmd");
        bool const drops = text_at(command, "subtype") == "AT_DropColumn";
        if (drops)
            touch(Kind::drop_column, relation, text_at(command, "name"));
        else
            other = true;
        if (text_at(command, "subtype") == "AT_AlterColumnType") {
            if (rewrites(at(at(command, "def"), "ColumnDef"))) touch(Kind::rewrite_table, relation);
            run(at(command, "def"));  // USING is evaluated
        }
        if (text_at(command, "behavior") == "DROP_CASCADE") result.opaque = true;
    }
    if (other) touch(Kind::alter, relation);
}

void Foreseeing::create(json const& body) {
    touch(Kind::create, at(body, "relation"));
    for (auto const& parent : at(body, "inhRelations"))
        if (at(body, "partbound").is_object()) touch(Kind::alter, at(parent, "RangeVar"));
}

void Foreseeing::written(std::string const& type, json const& body) {
    bool const over = text_at(at(body, "onConflictClause"), "action") == "ONCONFLICT_UPDATE";
    if (type == "UpdateStmt" || type == "DeleteStmt" || type == "MergeStmt" || (type == "InsertStmt" && over))
        touch(Kind::rewrite_rows, at(body, "relation"));
    if (type == "FuncCall") {
        auto const name = name_of_function(at(body, "funcname"));
        if (outside.find(" " + name + " ") != std::string_view::npos)
            result.outside.push_back(name + "()");
        else if (!is_harmless(at(body, "funcname")))
            result.opaque = true;
    }
    if (type == "CopyStmt" && at(body, "is_program").is_boolean()) result.outside.emplace_back("COPY with a program");
    if (type == "CopyStmt" && !text_at(body, "filename").empty() && !at(body, "is_from").is_boolean())
        result.outside.emplace_back("COPY to a file");
    if (type == "intoClause") touch(Kind::create, at(body, "rel"));
}

// Statements that run now, however deep: DML in a WITH, functions in an expression.
void Foreseeing::run(json const& root) {
    std::vector<json const*> open{&root};
    while (!open.empty()) {
        auto const& node = *open.back();
        open.pop_back();
        if (!node.is_structured()) continue;
        for (auto const& [name, child] : node.items()) {
            if (node.is_object()) written(name, child);
            open.push_back(&child);
        }
    }
}

enum class Means {
    runs,
    opaque,
    drops,
    replaces_view,
    replaces_function,
    alters,
    creates,
    truncates,
    refreshes,
    alters_relation,
    alters_table,
    creates_as,
    schema
};

struct Rule {
    char const* type;
    Means means;
};

constexpr std::array rules{
    Rule{"SelectStmt", Means::runs},
    Rule{"InsertStmt", Means::runs},
    Rule{"UpdateStmt", Means::runs},
    Rule{"DeleteStmt", Means::runs},
    Rule{"MergeStmt", Means::runs},
    Rule{"CopyStmt", Means::runs},
    Rule{"ExplainStmt", Means::runs},
    Rule{"DeclareCursorStmt", Means::runs},
    Rule{"RefreshMatViewStmt", Means::refreshes},
    Rule{"DoStmt", Means::opaque},
    Rule{"CallStmt", Means::opaque},
    Rule{"ExecuteStmt", Means::opaque},
    Rule{"CreateExtensionStmt", Means::opaque},
    Rule{"AlterExtensionStmt", Means::opaque},
    Rule{"DropOwnedStmt", Means::opaque},
    Rule{"AlterTableMoveAllStmt", Means::opaque},
    Rule{"DropStmt", Means::drops},
    Rule{"ViewStmt", Means::replaces_view},
    Rule{"CreateFunctionStmt", Means::replaces_function},
    Rule{"AlterTableStmt", Means::alters},
    Rule{"CreateStmt", Means::creates},
    Rule{"CreateTableAsStmt", Means::creates_as},
    Rule{"TruncateStmt", Means::truncates},
    Rule{"IndexStmt", Means::alters_relation},
    Rule{"CreateTrigStmt", Means::alters_relation},
    Rule{"RuleStmt", Means::alters_relation},
    Rule{"CreatePolicyStmt", Means::alters_table},
    Rule{"AlterPolicyStmt", Means::alters_table},
    Rule{"RenameStmt", Means::alters_relation},
    Rule{"AlterObjectSchemaStmt", Means::alters_relation},
    Rule{"CreateSchemaStmt", Means::schema},
};

// Renaming an index, a view, a sequence or a type names a relation that is no table.
bool names_a_table(json const& body) {
    auto const what = text_at(body, "renameType") + text_at(body, "objectType");
    if (what == "OBJECT_COLUMN" || what == "OBJECT_ATTRIBUTE") return text_at(body, "relationType") == "OBJECT_TABLE";
    for (auto const* other : {"OBJECT_INDEX", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE", "OBJECT_TYPE"})
        if (what == other) return false;
    return true;
}

void Foreseeing::see(std::string const& type, json const& body) {
    for (auto const& rule : rules) {
        if (type != rule.type) continue;
        switch (rule.means) {
            case Means::runs:
                written(type, body);
                return run(body);
            case Means::opaque:
                result.opaque = true;
                return;
            case Means::drops:
                return drop(body);
            case Means::replaces_view:
                return body_goes(at(body, "view"), "OBJECT_VIEW");
            case Means::replaces_function:
                return body_goes(relation_of({{"List", {{"items", at(body, "funcname")}}}}, 0), "OBJECT_FUNCTION");
            case Means::alters:
                return alter(body);
            case Means::creates:
                return create(body);
            case Means::truncates:
                touch_each(Kind::rewrite_table, at(body, "relations"));
                if (text_at(body, "behavior") == "DROP_CASCADE") result.opaque = true;
                return;
            case Means::refreshes:
                result.opaque = true;  // its query may call anything
                return body_goes(at(body, "relation"), "OBJECT_MATVIEW");
            case Means::alters_relation:
                if (names_a_table(body)) touch(Kind::alter, at(body, "relation"));
                return;
            case Means::alters_table:
                return touch(Kind::alter, at(body, "table"));
            case Means::creates_as:
                if (text_at(body, "objtype") == "OBJECT_TABLE") touch(Kind::create, at(at(body, "into"), "rel"));
                return run(at(body, "query"));
            case Means::schema:
                for (auto const& element : at(body, "schemaElts"))
                    for (auto const& [inner, tree] : element.items()) see(inner, tree);
                return;
        }
    }
}

}  // namespace

Foreseen foresee(std::vector<Statement> const& statements) {
    Foreseeing foreseeing;
    for (auto const& statement : statements)
        if (auto const node = parse(statement)) foreseeing.see(node->type, node->body);
    return std::move(foreseeing.result);
}

}  // namespace undrop::postgres
