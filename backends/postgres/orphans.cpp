#include "orphans.hpp"

#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errors.hpp"
#include "parse.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

using nlohmann::json;

struct Reference {
    struct Side {
        std::string sql;
        std::string text;  // for people
    };
    Side child;
    Side parent;
    ForeignKey key;
};

Reference::Side side_of(json const& range) {
    auto const schema = text_at(range, "schemaname");
    auto const name = text_at(range, "relname");
    return {PostgresDialect().relation(schema, name), schema.empty() ? name : schema + "." + name};
}

std::vector<std::string> names_of(json const& list) {
    std::vector<std::string> names;
    for (auto const& item : list) names.push_back(text_at(at(item, "String"), "sval"));
    return names;
}

// ALTER TABLE child ADD CONSTRAINT name FOREIGN KEY (...) REFERENCES parent(...)
std::optional<Reference> read(std::string const& definition) {
    auto const node = parse({.text = definition.substr(0, definition.rfind(';')), .words = {}});
    if (!node || node->type != "AlterTableStmt") return {};
    auto const& commands = at(node->body, "cmds");
    if (commands.size() != 1) return {};
    auto const& constraint = at(at(at(commands.at(0), "AlterTableCmd"), "def"), "Constraint");
    auto const& parent = at(constraint, "pktable");
    ForeignKey key{.name = text_at(constraint, "conname"),
                   .columns = names_of(at(constraint, "fk_attrs")),
                   .parents_schema = text_at(parent, "schemaname"),
                   .parent = text_at(parent, "relname"),
                   .parents_columns = names_of(at(constraint, "pk_attrs")),
                   .full = text_at(constraint, "fk_matchtype") == "f"};
    if (key.columns.empty() || key.columns.size() != key.parents_columns.size()) return {};
    return Reference{side_of(at(node->body, "relation")), side_of(parent), std::move(key)};
}

// What would make the foreign key that the server named, where it is there.
Result<std::string> definition_of(Connection& connection, Violated const& violated) {
    UNDROP_TRY(auto const rows, connection.rows(fmt::format(
                                    "select pg_catalog.format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, "
                                    "k.conname, pg_catalog.pg_get_constraintdef(k.oid)) "
                                    "from pg_catalog.pg_constraint k join pg_catalog.pg_class c on c.oid = k.conrelid "
                                    "join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
                                    "where k.contype = 'f' and n.nspname = {} and c.relname = {} and k.conname = {}",
                                    quote_literal(violated.schema), quote_literal(violated.table), quote_literal(violated.constraint))));
    return rows.empty() ? std::string() : rows[0][0].value_or("");
}

// A foreign key is of a table's own rows, and to such: of partitions, but not of tables that inherit.
Result<std::string> rows_of(Connection& connection, Reference::Side const& side) {
    UNDROP_TRY(auto const kind,
               connection.rows(fmt::format("select k.relkind from pg_catalog.pg_class k where k.oid = {}::pg_catalog.regclass",
                                           quote_literal(side.sql))));
    return kind.at(0).at(0) == "p" ? side.sql : "ONLY " + side.sql;
}

Result<std::string> count(Connection& connection, Reference const& reference) {
    std::vector<std::string> present;
    std::vector<std::string> joined;
    for (std::size_t i = 0; i < reference.key.columns.size(); ++i) {
        auto const column = quote_identifier(reference.key.columns[i]);
        present.push_back(fmt::format("c.{} is not null", column));
        joined.push_back(fmt::format("p.{} = c.{}", quote_identifier(reference.key.parents_columns[i]), column));
    }
    UNDROP_TRY(auto const children, rows_of(connection, reference.child));
    UNDROP_TRY(auto const parents, rows_of(connection, reference.parent));
    UNDROP_TRY(auto const rows, connection.rows(fmt::format(
                                    "select count(*) from {} c where ({}) and not exists (select from {} p where {})", children,
                                    fmt::join(present, reference.key.full ? " or " : " and "), parents, fmt::join(joined, " and "))));
    return rows.at(0).at(0).value_or("");
}

// How many rows it is, as far as that can be found out; the transaction is rolled back afterwards, so the foreign key may go for it.
Result<void> explain(Connection& connection, Error& error, std::string definition, std::function<Result<void>()> const& work) {
    auto const violated = connection.violated();
    UNDROP_CHECK(connection.run("rollback to savepoint undrop_orphans"));
    auto const there = definition.empty();
    if (there) {
        UNDROP_TRY(definition, definition_of(connection, violated));
    }
    auto const reference = read(definition);
    if (!reference) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_TRY(auto rows, count(connection, *reference));
    if (rows == "0" && there) {
        auto const drop = fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", reference->child.sql, quote_identifier(reference->key.name));
        UNDROP_CHECK(connection.run(drop));
        UNDROP_CHECK(work());
        UNDROP_TRY(rows, count(connection, *reference));
    }
    error.message = fmt::format("foreign key \"{}\" does not hold: {} row(s) of {} refer to rows of {} that are not there",
                                reference->key.name, rows, reference->child.text, reference->parent.text);
    error.next.advice = fmt::format(
        "make the missing rows of {} again, or delete or change the rows of {} that refer to them, and try again; saved rows stay in their "
        "snapshot with --on-orphan keep",
        reference->parent.text, reference->child.text);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace

std::optional<ForeignKey> foreign_key_of(std::string const& definition) {
    if (definition.find(" NOT VALID") != std::string::npos) return {};
    auto reference = read(definition);
    return reference ? std::optional(std::move(reference->key)) : std::nullopt;
}

Result<void> naming_orphans(Connection& connection, std::string const& definition, std::function<Result<void>()> const& work) {
    UNDROP_CHECK(connection.run("savepoint undrop_orphans"));
    auto done = work();
    if (done.has_value()) {
        UNDROP_CHECK(connection.run("release savepoint undrop_orphans"));
        return done;
    }
    auto error = std::move(done).error();
    if (sqlstate(error) != "23503" || connection.lost()) return error;
    auto const& violated = connection.violated();
    error.code = Code::refused;
    error.message = fmt::format("foreign key \"{}\" of {}.{} does not hold: rows refer to rows that are not there", violated.constraint,
                                violated.schema, violated.table);
    error.next.advice =
        "make the missing rows again, or delete or change the rows that refer to them, and try again; saved rows stay in their "
        "snapshot with --on-orphan keep";
    (void)explain(connection, error, definition, work);  // where it fails, the names alone have to do
    return error;
}

Result<std::optional<std::int64_t>> orphans_of(Connection& connection, std::string const& definition) {
    auto const reference = read(definition);
    if (!reference) return std::optional<std::int64_t>{};
    UNDROP_TRY(auto const rows, count(connection, *reference));
    return std::optional(static_cast<std::int64_t>(std::stoll(rows)));
}

}  // namespace undrop::postgres
